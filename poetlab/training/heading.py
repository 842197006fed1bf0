"""In how many directions labeled animals head."""

import math

import numpy as np

from poetlab.labels.label_set import UNLABELED

_FEWEST_ANIMALS = 8
_MOST_ANIMALS = 500
"""As many tell what more would tell, and every pair of keypoints of each is looked at."""


def heading_concentration(keypoints: np.ndarray) -> float:
    """How much animals head the same way, or the same and the opposite way.

    An animal's heading is the direction between the two keypoints that lie farthest apart in most animals. Of these
    directions, the mean resultant length is taken (Fisher, Statistical Analysis of Circular Data, 1993, section 2.3),
    and that of the doubled angles, which tells opposite directions from all directions; the larger one counts.

    Args:
        keypoints: (n, k, 3) x, y and visibility of each labeled animal, as in `LabeledInstance`.

    Returns:
        From 0 (all directions alike) to 1 (a single direction, or two opposite ones); NaN where too few animals tell.
    """
    some = keypoints[:: -(-len(keypoints) // _MOST_ANIMALS) or 1]
    start, end = _body_axis(some)
    away = some[:, end, :2] - some[:, start, :2]
    away = away[np.isfinite(away).all(axis=1) & (away != 0).any(axis=1)]
    if len(away) < _FEWEST_ANIMALS:
        return math.nan
    angles = np.arctan2(away[:, 1], away[:, 0])
    return max(float(abs(np.exp(1j * times * angles).mean())) for times in (1, 2))


def _body_axis(keypoints: np.ndarray) -> tuple[int, int]:
    """The pair of keypoints, both labeled in half of the animals, that lie farthest apart in parts of each animal."""
    labeled = keypoints[..., 2] != UNLABELED
    points = np.where(labeled[..., None], keypoints[..., :2], 0)
    both = labeled[:, :, None] & labeled[:, None, :]  # (n, k, k)
    distances = np.linalg.norm(points[:, :, None] - points[:, None, :], axis=-1) * both
    longest = distances.max(axis=(1, 2), keepdims=True, initial=0)
    parts = np.divide(distances, longest, out=np.zeros_like(distances), where=longest > 0)
    counts = both.sum(axis=0)
    means = np.where(2 * counts >= len(keypoints), parts.sum(axis=0) / np.maximum(counts, 1), 0)
    start, end = np.unravel_index(means.argmax(), means.shape)
    return int(start), int(end)
