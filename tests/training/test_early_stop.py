"""A run ends before its last epoch where validation AP is flat, and only there."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from poetlab.model.checkpoint import load_snapshot
from poetlab.project import Project
from poetlab.training import loop
from poetlab.training.early_stop import is_flat
from poetlab.workflow.training import TrainingStart, train


def rows(*aps: float, every: int = 1) -> list[dict[str, Any]]:
    """The metrics of a run that was validated each `every` epochs."""
    return [
        {"epoch": epoch} | ({} if epoch % every else {"val_AP": aps[epoch // every - 1]})
        for epoch in range(1, every * len(aps) + 1)
    ]


def test_flat_is_no_gain_within_patience() -> None:
    assert is_flat(rows(0.2, 0.5, 0.4, 0.5, 0.501), patience=3)
    assert not is_flat(rows(0.2, 0.5, 0.4, 0.5, 0.51), patience=3), "it has become better"
    assert not is_flat(rows(0.2, 0.5, 0.4, 0.5), patience=3), "not long enough"
    assert is_flat(rows(0.5, 0.4, 0.4, 0.3), patience=3), "worse is not better"


def test_patience_counts_epochs_whatever_the_distance_of_validations() -> None:
    assert is_flat(rows(0.5, 0.5, 0.5, every=5), patience=10)
    assert not is_flat(rows(0.5, 0.5, 0.5, every=5), patience=11)


def test_a_run_that_has_found_next_to_nothing_is_not_flat() -> None:
    assert not is_flat(rows(*[0.0] * 30), patience=3)
    assert not is_flat(rows(*[0.05] * 30), patience=3)
    assert not is_flat(rows(*[math.nan] * 30), patience=3), "no animal to measure on"
    assert not is_flat([], patience=3)


def test_without_patience_nothing_is_flat() -> None:
    assert not is_flat(rows(*[0.9] * 1000), patience=0)


def test_patience_can_begin_later() -> None:
    assert not is_flat(rows(*[0.9] * 9), patience=3, first=7)
    assert is_flat(rows(*[0.9] * 10), patience=3, first=7)


@pytest.fixture
def flat_project(project: Project, change_training: Callable[..., Project], monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose runs have a patience of three epochs, and whose network is as good as it gets from the start."""
    measure = loop.Trainer._measure

    def measure_flat(trainer: loop.Trainer) -> tuple[Any, dict[str, Any]]:
        evaluation, columns = measure(trainer)
        evaluation.coco["AP"] = 0.5
        return evaluation, columns | {"val_AP": 0.5}

    monkeypatch.setattr(loop.Trainer, "_measure", measure_flat)
    return change_training(project, patience=3, epochs=50)


def test_a_flat_run_ends_and_says_so(flat_project: Project) -> None:
    result = train(flat_project, device="cpu")
    assert result.stopped_early
    assert result.rows[-1]["epoch"] == 4
    facts = load_snapshot(result.folder.last).facts
    assert facts["progress"]["stopped_early"]
    assert facts["training"]["epochs"] == 50, "the schedule is still that of the whole run"


def test_a_run_that_ended_early_goes_on_where_epochs_are_given(flat_project: Project) -> None:
    train(flat_project, device="cpu")
    starts: list[TrainingStart] = []
    again = train(flat_project, device="cpu", resume=True, on_start=starts.append)
    assert starts[0].stopped_early
    assert (again.rows[-1]["epoch"], again.stopped_early) == (4, True), "nothing is left to do"
    further = train(flat_project, device="cpu", resume=True, epochs=6, on_start=starts.append)
    assert not starts[1].stopped_early
    assert (further.rows[-1]["epoch"], further.stopped_early) == (6, False)
    longer = train(flat_project, device="cpu", resume=True, epochs=20)
    assert (longer.rows[-1]["epoch"], longer.stopped_early) == (9, True), "patience begins where epochs are given"


def test_the_last_epoch_is_no_early_end(flat_project: Project) -> None:
    assert not train(flat_project, epochs=4, device="cpu").stopped_early


def test_a_flat_run_goes_on_with_its_upright_epochs(
    flat_project: Project, change_training: Callable[..., Project]
) -> None:
    project = change_training(flat_project, augmentation={"upright": 0.04})
    result = train(project, device="cpu")
    assert [row["epoch"] for row in result.rows] == [1, 2, 3, 4, 49, 50]
    assert (result.n_skipped, result.stopped_early) == (44, False)
    assert load_snapshot(result.folder.last).facts["progress"]["n_skipped"] == 44
    rates = [row["learning_rate"] for row in result.rows]
    assert rates[4] == pytest.approx(0.1 * rates[3]), "as at that epoch of the whole run"


def test_upright_epochs_end_early_too(flat_project: Project, change_training: Callable[..., Project]) -> None:
    result = train(change_training(flat_project, augmentation={"upright": 0.4}), device="cpu")
    assert [row["epoch"] for row in result.rows] == [1, 2, 3, 4, 31, 32, 33]
    assert result.stopped_early
