"""Clean-up of predicted poses: a likelihood threshold, short gaps filled, positions smoothed, in this order.

Only positions change. Visibilities and scores stay what the network predicted, so that a position which was filled in
never looks as if it had been seen.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np
from pydantic import Field, model_validator
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import median_filter
from scipy.signal import savgol_filter

from poetlab.errors import ResultsError
from poetlab.poses import Poses
from poetlab.settings import Settings

_LONGEST_STEP = 1.5
"""A step in time longer than this many usual ones is one over missing frames."""

_Series = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Changes the (frames, 2) positions of one keypoint of one individual, given the (frames,) times."""


class FilterSettings(Settings):
    """What to clean up. What is 0 or None is left out.

    Attributes:
        threshold: Visibility below which a keypoint becomes missing.
        max_gap: Most missing frames in a row to fill in.
        fill: How: along a line, or a cubic (PCHIP, https://doi.org/10.1137/0717021, which never overshoots).
        smooth: By what to smooth; None for not at all.
        window: Frames that a smoothed position is made of; odd.
        order: Order of Savitzky and Golay's polynomial.
    """

    threshold: float = Field(0.0, ge=0, le=1)
    max_gap: int = Field(0, ge=0)
    fill: Literal["linear", "cubic"] = "linear"
    smooth: Literal["median", "savgol"] | None = None
    window: int = Field(5, ge=3)
    order: int = Field(2, ge=0)

    @model_validator(mode="after")
    def _check_window(self) -> "FilterSettings":
        if self.window % 2 == 0:
            raise ValueError(f"window {self.window} is even; a window has a frame in its middle, so it is odd")
        if self.smooth == "savgol" and self.order >= self.window:
            raise ValueError(f"order {self.order} does not fit window {self.window}; it must be less")
        return self

    @property
    def is_nothing(self) -> bool:
        """Whether these settings change no pose."""
        return not (self.threshold or self.max_gap or self.smooth)


def filter_poses(poses: Poses, settings: FilterSettings) -> Poses:
    """Clean up positions, each individual and keypoint for itself.

    Args:
        poses: The poses; individuals must be animals over time wherever positions of several frames are mixed.
        settings: What to do.

    Returns:
        The poses with other positions, and everything else as it was. A position that is missing stays so, unless it
        lies in a gap that is filled.

    Raises:
        ResultsError: If positions of several frames would be mixed though the poses are of slots.
    """
    mixes_frames = bool(settings.max_gap or settings.smooth)
    if mixes_frames and not poses.tracked and len(poses.individuals) > 1:
        raise ResultsError(
            f"the poses of {poses.video} are not tracked: a slot is not one animal over time, so it cannot be filled "
            "or smoothed; track it first (a threshold alone works)"
        )
    keypoints = _without_unlikely(poses.keypoints, poses.visibility, settings.threshold)
    if settings.max_gap:
        keypoints = _each_series(keypoints, poses.times, lambda x, times: fill_gaps(x, times, settings))
    if settings.smooth:
        keypoints = _each_series(keypoints, poses.times, lambda x, times: smooth(x, times, settings))
    return replace(poses, keypoints=keypoints)


def fill_gaps(positions: np.ndarray, times: np.ndarray, settings: FilterSettings) -> np.ndarray:
    """Fill the gaps between known positions that are short enough, over time and not over rows.

    Args:
        positions: (frames, 2) with NaN where missing.
        times: (frames,) seconds, rising.
        settings: The longest gap in frames, and how to fill.

    Returns:
        (frames, 2) positions; the known ones are not changed.
    """
    known = _known(positions)
    rows = np.flatnonzero(known)
    if len(rows) < 2:
        return positions
    n_missing = np.round(np.diff(times[rows]) / _usual_step(times)) - 1
    fillable = (np.diff(rows) > 1) & (n_missing <= settings.max_gap)
    inside = np.zeros(len(positions), bool)
    for before, after in zip(rows[:-1][fillable], rows[1:][fillable], strict=True):
        inside[before + 1 : after] = True
    filled = positions.copy()
    if settings.fill == "cubic":
        filled[inside] = PchipInterpolator(times[rows], positions[rows])(times[inside])
    else:
        for axis in range(positions.shape[1]):
            filled[inside, axis] = np.interp(times[inside], times[rows], positions[rows, axis])
    return filled


def smooth(positions: np.ndarray, times: np.ndarray, settings: FilterSettings) -> np.ndarray:
    """Smooth every run of known positions for itself.

    A run ends at a missing position, and where the step in time is more than 1.5 usual ones. The median mirrors a run
    at its ends. Savitzky and Golay's filter fits its polynomial to the first and last window there, and leaves runs
    shorter than a window as they are.

    Args:
        positions: (frames, 2) with NaN where missing.
        times: (frames,) seconds, rising.
        settings: By what, and over how many frames.

    Returns:
        (frames, 2) positions, missing where they were missing.
    """
    known = _known(positions)
    breaks = ~(known[1:] & known[:-1]) | (np.diff(times) > _LONGEST_STEP * _usual_step(times))
    smoothed = positions.copy()
    for rows in np.split(np.arange(len(positions)), np.flatnonzero(breaks) + 1):
        run = positions[rows]
        if not known[rows[0]]:
            continue
        if settings.smooth == "median":
            smoothed[rows] = median_filter(run, size=(settings.window, 1), mode="reflect")
        elif len(rows) >= settings.window:
            smoothed[rows] = savgol_filter(run, settings.window, settings.order, axis=0, mode="interp")
    return smoothed


def _each_series(keypoints: np.ndarray, times: np.ndarray, change: _Series) -> np.ndarray:
    """(frames, individuals, k, 2) with the positions of each individual and keypoint changed."""
    changed = np.empty_like(keypoints)
    for individual, keypoint in np.ndindex(keypoints.shape[1:3]):
        series = keypoints[:, individual, keypoint].astype(np.float64)
        changed[:, individual, keypoint] = change(series, times)
    return changed


def _without_unlikely(keypoints: np.ndarray, visibility: np.ndarray, threshold: float) -> np.ndarray:
    return np.where((visibility < threshold)[..., None], np.nan, keypoints).astype(keypoints.dtype)


def _known(positions: np.ndarray) -> np.ndarray:
    return ~np.isnan(positions).any(axis=-1)


def _usual_step(times: np.ndarray) -> float:
    """Seconds from a frame to the next, mostly."""
    return float(np.median(np.diff(times))) if len(times) > 1 else 1.0
