"""`poetlab weights`, and trainings that start from published weights, without any network."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torchvision.models import resnet18

from poetlab.model.checkpoint import load_snapshot
from poetlab.project import Project

Run = Callable[..., Any]
"""The fixture that runs a command."""

BACKBONE = "resnet18-f37072fd.pth"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of weights on a machine without internet: its proxy is a port of its own where nobody listens."""
    monkeypatch.setenv("POETLAB_CACHE", str(tmp_path / "cache"))
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    return tmp_path / "cache"


@pytest.fixture
def backbone_file(cache: Path) -> Path:
    """A ResNet-18 in torchvision's layout in the cache, with statistics that no start has by itself."""
    cache.mkdir()
    torch.manual_seed(3)
    weights = resnet18(weights=None).state_dict()
    weights |= {name: tensor + 0.25 for name, tensor in weights.items() if name.endswith("running_var")}
    torch.save(weights, cache / BACKBONE)
    return cache / BACKBONE


def test_list(run: Run, cache: Path) -> None:
    listed = run("weights", "list")
    assert listed.status == 0
    lines = listed.text.splitlines()
    names = ["coco", "imagenet-resnet18", "imagenet-resnet50", "imagenet-resnet101"]
    assert [line.partition(":")[0] for line in lines[:-1:2]] == names
    assert lines[-1].startswith("imagenet-NAME: any other torchvision model")
    assert lines[1].split() == ["size", "unknown,", "not", "cached:", str(cache / "poet_ckpt.pth")]
    assert lines[3].split()[:2] == ["46.8", "MB,"]
    cache.mkdir()
    (cache / BACKBONE).write_bytes(b"0" * 2_000_000)
    assert f"  2.0 MB, cached: {cache / BACKBONE}" in run("weights", "list").text.splitlines()
    (cache / "mobilenet_v3_small-047dcff4.pth").write_bytes(b"0" * 3_000_000)
    other, place = run("weights", "list").text.splitlines()[-3:-1]
    assert other.startswith("imagenet-mobilenet_v3_small: ")
    assert other.endswith(", for a backbone in config.yaml")
    assert place.startswith("  3.0 MB, cached: ")


@pytest.mark.parametrize("name", ["coco", "imagenet-resnet50", "imagenet"])
def test_fetching_without_internet(run: Run, cache: Path, name: str) -> None:
    outcome = run("weights", "fetch", name)
    words = ("cannot be reached", f"poetlab weights fetch {name}", "machine with internet", "poetlab weights add")
    assert outcome.fails_in_one_line(*words)
    assert list(cache.iterdir()) == []


def test_fetching_what_is_there(run: Run, backbone_file: Path) -> None:
    outcome = run("weights", "fetch", "imagenet-resnet18")
    assert outcome.status == 0
    assert outcome.text.strip() == f"imagenet-resnet18: {backbone_file}"


def test_an_unknown_name(run: Run, cache: Path) -> None:
    assert run("weights", "fetch", "coc").fails_in_one_line("no published weights 'coc'", "coco, imagenet-resnet18")
    assert not cache.exists()


def test_adding_a_file(run: Run, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "any.pth").write_bytes(b"no weights")
    assert run("weights", "add", tmp_path / "any.pth").fails_in_one_line("any.pth", "none of the weights")
    assert run("weights", "add", "nowhere.pth").fails_in_one_line("nowhere.pth", "no such file")
    assert not cache.exists()
    monkeypatch.setattr("pooch.file_hash", lambda *_: "f37072fd" + "0" * 56)
    added = run("weights", "add", tmp_path / "any.pth")
    assert (added.status, added.text.strip()) == (0, f"imagenet-resnet18: {cache / BACKBONE}")
    assert (cache / BACKBONE).read_bytes() == b"no weights"


@pytest.mark.parametrize(("name", "preset"), [("coco", "poet-r50"), ("imagenet", "poet-r18")])
def test_training_from_weights_that_cannot_be_fetched(
    run: Run, project: Project, cache: Path, name: str, preset: str
) -> None:
    outcome = run("train", "--pretrained", name, "--preset", preset, "--project", project.path)
    assert outcome.fails_in_one_line("cannot be reached", f"poetlab weights fetch {name}", "poetlab weights add")
    assert not project.runs()
    assert list(cache.iterdir()) == []


def test_training_from_weights_of_another_preset(run: Run, project: Project, cache: Path) -> None:
    outcome = run("train", "--pretrained", "coco", "--preset", "poet-r18", "--project", project.path)
    assert outcome.fails_in_one_line("'coco' weights do not fit", "--preset poet-r50")
    assert not cache.exists()


@pytest.mark.usefixtures("cache")
def test_coco_weights_choose_a_preset_that_they_fit(run: Run, project: Project) -> None:
    assert project.config.preset == "poet-r18"
    outcome = run("train", "--pretrained", "coco", "--project", project.path)
    assert "do not fit poet-r18, so a poet-swift-medium is trained" in " ".join(outcome.text.split())
    assert outcome.fails_in_one_line("cannot be reached")


def test_ctrl_c_while_weights_are_fetched(
    run: Run, project: Project, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr("poetlab.workflow.training.fetch", interrupt)
    outcome = run("train", "--pretrained", "imagenet", "--project", project.path)
    assert outcome.status == 130
    assert "the run had not begun" in outcome.text
    assert not cache.exists()
    assert not project.runs()


@pytest.mark.slow
def test_training_from_imagenet_keeps_the_stem(run: Run, project: Project, backbone_file: Path) -> None:
    start = ("train", "--pretrained", "imagenet", "--preset", "poet-r18", "--epochs", "1", "--device", "cpu")
    outcome = run(*start, "--project", project.path)
    assert outcome.status == 0, outcome.text
    assert "100 tensors taken, 0 adapted" in outcome.text
    assert "transformer (" in outcome.text
    (folder,) = project.runs()
    settings = yaml.safe_load(folder.settings.read_text())
    assert settings["pretrained_backbone"] is True
    assert not [name for name in settings["transfer"]["left"] if name.startswith("backbone.")]
    assert settings["pretrained"] == "imagenet"
    assert settings["pretrained_sha256"] == hashlib.sha256(backbone_file.read_bytes()).hexdigest()
    assert settings["pretrained_pose_head"] is False
    assert settings["keypoints_from"] == dict.fromkeys(project.skeleton().keypoints)
    told = f"all {project.skeleton().n_keypoints} start at random, as the pose head is not among these weights"
    assert told in outcome.text
    assert "frozen: backbone.conv1, backbone.layer1" in outcome.text
    assert "learning rates: backbone 5e-06, all else 5e-05" in outcome.text

    trained = load_snapshot(folder.last).weights
    weights = torch.load(backbone_file, weights_only=True)
    kept = ("conv1.", "bn1.", "layer1.")
    for name, tensor in weights.items():
        if name.startswith(kept) and "num_batches" not in name:
            assert torch.equal(trained[f"backbone.{name}"], tensor), name
    assert torch.equal(trained["backbone.layer4.1.bn2.running_var"], weights["layer4.1.bn2.running_var"])
    moved = (trained["backbone.layer4.1.conv2.weight"] - weights["layer4.1.conv2.weight"]).abs().max()
    assert 0 < moved < 1e-3
