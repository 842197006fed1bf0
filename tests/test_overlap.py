"""Stages that run at the same time: order, errors, Ctrl-C, and threads that always end."""

import os
import signal
import threading
import time
import weakref
from collections.abc import Generator
from contextlib import closing

import pytest

from poetlab.overlap import map_in_threads, run_ahead


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Generator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def slowly(source: Generator[int], seconds: float) -> Generator[int]:
    with closing(source):
        for item in source:
            time.sleep(seconds)
            yield item


def numbers(n: int, made: list[int] | None = None) -> Generator[int]:
    for i in range(n):
        if made is not None:
            made.append(i)
        yield i


def failing(n: int) -> Generator[int]:
    yield from range(n)
    raise ValueError("the disk is on fire")


def wait_until(is_true: object) -> None:
    deadline = time.monotonic() + 5
    while not is_true():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_all_items_come_in_order_through_several_stages() -> None:
    stages = run_ahead(slowly(run_ahead(slowly(run_ahead(numbers(50), 3), 0)), 0), 2)
    assert list(stages) == list(range(50))


def test_nothing_comes_of_nothing() -> None:
    assert list(run_ahead(numbers(0))) == []


def test_stages_work_at_the_same_time() -> None:
    started = time.perf_counter()
    for _ in run_ahead(slowly(run_ahead(slowly(numbers(20), 0.02)), 0.02)):
        time.sleep(0.02)
    assert time.perf_counter() - started < 2 * 20 * 0.02  # one after the other would take 3 * 20 * 0.02


@pytest.mark.parametrize("n_ahead", [1, 3])
def test_no_more_items_are_made_ahead_than_allowed(n_ahead: int) -> None:
    made: list[int] = []
    with closing(run_ahead(numbers(100, made), n_ahead)) as items:
        for taken in range(1, 6):
            next(items)
            wait_until(lambda taken=taken: len(made) == taken + n_ahead)
            time.sleep(0.01)
            assert len(made) == taken + n_ahead


def test_an_exception_of_any_stage_comes_out() -> None:
    with pytest.raises(ValueError, match="on fire") as caught:
        list(run_ahead(slowly(run_ahead(failing(3)), 0)))
    assert any(entry.name == "failing" for entry in caught.traceback)


def test_items_before_an_exception_are_not_lost() -> None:
    items = run_ahead(failing(3), 5)
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="on fire"):
        next(items)


@pytest.mark.parametrize("n_taken", [0, 1, 7])
def test_a_caller_that_stops_early_closes_all_stages(n_taken: int) -> None:
    closed = []

    def source() -> Generator[int]:
        try:
            yield from range(1000)
        finally:
            closed.append(threading.current_thread().name)

    stages = run_ahead(slowly(run_ahead(source()), 0), 2)
    for _ in range(n_taken):
        next(stages)
    stages.close()
    assert len(closed) == min(n_taken, 1)
    assert threading.main_thread().name not in closed


def test_an_exception_of_the_caller_closes_all_stages() -> None:
    def use(items: Generator[int]) -> None:
        with closing(items):
            for item in items:
                if item == 5:
                    raise KeyError(item)

    with pytest.raises(KeyError):
        use(run_ahead(slowly(run_ahead(numbers(1000), 2), 0), 2))


def test_ctrl_c_comes_out_in_the_caller_while_it_waits() -> None:
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt), closing(run_ahead(slowly(run_ahead(numbers(1000)), 0.3))) as items:
        list(items)


def test_a_second_ctrl_c_waits_for_the_threads_and_is_not_lost() -> None:
    for seconds in (0.1, 0.25):
        threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()
    started = time.perf_counter()
    with pytest.raises(KeyboardInterrupt), closing(run_ahead(slowly(numbers(1000), 0.5))) as items:
        list(items)
    assert time.perf_counter() - started >= 0.5


def test_an_item_is_let_go_when_the_caller_asks_for_the_next() -> None:
    class Large:
        pass

    def source() -> Generator[Large]:
        for _ in range(10):
            yield Large()

    alive: weakref.WeakSet[Large] = weakref.WeakSet()
    for item in run_ahead(source(), 2):
        alive.add(item)
        assert len(alive) <= 2


def test_what_several_threads_make_comes_in_order() -> None:
    def late_if_even(number: int) -> int:
        time.sleep(0.002 * (number % 2 == 0))
        return number * number

    assert list(map_in_threads(late_if_even, numbers(30), 3)) == [number * number for number in range(30)]


def test_several_threads_work_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=5)
    assert len(list(map_in_threads(lambda _: together.wait(), numbers(6), 3))) == 6


def test_few_items_are_taken_before_they_can_be_worked_on() -> None:
    made: list[int] = []
    with closing(map_in_threads(lambda number: number, numbers(100, made), 2)) as results:
        assert next(results) == 0
        assert len(made) == 3


def test_an_error_in_one_of_several_threads_comes_out_after_what_was_before_it() -> None:
    def divide(number: int) -> float:
        return 1 / (3 - number)

    results = map_in_threads(divide, numbers(10), 2)
    assert [next(results) for _ in range(3)] == [1 / 3, 1 / 2, 1.0]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_an_error_of_the_source_comes_out_of_several_threads() -> None:
    with pytest.raises(ValueError, match="on fire"):
        list(map_in_threads(lambda number: number, failing(5), 2))


def test_closing_early_closes_the_source_of_several_threads() -> None:
    source = numbers(100)
    with closing(map_in_threads(lambda number: number, source, 2)) as results:
        next(results)
    assert list(source) == []
