"""How far predicted keypoints are from the labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from poetlab.evaluation.matched import MatchedAnimals


@dataclass(frozen=True)
class KeypointError:
    """Distance between predicted and labeled positions of one keypoint, in pixels, over matched animals."""

    keypoint: str
    n: int
    median: float
    percentile_90: float


def keypoint_errors(matched: MatchedAnimals, keypoints: Sequence[str]) -> tuple[KeypointError, ...]:
    """One entry a keypoint, then one for all of them together; keypoints that are not labeled do not count."""
    distances = np.linalg.norm(matched.keypoints - matched.labels[..., :2], axis=-1)  # (n, k), NaN where not labeled
    each = [_keypoint_error(name, distances[:, index]) for index, name in enumerate(keypoints)]
    return (*each, _keypoint_error("all", distances.ravel()))


def _keypoint_error(name: str, distances: np.ndarray) -> KeypointError:
    known = distances[np.isfinite(distances)]
    median, percentile_90 = np.percentile(known, [50, 90]) if len(known) else (np.nan, np.nan)
    return KeypointError(name, len(known), float(median), float(percentile_90))
