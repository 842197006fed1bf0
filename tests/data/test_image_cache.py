"""The cache gives what was read, keeps what it holds, and is shared with workers."""

import multiprocessing
import pickle
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poetlab.data.image_cache import ImageCache

SIZES = [(4, 6), (5, 3), (8, 8), (1, 1)]


def picture(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (*SIZES[number], 3), dtype=np.uint8)


@pytest.fixture
def reads() -> list[int]:
    """The numbers of the images that were read."""
    return []


@pytest.fixture
def look(reads: list[int]) -> Callable[[ImageCache, int], np.ndarray]:
    """A function that takes an image out of a cache, reading it if need be."""

    def look(cache: ImageCache, number: int) -> np.ndarray:
        def read() -> np.ndarray:
            reads.append(number)
            return picture(number)

        return cache.image(number, read)

    return look


@pytest.mark.parametrize(
    ("most_bytes", "n_kept"), [(0, 0), (71, 0), (72, 1), (116, 1), (117, 2), (308, 2), (309, 3), (312, 4), (10**6, 4)]
)
def test_images_that_fit_are_read_once(
    look: Callable[..., np.ndarray], reads: list[int], most_bytes: int, n_kept: int
) -> None:
    cache = ImageCache(SIZES, most_bytes)
    for _ in range(3):
        for number in (2, 0, 3, 1):
            np.testing.assert_array_equal(look(cache, number), picture(number))
    assert {number: reads.count(number) for number in range(4)} == {n: 1 if n < n_kept else 3 for n in range(4)}


def test_what_is_done_with_an_image_does_not_reach_the_cache(look: Callable[..., np.ndarray]) -> None:
    cache = ImageCache(SIZES, 10**6)
    for _ in range(3):
        image = look(cache, 2)
        np.testing.assert_array_equal(image, picture(2))
        image[:] = 0


def test_an_image_that_cannot_be_read_is_no_image_next_time(look: Callable[..., np.ndarray], reads: list[int]) -> None:
    cache = ImageCache(SIZES, 10**6)

    def fail() -> np.ndarray:
        raise OSError("no such image")

    with pytest.raises(OSError, match="no such image"):
        cache.image(1, fail)
    np.testing.assert_array_equal(look(cache, 1), picture(1))
    assert reads == [1]


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="processes are never forked here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_what_a_forked_process_reads_is_there_for_others(look: Callable[..., np.ndarray], reads: list[int]) -> None:
    cache = ImageCache(SIZES, 10**6)
    worker = multiprocessing.get_context("fork").Process(target=look, args=(cache, 1))
    worker.start()
    worker.join()
    assert worker.exitcode == 0
    np.testing.assert_array_equal(look(cache, 1), picture(1))
    assert reads == []


def test_in_a_process_that_is_started_afresh_it_is_empty(look: Callable[..., np.ndarray], reads: list[int]) -> None:
    cache = pickle.loads(pickle.dumps(ImageCache(SIZES, 10**6)))
    for _ in range(2):
        np.testing.assert_array_equal(look(cache, 1), picture(1))
    assert reads == [1, 1]


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), max_size=9), st.integers(0, 900), st.randoms())
def test_images_of_any_sizes_do_not_disturb_each_other(
    sizes: list[tuple[int, int]], most_bytes: int, random: object
) -> None:
    cache = ImageCache(sizes, most_bytes)
    pictures = [np.full((*size, 3), number + 1, dtype=np.uint8) for number, size in enumerate(sizes)]
    order = list(range(len(sizes)))
    random.shuffle(order)  # type: ignore[attr-defined]
    for number in order * 2:
        np.testing.assert_array_equal(cache.image(number, lambda number=number: pictures[number]), pictures[number])  # type: ignore[misc]
    assert sum(3 * height * width for height, width in cache.sizes) <= most_bytes
