"""How the learning rates change over a run."""

from collections.abc import Callable

import numpy as np
import pytest

from poetlab.project import Project
from poetlab.training.schedule import rate_factor
from poetlab.training.settings import TrainingSettings
from poetlab.workflow.training import train


def factors(settings: TrainingSettings, n_steps_per_epoch: int = 10) -> np.ndarray:
    """The factor of every step of a run."""
    moments = (np.arange(settings.epochs * n_steps_per_epoch) + 0.5) / n_steps_per_epoch
    return np.array([rate_factor(settings, moment) for moment in moments])


@pytest.mark.parametrize(("epochs", "drop", "first_dropped"), [(250, 0.8, 200), (9, 0.8, 8), (50, 1, None)])
def test_a_drop_happens_once_between_two_epochs(epochs: int, drop: float, first_dropped: int | None) -> None:
    settings = TrainingSettings(epochs=epochs, learning_rate_drop=drop)
    by_epoch = factors(settings).reshape(epochs, -1)
    expected = np.ones(epochs) if first_dropped is None else np.where(np.arange(epochs) < first_dropped, 1.0, 0.1)
    np.testing.assert_array_equal(by_epoch, np.repeat(expected[:, None], by_epoch.shape[1], axis=1))


@pytest.mark.parametrize("warm_up", [0, 0.05, 0.5])
def test_a_cosine_rises_steadily_then_falls_to_nothing(warm_up: float) -> None:
    found = factors(TrainingSettings(epochs=100, schedule="cosine", warm_up=warm_up))
    n_rising = round(warm_up * len(found))
    assert np.all(np.diff(found[:n_rising]) > 0)
    assert np.all(np.diff(found[n_rising:]) < 0)
    assert np.all((found > 0) & (found <= 1))
    assert found.max() > 0.98
    assert found[-1] < 1e-4
    middle = found[n_rising:][(len(found) - n_rising) // 2]
    assert middle == pytest.approx(0.5, abs=0.01)


def test_one_step_learns() -> None:
    (only,) = factors(TrainingSettings(epochs=1, schedule="cosine"), n_steps_per_epoch=1)
    assert only > 0.4


def test_a_run_follows_its_schedule(project: Project, change_training: Callable[..., Project]) -> None:
    cosine = change_training(project, schedule="cosine", learning_rate=0.001, batch_size=4)
    rows = train(cosine, epochs=4, device="cpu").rows
    settings = TrainingSettings(epochs=4, schedule="cosine")
    n_steps = 3  # of 4 of 11 images
    expected = [0.001 * rate_factor(settings, epoch - 0.5 / n_steps) for epoch in (1, 2, 3, 4)]
    assert [row["learning_rate"] for row in rows] == pytest.approx(expected)
