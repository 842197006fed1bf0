"""How far predicted centers are from those of the labels (paper Figure 9b)."""

from dataclasses import dataclass

import numpy as np

from poetlab.evaluation.matched import MatchedAnimals
from poetlab.labels.label_set import VISIBLE


@dataclass(frozen=True)
class CenterError:
    """Predicted against labeled centers of matched animals with a visible keypoint; NaN where there are none.

    Attributes:
        n: Animals compared.
        median_x: Median horizontal distance, in widths of the labeled box.
        median_y: Median vertical distance, in heights of the labeled box.
        median: Median distance in pixels.
        percentile_90: Distance in pixels that 90% of the animals do not exceed.
    """

    n: int
    median_x: float
    median_y: float
    median: float
    percentile_90: float


def center_error(matched: MatchedAnimals) -> CenterError:
    """The figures of predicted centers."""
    offsets = center_offsets(matched)
    if not len(offsets):
        return CenterError(0, *[float("nan")] * 4)
    median_x, median_y = np.median(np.abs(relative_center_offsets(matched)), axis=0)
    median, percentile_90 = np.percentile(np.linalg.norm(offsets, axis=1), [50, 90])
    return CenterError(len(offsets), float(median_x), float(median_y), float(median), float(percentile_90))


def center_offsets(matched: MatchedAnimals) -> np.ndarray:
    """(n, 2) pixels from the labeled center to the predicted one, of the animals that have both.

    An animal's labeled center is the mean of its visible keypoints, as in training (paper section "Training
    Loss"); without any there is none.
    """
    return _offsets(matched)[_has_centers(matched)]


def relative_center_offsets(matched: MatchedAnimals) -> np.ndarray:
    """`center_offsets` in widths and heights of the labeled box, taken to be at least a pixel wide and high."""
    extents = np.maximum(matched.bboxes[:, 2:], 1)
    return (_offsets(matched) / extents)[_has_centers(matched)]


def _has_centers(matched: MatchedAnimals) -> np.ndarray:
    return np.isfinite(_offsets(matched)).all(axis=1)


def _offsets(matched: MatchedAnimals) -> np.ndarray:
    """(n, 2), NaN where an animal lacks a center."""
    visible = matched.labels[..., 2:] == VISIBLE  # (n, k, 1)
    sums = np.where(visible, matched.labels[..., :2], 0).sum(axis=1)
    n_visible = np.where(visible.any(axis=1), visible.sum(axis=1), np.nan)
    return matched.centers - sums / n_visible
