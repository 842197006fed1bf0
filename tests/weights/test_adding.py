"""Adding files by hand: recognized by checksum or tensors, copied whole, and refused if they are anything else."""

import argparse
import hashlib
import json
from pathlib import Path

import pytest
import torch
import yaml
from torch import Tensor

from poetlab.errors import SnapshotError
from poetlab.model.poet import Poet
from poetlab.model.presets import find_preset
from poetlab.project import Project
from poetlab.weights.adding import add_file
from poetlab.weights.catalog import PublishedWeights, weights_named
from poetlab.workflow.training import TrainingStart, train

PUBLISHED_NAMES = (
    ("backbone.", "backbone.0.body."),
    ("input_projection.", "input_proj."),
    ("class_head.", "class_embed."),
    ("pose_head.0.", "kpt_embed.layers.0."),
    ("pose_head.2.", "kpt_embed.layers.1."),
    ("pose_head.4.", "kpt_embed.layers.2."),
    ("transformer.encoder.", "transformer.encoder.layers."),
    ("transformer.decoder.", "transformer.decoder.layers."),
    ("transformer.norm.", "transformer.decoder.norm."),
    ("queries", "query_embed.weight"),
)
PUBLISHED_PARTS = (
    (".self_attention.", ".self_attn."),
    (".cross_attention.", ".multihead_attn."),
    (".output.", ".out_proj."),
    (".feedforward.0.", ".linear1."),
    (".feedforward.3.", ".linear2."),
    (".query.", ".in_proj_"),
)


def tensors(shapes: dict[str, list[int]]) -> dict[str, Tensor]:
    """Zeros that need no space in a file."""
    return {name: torch.zeros(1).expand(shape) for name, shape in shapes.items()}


def published_shapes(n_keypoints: int = 17) -> dict[str, list[int]]:
    """Names and shapes of a published checkpoint, from those of poetlab's network."""
    with torch.device("meta"):
        weights = Poet(find_preset("poet-r50"), n_keypoints).state_dict()
    shapes = {}
    for name, tensor in weights.items():
        if name.endswith((".key.weight", ".key.bias", ".value.weight", ".value.bias")):
            continue  # with the query's
        shape = list(tensor.shape)
        if ".query." in name:
            shape[0] *= 3
        new = next(published + name.removeprefix(ours) for ours, published in PUBLISHED_NAMES if name.startswith(ours))
        for ours, published in PUBLISHED_PARTS:
            new = new.replace(ours, published)
        shapes[new] = shape
    return shapes


def save_checkpoint(path: Path, shapes: dict[str, list[int]]) -> Path:
    torch.save({"model": tensors(shapes), "args": argparse.Namespace(lr=1e-4), "epoch": 250}, path)
    return path


@pytest.fixture
def coco(cache: Path) -> PublishedWeights:
    (weights,) = weights_named("coco")
    assert weights.path.parent == cache
    return weights


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A file with the names and shapes of POET's published checkpoint, called otherwise."""
    return save_checkpoint(tmp_path / "download (1).pth", published_shapes())


def refuses(path: Path, *words: str) -> bool:
    with pytest.raises(SnapshotError) as caught:
        add_file(path)
    text = str(caught.value)
    return "\n" not in text and path.name in text and all(word in text for word in words)


def test_poets_checkpoint_is_recognized_by_its_tensors(checkpoint: Path, coco: PublishedWeights) -> None:
    assert add_file(checkpoint) == coco
    assert coco.path.read_bytes() == checkpoint.read_bytes()
    assert [path.name for path in coco.path.parent.iterdir()] == ["poet_ckpt.pth"]
    assert add_file(coco.path) == coco, "a file that is in its place already"
    assert coco.path.read_bytes() == checkpoint.read_bytes()


class StartedError(Exception):
    """Ends a training before its first step."""


def test_an_added_file_starts_a_training(checkpoint: Path, coco: PublishedWeights, project: Project) -> None:
    def stop(start: TrainingStart) -> None:
        starts.append(start)
        raise StartedError

    starts: list[TrainingStart] = []
    add_file(checkpoint)
    with pytest.raises(StartedError):
        train(project, preset="poet-r50", pretrained="coco", device="cpu", on_start=stop)
    (start,) = starts
    assert start.transfer is not None
    assert (set(start.transfer.adapted), start.transfer.left) == ({"pose_head.4.weight", "pose_head.4.bias"}, ())
    settings = yaml.safe_load(start.folder.settings.read_text())
    assert settings["pretrained"] == "coco"
    assert settings["pretrained_sha256"] == hashlib.sha256(coco.path.read_bytes()).hexdigest()
    assert settings["pretrained_backbone"] is True


