"""A torchvision backbone that `config.yaml` names, from training to evaluation."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torchvision.models import get_model

from poetlab.model.checkpoint import load_snapshot
from poetlab.model.presets import PRESETS, SwiftSettings
from poetlab.project import Project

Run = Callable[..., Any]
"""The fixture that runs a command."""

WEIGHTS = "mobilenet_v3_small-047dcff4.pth"


@pytest.fixture
def weights_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What stands for torchvision's weights in a cache of its own."""
    monkeypatch.setenv("POETLAB_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    torch.manual_seed(3)
    torch.save(get_model("mobilenet_v3_small", weights=None).state_dict(), tmp_path / "cache" / WEIGHTS)
    return tmp_path / "cache" / WEIGHTS


@pytest.fixture
def with_backbone(
    project: Project, tiny_swift: SwiftSettings, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Project]:
    """`with_backbone(name)`: a project whose config names this backbone, and in which training takes seconds."""
    monkeypatch.setitem(PRESETS, "poet-swift-light", tiny_swift)

    def write(name: str) -> Project:
        lines = ["poetlab: 1", "preset: poet-swift-light", f"backbone: {name}", "training: {batch_size: 4}"]
        (project.path / "config.yaml").write_text("\n".join(lines))
        return project

    return write


def test_a_network_with_another_backbone_is_trained_resumed_and_evaluated(
    run: Run, with_backbone: Callable[[str], Project], weights_file: Path
) -> None:
    project = with_backbone("mobilenet_v3_small")
    here = ("--device", "cpu", "--project", project.path)
    trained = run("train", "--pretrained", "imagenet", "--epochs", "1", *here)
    assert trained.status == 0, trained.text
    assert "001-poet-swift-light: poet-swift-light with mobilenet_v3_small on cpu" in trained.text
    (folder,) = project.runs()
    settings = yaml.safe_load(folder.settings.read_text())
    assert settings["model"]["backbone"] == "mobilenet_v3_small"
    assert settings["pretrained_backbone"] is True
    snapshot = load_snapshot(folder.last)
    assert isinstance(snapshot.settings, SwiftSettings)
    assert snapshot.settings.backbone == "mobilenet_v3_small"
    published = torch.load(weights_file, weights_only=True)
    norm = "features.0.1.running_mean"
    assert torch.equal(snapshot.weights[f"backbone.{norm}"], published[norm])
    (project.path / "config.yaml").write_text("poetlab: 1\n")  # the run has its own copy
    resumed = run("train", "--resume", "--epochs", "2", *here)
    assert "poet-swift-light with mobilenet_v3_small" in resumed.text
    evaluated = run("evaluate", *here)
    assert evaluated.status == 0, evaluated.text


@pytest.mark.parametrize(
    ("backbone", "options", "words"),
    [
        ("mobilenetv3_small", (), ("no backbone 'mobilenetv3_small'", "the nearest is 'mobilenet_v3_small'")),
        ("vit_b_16", ("--pretrained", "imagenet"), ("no backbone 'vit_b_16'", "no maps at stride 4")),
        ("resnet34", ("--preset", "poet-r50"), ("backbone in config.yaml", "poet-r50", "swift preset")),
        ("7", (), ("config.yaml: backbone", "valid string")),
    ],
)
def test_a_backbone_that_does_not_fit_is_refused_before_anything_is_fetched(
    run: Run,
    with_backbone: Callable[[str], Project],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    backbone: str,
    options: tuple[str, ...],
    words: tuple[str, ...],
) -> None:
    monkeypatch.setenv("POETLAB_CACHE", str(tmp_path / "cache"))
    project = with_backbone(backbone)
    assert run("train", *options, "--device", "cpu", "--project", project.path).fails_in_one_line(*words)
    assert not project.runs()
    assert not (tmp_path / "cache").exists()
