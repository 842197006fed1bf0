"""A run that was interrupted ends with the same network as one that was not."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from poetlab.errors import SnapshotError, TrainingError
from poetlab.model.checkpoint import Snapshot, load_snapshot
from poetlab.project import Project, open_project
from poetlab.workflow.importing import import_labels
from poetlab.workflow.training import TrainingStart, train


def last_of(project: Project) -> Snapshot:
    return load_snapshot(open_project(project.path).runs()[-1].last)


def assert_same_end(one: Snapshot, other: Snapshot) -> None:
    for part, values in (("weights", one.weights), ("state", one.state)):
        others = getattr(other, part)
        assert values.keys() == others.keys()
        for name, tensor in values.items():
            assert torch.equal(tensor, others[name]), name
    assert [row["loss"] for row in one.facts["progress"]["rows"]] == [
        row["loss"] for row in other.facts["progress"]["rows"]
    ]


@pytest.fixture(scope="module")
def unbroken(labeled_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """The end of a run that nothing interrupted."""
    project = open_project(shutil.copytree(labeled_project, tmp_path_factory.mktemp("unbroken") / "project"))
    train(project, device="cpu", seed=3)
    return last_of(project)


class StopError(Exception):
    """Stands for a crash."""


@pytest.fixture
def saving_project(project: Project) -> Project:
    """A project whose runs are saved after every step."""
    config = project.path / "config.yaml"
    config.write_text(config.read_text().replace("save_seconds: 60", "save_seconds: 0"))
    return open_project(project.path)


def test_a_crash_in_the_middle_of_an_epoch_changes_nothing(saving_project: Project, unbroken: Snapshot) -> None:
    project = saving_project

    def crash(done: int, _total: int, _loss: float) -> None:
        if done == 4:
            raise StopError

    with pytest.raises(StopError):
        train(project, device="cpu", seed=3, on_step=crash)
    result = train(project, resume=True, device="cpu")
    assert len(result.rows) == 2
    assert_same_end(last_of(project), unbroken)


def test_frozen_parts_and_rate_factors_are_kept(saving_project: Project) -> None:
    def crash(done: int, _total: int, _loss: float) -> None:
        if done == 4:
            raise StopError

    config = saving_project.path / "config.yaml"
    text = config.read_text().replace("freeze: null", "freeze: [transformer.encoder.0, backbone]")
    config.write_text(text.replace("rate_factors: {}", "rate_factors: {transformer: 0.1, transformer.encoder.1: 7}"))
    project = open_project(saving_project.path)
    train(project, device="cpu", seed=3)
    whole = last_of(project)
    with pytest.raises(StopError):
        train(project, device="cpu", seed=3, on_step=crash)
    start = last_of(project)
    config.write_text(text.replace("freeze: [transformer.encoder.0, backbone]", "freeze: [queries]"))
    starts: list[TrainingStart] = []
    train(open_project(project.path), resume=True, device="cpu", on_start=starts.append)
    assert starts[0].frozen == ("transformer.encoder.0", "backbone")
    assert starts[0].rates == pytest.approx({"": 5e-5, "transformer": 5e-6, "transformer.encoder.1": 3.5e-4})
    end = last_of(project)
    assert_same_end(end, whole)
    kept = {name for name, tensor in end.weights.items() if torch.equal(tensor, start.weights[name])}
    assert kept >= {name for name in end.weights if name.startswith(("backbone.", "transformer.encoder.0."))}
    assert kept.isdisjoint({"queries", "transformer.encoder.1.norm1.weight", "pose_head.4.weight"})


def test_images_in_a_letterbox_are_the_same_after_a_crash(saving_project: Project) -> None:
    def crash(done: int, _total: int, _loss: float) -> None:
        if done == 4:
            raise StopError

    config = saving_project.path / "config.yaml"
    config.write_text(config.read_text().replace("letterbox: null", "letterbox: [64, 96]"))
    project = open_project(saving_project.path)
    with pytest.raises(StopError):
        train(project, device="cpu", seed=3, on_step=crash)
    train(project, resume=True, device="cpu")
    broken = last_of(project)
    assert broken.facts["image_size"]["letterbox"] == [64, 96]
    train(project, device="cpu", seed=3)
    assert_same_end(broken, last_of(project))


def test_averaged_weights_and_the_moment_of_the_schedule_are_kept(
    project: Project, change_training: Callable[..., Project]
) -> None:
    def crash(done: int, _total: int, _loss: float) -> None:
        if done == 4:
            raise StopError

    project = change_training(project, schedule="cosine", averaging=0.99, save_seconds=0)
    train(project, device="cpu", seed=3)
    whole = last_of(project)
    with pytest.raises(StopError):
        train(project, device="cpu", seed=3, on_step=crash)
    result = train(change_training(project, schedule="drop", averaging=0), resume=True, device="cpu")
    assert_same_end(last_of(project), whole)
    assert any(name.startswith("unaveraged/") for name in whole.state)
    rates = [row["learning_rate"] for row in result.rows]
    assert rates == [row["learning_rate"] for row in whole.facts["progress"]["rows"]]
    assert rates[0] > 10 * rates[1]


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{}, {"schedule": "cosine", "averaging": 0.99}], ids=["plain", "averaged"])
def test_a_killed_process_changes_nothing(
    project: Project, change_training: Callable[..., Project], settings: dict[str, Any]
) -> None:
    project = change_training(project, save_seconds=0, **settings)
    train(project, device="cpu", seed=3)
    unbroken = last_of(project)
    shutil.rmtree(project.runs()[-1].path)
    command = [sys.executable, "-m", "poetlab", "train", "--seed", "3", "--device", "cpu", "--project", project.path]
    one_thread = os.environ | {"OMP_NUM_THREADS": "1"}  # as in this process: sums depend on the number of threads
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=one_thread)
    waited_until = time.monotonic() + 120
    while not list(project.models_dir.glob("*/metrics.csv")) and time.monotonic() < waited_until:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert load_snapshot(project.runs()[-1].last).facts["progress"]["epoch"] < 2
    train(project, resume=True, device="cpu")
    assert_same_end(last_of(project), unbroken)


def test_ctrl_c_between_steps_saves_the_run(project: Project, unbroken: Snapshot) -> None:
    def press_ctrl_c(done: int, _total: int, _loss: float) -> None:
        if done == 2:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(project, device="cpu", seed=3, on_step=press_ctrl_c)
    assert last_of(project).facts["progress"]["step"] == 2
    train(project, resume=True, device="cpu")
    assert_same_end(last_of(project), unbroken)


def test_a_finished_run_can_be_given_more_epochs(project: Project) -> None:
    train(project, epochs=1, device="cpu")
    result = train(project, resume=True, epochs=2, device="cpu")
    assert [row["epoch"] for row in result.rows] == [1, 2]


def test_resuming_refuses_other_settings_and_other_labels(project: Project, drawn_labels: Path) -> None:
    with pytest.raises(TrainingError, match="no run to resume"):
        train(project, resume=True)
    train(project, epochs=1, device="cpu")
    with pytest.raises(TrainingError, match="keeps its settings"):
        train(project, resume=True, seed=4)
    with pytest.raises(TrainingError, match="keeps its settings"):
        train(project, resume=True, keypoint_map={})
    import_labels(project, drawn_labels, name="more")
    with pytest.raises(TrainingError, match="labels have changed"):
        train(project, resume=True)


def test_more_epochs_are_remembered_by_the_run(project: Project) -> None:
    train(project, epochs=1, device="cpu")

    def crash(done: int, _total: int, _loss: float) -> None:
        if done == 4:
            raise StopError

    with pytest.raises(StopError):
        train(project, resume=True, epochs=3, device="cpu", on_step=crash)
    assert [row["epoch"] for row in train(project, resume=True, device="cpu").rows] == [1, 2, 3]


def test_a_run_killed_before_its_first_snapshot_blocks_nothing(project: Project) -> None:
    project.new_run("poet-r18").path.mkdir()
    with pytest.raises(TrainingError, match="stopped before it was first saved"):
        train(project, resume=True)
    assert train(project, epochs=1, device="cpu").folder.name == "002-poet-r18"


def test_a_run_goes_on_with_its_own_split_where_an_image_was_moved_since(project: Project) -> None:
    split = train(project, epochs=1, device="cpu").folder.split.read_text()
    annotations = project.labels_dir / "drawn" / "annotations.json"
    moved = annotations.read_text().replace('"split": "train"', '"split": "val"', 1)
    annotations.write_text(moved)
    result = train(project, resume=True, epochs=2)
    assert [row["epoch"] for row in result.rows] == [1, 2]
    assert result.folder.split.read_text() == split
    assert moved.count('"split": "val"') == split.count(",val") + 1


def test_a_snapshot_without_state_cannot_be_resumed(project: Project) -> None:
    folder = train(project, epochs=1, device="cpu").folder
    shutil.copy(folder.best, folder.last)
    with pytest.raises(SnapshotError, match="not a snapshot that a run can go on from"):
        train(project, resume=True)


def test_resuming_from_a_damaged_snapshot_says_so(project: Project) -> None:
    train(project, epochs=1, device="cpu")
    last = project.runs()[-1].last
    last.write_bytes(last.read_bytes()[:1000])
    with pytest.raises(SnapshotError, match="not a readable poetlab snapshot"):
        train(project, resume=True)
