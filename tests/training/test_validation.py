"""Validation: the loss of a set of images, in the same pass as its figures."""

from dataclasses import replace

import pandas as pd
import pytest
import torch
import torch.nn.functional as F

from poetlab.data.augment import resize
from poetlab.data.image_size import ImageSizeSettings, input_size
from poetlab.data.samples import read_sample
from poetlab.inference import Predictor
from poetlab.labels.label_set import LabelSet
from poetlab.model.checkpoint import load_snapshot
from poetlab.model.loss import poet_loss
from poetlab.model.loss_settings import LossSettings
from poetlab.model.poet import Poet, PoetOutput
from poetlab.model.pose_vector import stack_targets
from poetlab.model.presets import ModelSettings
from poetlab.project import Project, open_project
from poetlab.skeleton import Skeleton
from poetlab.training.objective import Objective
from poetlab.training.settings import TrainingSettings
from poetlab.training.validation import validate
from poetlab.workflow.training import train

IMAGE_SIZE = ImageSizeSettings(short_side=(48, 64), long_side=64)
WEIGHTS = LossSettings(offsets_with_center=True)
ANY_SKELETON = Skeleton("any", ("head",))
OBJECTIVE = Objective(TrainingSettings(loss=WEIGHTS), ANY_SKELETON)  # the faithful loss does not depend on the skeleton
PARTS = ("classes", "keypoints", "visibility", "centers", "offsets")


@pytest.fixture
def label_sets(project_with_other: Project) -> list[LabelSet]:
    """Images of two sizes; one has no animal."""
    drawn, other = project_with_other.label_sets()
    negative, *others = drawn.images
    return [replace(drawn, images=(replace(negative, instances=()), *others)), other]


@pytest.fixture
def predictor(label_sets: list[LabelSet]) -> Predictor:
    torch.manual_seed(0)
    skeleton = label_sets[0].skeleton
    sizes = ModelSettings(
        backbone="resnet18", n_encoder_layers=1, n_decoder_layers=2, n_heads=4, n_features=16, n_feedforward=32
    )
    model = Poet(sizes, skeleton.n_keypoints).eval()
    return Predictor(model, skeleton, IMAGE_SIZE, torch.device("cpu"), "test", {})


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_the_loss_is_that_of_one_batch_of_all_images(
    predictor: Predictor, label_sets: list[LabelSet], batch_size: int
) -> None:
    outputs, targets = [], []
    for label_set in label_sets:
        for index in range(label_set.n_images):
            sample = read_sample(label_set, index)
            outputs.append(predictor.run(sample.image[None]))
            targets.append(sample.targets())
    all_of_them = PoetOutput(
        torch.cat([output.class_logits for output in outputs], dim=1),
        torch.cat([output.pose_vectors for output in outputs], dim=1),
    )
    expected = poet_loss(all_of_them, stack_targets(targets), WEIGHTS)
    found = validate(predictor, label_sets, OBJECTIVE, batch_size)
    for part in PARTS:
        torch.testing.assert_close(getattr(found.loss, part), getattr(expected, part), rtol=1e-4, atol=1e-6)
    assert found.total == pytest.approx(expected.total(WEIGHTS).item(), rel=1e-4)
    columns = found.columns("val")
    assert columns["val_loss"] == found.total
    assert columns["val_loss_offsets"] == pytest.approx(expected.offsets[-1].item(), rel=1e-4)


def test_every_image_goes_through_the_network_once(predictor: Predictor, label_sets: list[LabelSet]) -> None:
    seen = []
    predictor.model.register_forward_hook(lambda _model, inputs, _output: seen.append(len(inputs[0])))
    validation = validate(predictor, label_sets, OBJECTIVE, batch_size=5)
    assert sum(seen) == validation.evaluation.n_images == 16


def test_the_metrics_hold_the_losses_of_training_and_validation(project: Project) -> None:
    result = train(project, device="cpu", seed=3)
    assert [row["epoch"] for row in result.rows] == [1, 2]
    written = pd.read_csv(result.folder.metrics)
    names = ["loss", *(f"loss_{part}" for part in PARTS)]
    assert written[[*names, *(f"val_{name}" for name in names)]].notna().all(axis=None)

    snapshot = load_snapshot(result.folder.last)
    predictor = Predictor.from_snapshot(snapshot, torch.device("cpu"), "last")
    (label_set,) = project.label_sets()
    objective = Objective(TrainingSettings(), label_set.skeleton)
    again = validate(predictor, [label_set.select("val")], objective, batch_size=1).columns("val")
    for name in names:
        assert written[f"val_{name}"].iloc[-1] == pytest.approx(again[f"val_{name}"], rel=1e-3), name


def test_an_epoch_without_validation_has_no_validation_losses(project: Project) -> None:
    config = project.path / "config.yaml"
    config.write_text(config.read_text().replace("validate_every: 1", "validate_every: 2"))
    rows = train(open_project(project.path), epochs=2, device="cpu").rows
    assert ["val_loss" in row for row in rows] == [False, True]
    assert all("loss_offsets" in row for row in rows)


def test_the_loss_in_a_letterbox_is_in_units_of_all_of_it(predictor: Predictor, label_sets: list[LabelSet]) -> None:
    predictor = replace(predictor, image_size=ImageSizeSettings(letterbox=(64, 96)))
    outputs, targets = [], []
    for label_set in label_sets:
        for index in range(label_set.n_images):
            sample = read_sample(label_set, index)
            outputs.append(predictor.run(sample.image[None]))
            scaled = resize(sample, input_size(sample.size, predictor.image_size))
            height, width = scaled.size
            padded = F.pad(scaled.image, (0, 96 - width, 0, 64 - height))
            targets.append(replace(scaled, image=padded).targets())
    all_of_them = PoetOutput(
        torch.cat([output.class_logits for output in outputs], dim=1),
        torch.cat([output.pose_vectors for output in outputs], dim=1),
    )
    expected = poet_loss(all_of_them, stack_targets(targets), WEIGHTS)
    found = validate(predictor, label_sets, OBJECTIVE, batch_size=3)
    for part in PARTS:
        torch.testing.assert_close(getattr(found.loss, part), getattr(expected, part), atol=1e-5, rtol=1e-4)
