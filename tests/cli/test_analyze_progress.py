"""The bar of `poetlab analyze`: honest totals and rates, also where earlier runs did part of the work."""

import io
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress

from poetlab.analysis.plan import VideoResult
from poetlab.cli.analyze import _FramesBar

A, B = Path("a.mp4"), Path("b.mp4")


class Clock:
    """A time that passes only when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bar(clock: Clock) -> Progress:
    return Progress(console=Console(file=io.StringIO()), auto_refresh=False, get_time=clock)


def test_frames_of_an_earlier_run_count_in_the_bar_but_not_in_the_rate(bar: Progress, clock: Clock) -> None:
    frames = _FramesBar(bar)
    frames.expect({A: 1000})
    frames.begin(A)
    frames.advance_by_earlier(600)
    for _ in range(5):
        clock.now += 2
        frames.advance(8)
    (task,) = bar.tasks
    assert (task.completed, task.total) == (640, 1000)
    assert task.speed == pytest.approx(4)
    assert task.time_remaining == pytest.approx(360 / 4)


def test_batches_that_come_at_once_do_not_make_the_rate_a_high_one(bar: Progress, clock: Clock) -> None:
    frames = _FramesBar(bar)
    frames.expect({A: 10})
    frames.begin(A)
    frames.advance_by_earlier(0)
    clock.now += 2
    frames.advance(8)
    clock.now += 0.001
    frames.advance(2)
    (task,) = bar.tasks
    assert task.finished_speed == pytest.approx(5, rel=0.01)


def test_the_total_follows_what_the_videos_turn_out_to_have(bar: Progress) -> None:
    frames = _FramesBar(bar)
    frames.expect({A: 100, B: None})
    (task,) = bar.tasks
    assert task.total is None
    frames.begin(A)
    frames.advance(90)
    frames.end(VideoResult(A, "done", n_frames=90))
    frames.begin(B)
    frames.advance(30)
    frames.end(VideoResult(B, "failed"))
    (task,) = bar.tasks
    assert (task.completed, task.total, task.finished) == (120, 120, True)


def test_a_bar_of_nothing_but_earlier_work_ends(bar: Progress) -> None:
    frames = _FramesBar(bar)
    frames.expect({A: 100})
    frames.begin(A)
    frames.advance_by_earlier(100)
    (task,) = bar.tasks
    assert task.finished
    assert not task.finished_speed
