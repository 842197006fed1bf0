"""A network that is fine-tuned from POET's published weights starts as that network."""

from pathlib import Path

import pytest
import torch
import yaml

from poetlab.data.image_size import ImageSizeSettings
from poetlab.model.checkpoint import load_snapshot
from poetlab.model.poet import Poet
from poetlab.model.presets import find_preset
from poetlab.model.published import from_published
from poetlab.project import Config, create_project
from poetlab.skeleton import load_skeleton
from poetlab.training.settings import TrainingSettings
from poetlab.workflow.importing import import_labels
from poetlab.workflow.training import train


class StopError(Exception):
    """Ends a training after its first step, before it is saved again."""


def stop(*_: object) -> None:
    raise StopError


@pytest.mark.shared_data
@pytest.mark.slow
@torch.no_grad()
def test_macaques_start_at_exactly_the_predictions_of_the_coco_network(
    shared_data: Path, recipe_weights: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    torch.save({"model": recipe_weights}, tmp_path / "poet_ckpt.pth")
    config = Config(
        preset="poet-r50",
        image_size=ImageSizeSettings(short_side=(48, 64), long_side=64),
        training=TrainingSettings(batch_size=1),
    )
    project = create_project(tmp_path / "project", "macaque", config=config)
    import_labels(project, shared_data / "macaque", label_format="macaquepose", name="macaque", val_fraction=0)
    with pytest.raises(StopError), torch.enable_grad():
        train(project, pretrained=str(tmp_path / "poet_ckpt.pth"), device="cpu", on_step=stop)

    (folder,) = project.runs()
    snapshot = load_snapshot(folder.last)
    keypoints = load_skeleton("coco-person").keypoints
    assert snapshot.facts["progress"]["step"] == 0, "as it was before the first step"
    assert snapshot.skeleton.keypoints == keypoints
    assert snapshot.facts["keypoints_from"] == {name: name for name in keypoints}
    settings = yaml.safe_load(folder.settings.read_text())
    assert (settings["transfer"]["adapted"], settings["transfer"]["left"]) == ([], [])

    published = Poet(find_preset("poet-r50"), len(keypoints)).eval()
    published.load_state_dict(from_published(recipe_weights))
    started = snapshot.build_model()
    images = torch.randn(2, 3, 96, 128)
    padding = torch.zeros(2, 96, 128, dtype=torch.bool)
    padding[0, 64:] = True
    for padded in (padding, None):
        found, expected = started(images, padded), published(images, padded)
        assert expected.class_logits.std() > 0.1
        assert torch.equal(found.class_logits, expected.class_logits)
        assert torch.equal(found.pose_vectors, expected.pose_vectors)
