"""A second label set and a tiny network for the tests of training."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from poetlab.drawn.dataset import draw_dataset
from poetlab.model.poet import Poet
from poetlab.model.presets import ModelSettings, SwiftSettings
from poetlab.model.swift import Swift
from poetlab.project import Project, open_project
from poetlab.workflow.importing import import_labels


@pytest.fixture(scope="session")
def other_labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of four drawn images of another size than `drawn_labels`."""
    folder = tmp_path_factory.mktemp("other") / "labels"
    draw_dataset(folder, n_images=4, n_animals=(1, 2), size=(48, 64), seed=9)
    return folder


@pytest.fixture
def project_with_other(labeled_project: Path, other_labels: Path, tmp_path: Path) -> Project:
    """A project with the drawn labels, and with label set `other`, all of which validates."""
    project = open_project(shutil.copytree(labeled_project, tmp_path / "with_other"))
    import_labels(project, other_labels, name="other", val_fraction=1)
    return project


@pytest.fixture
def change_training() -> Callable[..., Project]:
    """`change_training(project, epochs=3, ...)`: the project with other settings of training in its config.yaml."""

    def change(project: Project, **settings: Any) -> Project:
        path = project.path / "config.yaml"
        content = yaml.safe_load(path.read_text())
        content["training"] |= settings
        path.write_text(yaml.safe_dump(content))
        return open_project(project.path)

    return change


@pytest.fixture
def model() -> Poet:
    """A network that runs in milliseconds."""
    torch.manual_seed(1)
    settings = ModelSettings(
        backbone="resnet18",
        n_queries=4,
        n_encoder_layers=2,
        n_decoder_layers=1,
        n_heads=4,
        n_features=16,
        n_feedforward=32,
    )
    return Poet(settings, n_keypoints=3)


@pytest.fixture
def swift_model(tiny_swift: SwiftSettings) -> Swift:
    """A network of the swift family that runs in milliseconds."""
    torch.manual_seed(1)
    return Swift(tiny_swift, n_keypoints=3)
