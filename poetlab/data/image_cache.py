"""Decoded training images, kept in memory from one epoch to the next."""

import mmap
from collections.abc import Callable, Sequence
from itertools import accumulate

import numpy as np


class ImageCache:
    """The first images of a sequence, as many as a limit holds.

    They lie in memory that processes forked from this one share, so that what one worker of an epoch reads, those of
    the next epochs have. A process that is started afresh instead (as on Windows) gets an empty cache and reads files.
    What is kept and what is read are the same, so nothing but time depends on the cache.
    """

    def __init__(self, sizes: Sequence[tuple[int, int]], most_bytes: int) -> None:
        """Set memory aside; it is taken as images come in.

        Args:
            sizes: (height, width) of each image.
            most_bytes: The limit.
        """
        ends = accumulate(3 * height * width for height, width in sizes)
        fitting = [(end, size) for end, size in zip(ends, sizes, strict=True) if end <= most_bytes]
        self.sizes = [size for _, size in fitting]
        self._ends = [end for end, _ in fitting]
        n_bytes = self._ends[-1] if fitting else 0
        self._pixels = _shared_memory(n_bytes)
        self._filled = _shared_memory(len(fitting))

    def __reduce__(self) -> tuple[type["ImageCache"], tuple[tuple[()], int]]:
        """Pickled for another process, which has no share in this one's memory, it is empty."""
        return ImageCache, ((), 0)

    def image(self, number: int, read: Callable[[], np.ndarray]) -> np.ndarray:
        """An image (height, width, 3) uint8, by its number, from memory or as `read` gives it."""
        if number >= len(self.sizes):
            return read()
        height, width = self.sizes[number]
        end = self._ends[number]
        kept = self._pixels[end - 3 * height * width : end].reshape(height, width, 3)
        if not self._filled[number]:
            kept[:] = read()
            self._filled[number] = 1  # after its pixels, since another process may look
        return kept.copy()


def _shared_memory(n_bytes: int) -> np.ndarray:
    """(n_bytes,) uint8 of zeros that forked processes share."""
    return np.frombuffer(mmap.mmap(-1, max(1, n_bytes)), np.uint8)[:n_bytes]
