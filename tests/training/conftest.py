"""A second label set for the runs of the tests."""

import shutil
from pathlib import Path

import pytest

from poetlab.drawn.dataset import draw_dataset
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
