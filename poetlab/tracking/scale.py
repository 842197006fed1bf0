"""The measures of a video: how long an animal is, and how much time passes between the analyzed frames."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from poetlab.poses import Instances
from poetlab.skeleton import Skeleton
from poetlab.tracking.motion import Observed
from poetlab.tracking.sizes import SizeMeter, calibrate

_LEAST_WEIGHT = 0.1
_LONGEST_QUARTER = 0.75
_SPREAD_TO_SIGMA = (1.0, 2.0)
_MEDIAN_OF_SQUARES = 0.455
"""The median of a squared standard normal deviate."""


@dataclass(frozen=True, eq=False)
class Scale:
    """What makes pixels into body lengths.

    Attributes:
        body_length: Pixels; the diagonal of the box around an animal's keypoints.
        stride: Every how many-th frame of the video was analyzed.
        frame_interval: Seconds from one analyzed frame to the next.
        spread: (k,) body lengths by which measured keypoints scatter: OKS's falloff of twice sigma times the
            square root of the area, with half the body length for that root, and more where they scatter more.
        meter: What animals' sizes are measured with.
    """

    body_length: float
    stride: int
    frame_interval: float
    spread: np.ndarray
    meter: SizeMeter

    def observe(self, instances: Instances) -> Observed:
        """The instances in body lengths; what the network takes for hidden counts less."""
        return _observe(instances.keypoints, instances.visibility, self.body_length)


def measure(frames: Sequence[tuple[int, float, Instances]], skeleton: Skeleton) -> Scale:
    """Measure some frames; 1 pixel and 1/25 second where they tell nothing."""
    keypoints = np.concatenate([np.empty((0, skeleton.n_keypoints, 2)), *(found.keypoints for _, _, found in frames)])
    visibility = np.concatenate([np.empty((0, skeleton.n_keypoints)), *(found.visibility for _, _, found in frames)])
    lengths = _lengths(keypoints)
    body_length = float(np.quantile(lengths, _LONGEST_QUARTER)) if len(lengths) else 1.0
    steps = np.diff([number for number, _, _ in frames]).astype(int)
    stride = int(np.gcd.reduce(steps)) if steps.any() else 1
    times = np.array([time for _, time, _ in frames], dtype=float)
    intervals = np.diff(times) / np.maximum(steps // stride, 1)
    intervals = intervals[intervals > 0]
    frame_interval = float(np.median(intervals)) if len(intervals) else 0.04
    sigmas = np.asarray(skeleton.sigmas)
    noise = _noise([instances.keypoints / body_length for _, _, instances in frames])
    spread = sigmas * np.clip(noise / sigmas.mean(), *_SPREAD_TO_SIGMA)
    meter = calibrate(_observe(keypoints, visibility, body_length), skeleton)
    return Scale(body_length, stride, frame_interval, spread, meter)


def _observe(keypoints: np.ndarray, visibility: np.ndarray, body_length: float) -> Observed:
    known = np.isfinite(keypoints).all(-1)
    position = np.where(known[..., None], keypoints, 0) / body_length
    weight = np.where(known, np.clip(np.nan_to_num(visibility), _LEAST_WEIGHT, 1), 0)
    return Observed(position, weight)


def _noise(frames: Sequence[np.ndarray]) -> float:
    """Body lengths by which keypoints scatter, from how far they are off the middle between before and after."""
    squares = [np.empty(0)]
    for before, now, after in zip(frames, frames[1:], frames[2:], strict=False):
        if len(before) and len(now) and len(after):
            bend = _nearest(before, now) - 2 * now + _nearest(after, now)
            squares.append(bend[np.isfinite(bend)] ** 2)
    of_all = np.concatenate(squares)
    return float(np.sqrt(np.median(of_all) / _MEDIAN_OF_SQUARES / 6)) if len(of_all) else 0.0


def _nearest(others: np.ndarray, poses: np.ndarray) -> np.ndarray:
    """(n, k, 2) for each of the poses (n, k, 2) that of some others (m, k, 2) which is nearest in the mean."""
    distance = np.linalg.norm(poses[:, None] - others, axis=-1)
    known = np.isfinite(distance)
    mean = np.where(known, distance, 0).sum(-1) / np.maximum(known.sum(-1), 1e-9)
    return np.asarray(others[np.where(known.any(-1), mean, np.inf).argmin(1)])


def _lengths(keypoints: np.ndarray) -> np.ndarray:
    """(m,) diagonals, in pixels, of those poses that have an extent."""
    known = np.isfinite(keypoints).all(-1, keepdims=True)
    low = np.where(known, keypoints, np.inf).min(1)
    high = np.where(known, keypoints, -np.inf).max(1)
    lengths = np.linalg.norm(np.where(known.any(1), high - low, 0), axis=-1)
    return np.asarray(lengths[lengths > 0])
