"""`import_labels` into a project, stopped by Ctrl-C at any moment."""

import os
import signal
from pathlib import Path

import pytest

from poetlab.errors import ProjectError
from poetlab.project import Project, create_project
from poetlab.workflow.importing import import_labels


@pytest.fixture
def empty(tmp_path: Path) -> Project:
    """A project without labels."""
    return create_project(tmp_path / "empty")


def files_of(project: Project) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in project.path.rglob("*") if path.is_file()}


@pytest.mark.parametrize("part", [0, 0.3, 0.6, 0.9])
def test_ctrl_c_before_all_is_read_leaves_the_project_as_it_was(
    empty: Project, drawn_labels: Path, part: float
) -> None:
    before = files_of(empty)

    def press(done: int, total: int) -> None:
        if part * total <= done < total:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        import_labels(empty, drawn_labels, on_progress=press)
    assert files_of(empty) == before


def test_ctrl_c_at_the_end_waits_until_all_is_written(empty: Project, drawn_labels: Path) -> None:
    def press(done: int, total: int) -> None:
        if done == total:
            os.kill(os.getpid(), signal.SIGINT)

    report = import_labels(empty, drawn_labels, on_progress=press)
    assert report.n_images == empty.label_set(report.name).n_images
    assert empty.has_skeleton
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_at_the_end_leaves_no_labels_without_a_skeleton(
    empty: Project, drawn_labels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def press_twice(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    before = files_of(empty)
    monkeypatch.setattr(Project, "write_skeleton", press_twice)
    with pytest.raises(KeyboardInterrupt):
        import_labels(empty, drawn_labels)
    assert files_of(empty) == before
    with pytest.raises(ProjectError, match="no labels yet"):
        empty.label_sets()
