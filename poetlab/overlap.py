"""Working in other threads while the caller goes on, so that stages of a pipeline work at the same time."""

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from queue import SimpleQueue
from threading import Event, Semaphore, Thread
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def run_ahead(source: Generator[Item], n_ahead: int = 1) -> Generator[Item]:
    """Iterate over a generator in a thread, which prepares items while the caller uses earlier ones.

    Stages are chained by handing the result to the next stage's generator. An exception of the source comes out
    here. When the result is closed, or ends by any exception, the thread closes the source and has ended before
    the caller goes on; so close it (`contextlib.closing`) where the loop over it may be left early.

    Args:
        source: What to iterate over; used by the thread alone from the first item on.
        n_ahead: Most items that wait for the caller, besides the one it has.

    Yields:
        The items of the source, in order.
    """
    ahead = _Ahead(source, n_ahead)
    thread = Thread(target=ahead.work, name=run_ahead.__name__)
    thread.start()
    try:
        while (outcome := ahead.ready.get()) is not None:
            if isinstance(outcome, BaseException):
                raise outcome
            ahead.places.release()
            yield outcome.item
            del outcome  # else this would keep an item alive that the caller is done with
    finally:
        ahead.stopping.set()
        ahead.places.release()
        _wait_for(ahead.ended)
        thread.join()


def map_in_threads(function: Callable[[Item], Result], source: Generator[Item], n_threads: int) -> Generator[Result]:
    """Apply a function to the items of a generator in several threads at the same time.

    An exception of the function or the source comes out here. When the result is closed, the source is closed, and
    no thread works any more.

    Args:
        function: What to apply.
        source: Where the items are from; used by the caller's thread, which is one item ahead of the others.
        n_threads: How many threads.

    Yields:
        What the function made of each item, in the order of the items.
    """
    waiting: deque[Future[Result]] = deque()
    with closing(source), ThreadPoolExecutor(n_threads) as threads:
        try:
            for item in source:
                waiting.append(threads.submit(function, item))
                if len(waiting) > n_threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


class _Box(Generic[Item]):
    """An item, told apart from an exception and from the end by being in a box."""

    def __init__(self, item: Item) -> None:
        self.item = item


class _Ahead(Generic[Item]):
    """What the thread and the caller share.

    The thread takes a place before it makes an item, and the caller gives the place back when it takes the item.
    Putting into the queue never blocks, so waking the thread takes no more than a place.
    """

    def __init__(self, source: Generator[Item], n_ahead: int) -> None:
        self.source = source
        self.ready: SimpleQueue[_Box[Item] | BaseException | None] = SimpleQueue()
        self.places = Semaphore(n_ahead)
        self.stopping = Event()
        self.ended = Event()

    def work(self) -> None:
        try:
            with closing(self.source):
                self._make_items()
        except BaseException as error:  # noqa: BLE001 - it is raised again in the caller's thread
            self.ready.put(error)
        else:
            self.ready.put(None)
        finally:
            self.ended.set()

    def _make_items(self) -> None:
        while True:
            self.places.acquire()
            if self.stopping.is_set():
                return
            try:
                self.ready.put(_Box(next(self.source)))
            except StopIteration:
                return


def _wait_for(ended: Event) -> None:
    """Wait for a thread also through Ctrl-C, which is passed on then: what the thread uses must not be closed before.

    `Thread.join` does not do: interrupted, it takes the thread for ended (Python 3.11).
    """
    interruption = None
    while not ended.is_set():
        try:
            ended.wait()
        except KeyboardInterrupt as error:
            interruption = error
    if interruption:
        raise interruption