@pytest.mark.shared_data
def test_the_shapes_are_those_of_the_published_checkpoint(
    shared_data: Path, tmp_path: Path, coco: PublishedWeights
) -> None:
    shapes = json.loads((shared_data.parent / "reference" / "poet_r50_state_dict_shapes.json").read_text())
    assert published_shapes() == shapes
    assert add_file(save_checkpoint(tmp_path / "file.pth", shapes)) == coco


def test_other_tensors_are_refused(tmp_path: Path, coco: PublishedWeights) -> None:
    shapes = published_shapes()
    missing = {name: shape for name, shape in shapes.items() if name != "class_embed.bias"}
    for number, wrong in enumerate((published_shapes(n_keypoints=5), missing, shapes | {"more": [1]})):
        assert refuses(save_checkpoint(tmp_path / f"{number}.pth", wrong), "none of the weights", "--pretrained")
    assert not coco.path.exists()


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 half an archive"])
def test_files_that_are_no_weights(tmp_path: Path, coco: PublishedWeights, content: bytes) -> None:
    (tmp_path / "file.pth").write_bytes(content)
    assert refuses(tmp_path / "file.pth", "none of the weights", "copied whole")
    assert not coco.path.parent.exists()


def test_a_file_that_was_cut(checkpoint: Path, coco: PublishedWeights) -> None:
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1000])
    assert refuses(checkpoint, "copied whole")
    assert not coco.path.exists()


def test_a_missing_file_and_a_folder(tmp_path: Path, cache: Path) -> None:
    assert refuses(tmp_path / "nowhere.pth", "no such file", "poetlab weights list")
    assert refuses(tmp_path, "no such file")
    assert not cache.exists()


def test_a_checksum_that_is_known_decides(checkpoint: Path, coco: PublishedWeights) -> None:
    coco.md5_path.parent.mkdir()
    coco.md5_path.write_text(f"{hashlib.md5(b'other').hexdigest()}  poet_ckpt.pth\n")
    assert refuses(checkpoint, "none of the weights")
    coco.md5_path.write_text(f"{hashlib.md5(checkpoint.read_bytes()).hexdigest()}  poet_ckpt.pth\n")
    assert add_file(checkpoint) == coco


@pytest.mark.parametrize("is_right", [True, False])
def test_a_checksum_that_was_carried_along_decides(checkpoint: Path, coco: PublishedWeights, is_right: bool) -> None:
    md5 = hashlib.md5(checkpoint.read_bytes(), usedforsecurity=False).hexdigest() if is_right else "0" * 32
    checkpoint.with_name(f"{checkpoint.name}.md5").write_text(f"{md5}  poet_ckpt.pth\n")
    if is_right:
        assert add_file(checkpoint).name == "coco"
    else:
        with pytest.raises(SnapshotError, match="none of the weights that poetlab knows"):
            add_file(checkpoint)
        assert not coco.path.exists()


def test_a_backbone_is_recognized_by_its_checksum(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "any name"
    file.write_bytes(b"a backbone")
    start = hashlib.sha256(b"a backbone").hexdigest()[:8]
    backbone = PublishedWeights("imagenet-x", "", (), f"x-{start}.pth", "http://127.0.0.1/", start)
    monkeypatch.setattr("poetlab.weights.adding.published_weights", lambda: (backbone,))
    assert add_file(file) == backbone
    assert (cache / f"x-{start}.pth").read_bytes() == b"a backbone"
    file.write_bytes(b"a backbonE")
    assert refuses(file, "none of the weights")


def test_what_came_of_a_cut_download_is_removed(checkpoint: Path, coco: PublishedWeights) -> None:
    coco.path.parent.mkdir()
    cut = coco.path.with_name("poet_ckpt.pth.0123abcd.download")
    other = coco.path.with_name("resnet18-f37072fd.pth.f37072fd.download")
    for path in (cut, other):
        path.write_bytes(b"half")
    add_file(checkpoint)
    assert not cut.exists()
    assert other.exists()


def test_a_cache_that_cannot_be_written(checkpoint: Path, cache: Path) -> None:
    cache.write_text("not a folder")
    with pytest.raises(SnapshotError, match="cannot be read or written"):
        add_file(checkpoint)
