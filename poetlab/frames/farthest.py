"""Points that are as different as can be."""

import numpy as np


def farthest_points(points: np.ndarray, n: int, chosen: list[int]) -> list[int]:
    """Add, one by one, the point that is farthest from all that were chosen before.

    This covers the points with balls of at most twice the smallest possible radius (Gonzalez 1985,
    https://doi.org/10.1016/0304-3975(85)90224-5), and is what core sets for active learning are made by (Sener and
    Savarese 2018, https://arxiv.org/abs/1708.00489).

    Args:
        points: (m, d).
        n: How many in all; all points if there are not more.
        chosen: Numbers of the points to begin with, at least one.

    Returns:
        Numbers of `n` points, those of `chosen` first, the most different first.
    """
    found = list(chosen)
    points = points.astype(np.float32)
    distance = np.full(len(points), np.inf)
    for place in found:
        distance = _nearer(distance, points, place)
    while len(found) < min(n, len(points)):
        found.append(int(distance.argmax()))
        distance = _nearer(distance, points, found[-1])
    return found


def _nearer(distance: np.ndarray, points: np.ndarray, place: int) -> np.ndarray:
    """The distance of each point to the nearest chosen one, when one more is chosen, which is never farthest again."""
    nearer = np.minimum(distance, np.linalg.norm(points - points[place], axis=1))
    nearer[place] = -1
    return nearer
