"""Whether predicted visibility is a probability: of keypoints predicted at 0.8, are eight of ten visible?"""

from dataclasses import dataclass

import numpy as np

from poetlab.evaluation.matched import MatchedAnimals
from poetlab.labels.label_set import VISIBLE

N_BINS = 15
"""How many bins the keypoints are sorted into, as is the custom (Guo et al. 2017, https://arxiv.org/abs/1706.04599)."""


@dataclass(frozen=True)
class CalibrationBin:
    """Keypoints with about the same predicted visibility.

    Attributes:
        n: How many there are; at least one.
        predicted: The mean of their predicted visibility.
        visible: The fraction that is labeled as visible.
        chance: How far chance alone would put the fraction from the mean if the predictions were true probabilities
            (standard deviation).
    """

    n: int
    predicted: float
    visible: float
    chance: float


@dataclass(frozen=True)
class Calibration:
    """Predicted visibility of the keypoints of matched animals as a probability; NaN where there are none.

    Attributes:
        n: Keypoints compared, those without a label included.
        predicted: The mean of their predicted visibility.
        visible: The fraction that is labeled as visible.
        error: The expected calibration error: how far the predicted visibility of a bin is from the fraction of it that
            is visible, averaged over keypoints, in bins of equally many keypoints. This is the one to judge by.
        error_by_chance: What `error` would be on average if the predictions were true probabilities: few keypoints
            never agree with them exactly (normal approximation; keypoints taken as independent).
        error_equal_width: `error` in bins of equal width, as it is often given.
        brier_score: Mean squared difference of predicted visibility and label (1 visible, 0 not).
        bins: The bins of `error`, lowest first.
    """

    n: int
    predicted: float
    visible: float
    error: float
    error_by_chance: float
    error_equal_width: float
    brier_score: float
    bins: tuple[CalibrationBin, ...]


def calibration(matched: MatchedAnimals) -> Calibration:
    """How well calibrated the predicted visibility of matched animals is.

    A keypoint counts as visible only if it is labeled so (2); an occluded one (1) and one without a label (0) do not.

    Most keypoints are predicted near 1, so nearly all would fall into the last bin of equal width. Bins of equal mass
    resolve these, and their error is biased less (Roelofs et al. 2022, https://arxiv.org/abs/2012.08668).
    """
    predicted, is_visible = matched.visibility.ravel().astype(float), matched.labels[..., 2].ravel() == VISIBLE
    if not len(predicted):
        nothing = float("nan")
        return Calibration(0, nothing, nothing, nothing, nothing, nothing, nothing, ())
    bins = _binned(predicted, is_visible, _equal_mass(predicted))
    by_width = _binned(predicted, is_visible, np.minimum((predicted * N_BINS).astype(int), N_BINS - 1))
    return Calibration(
        n=len(predicted),
        predicted=float(predicted.mean()),
        visible=float(is_visible.mean()),
        error=_expected_error(bins),
        error_by_chance=_over_keypoints(bins, [np.sqrt(2 / np.pi) * each.chance for each in bins]),
        error_equal_width=_expected_error(by_width),
        brier_score=float(np.square(predicted - is_visible).mean()),
        bins=bins,
    )


def _equal_mass(predicted: np.ndarray) -> np.ndarray:
    """The bin of each keypoint, with about equally many in each; equal predictions are always in the same one."""
    ordered = np.sort(predicted)
    starts = np.arange(1, N_BINS) * len(ordered) // N_BINS
    return np.searchsorted(ordered[starts], predicted, side="right")


def _binned(predicted: np.ndarray, is_visible: np.ndarray, bin_numbers: np.ndarray) -> tuple[CalibrationBin, ...]:
    """The bins that hold a keypoint, in order."""
    bins = []
    for number in np.unique(bin_numbers):
        inside = bin_numbers == number
        part, n = predicted[inside], int(inside.sum())
        chance = float(np.sqrt((part * (1 - part)).sum()) / n)
        bins.append(CalibrationBin(n, float(part.mean()), float(is_visible[inside].mean()), chance))
    return tuple(bins)


def _expected_error(bins: tuple[CalibrationBin, ...]) -> float:
    return _over_keypoints(bins, [abs(each.predicted - each.visible) for each in bins])


def _over_keypoints(bins: tuple[CalibrationBin, ...], values: list[float]) -> float:
    """The mean over keypoints of a value that each bin has."""
    return float(np.average(values, weights=[each.n for each in bins]))
