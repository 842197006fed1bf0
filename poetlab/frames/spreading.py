"""The frames of highest value that do not crowd in time."""

from bisect import bisect_left, insort
from collections.abc import Iterable

import numpy as np


def spread_in_time(values: np.ndarray, frames: np.ndarray, n: int, taken: Iterable[int] = ()) -> np.ndarray:
    """Choose frames of high value that are far from each other.

    In the order of their values, each frame is taken that keeps a distance from those that are. The distance is at
    first half of what evenly spread frames have, and is halved until there are enough.

    Args:
        values: (m,) the higher, the sooner a frame is taken; of equal ones the earlier frame first.
        frames: (m,) their numbers in the video, rising.
        n: How many; all if there are not more.
        taken: Numbers of frames that the others keep away from as well.

    Returns:
        Places in `values`, the first taken first.
    """
    order = np.argsort(-values, kind="stable").tolist()
    chosen: list[int] = []
    n = min(n, len(order))
    near = sorted(taken)
    gap = float(frames[-1] - frames[0] + 1) / (2 * n) if n else 0.0
    while len(chosen) < n:
        left = []
        for place in order:
            if len(chosen) < n and _is_free(int(frames[place]), near, gap):
                chosen.append(place)
                insort(near, int(frames[place]))
            else:
                left.append(place)
        order = left
        gap = gap / 2 if gap > 1 else 0.0
    return np.array(chosen, dtype=int)


def _is_free(frame: int, near: list[int], gap: float) -> bool:
    """Whether a frame is at least `gap` away from each of some sorted ones."""
    place = bisect_left(near, frame)
    return all(abs(frame - other) >= gap for other in near[max(0, place - 1) : place + 1])
