"""Signs in results that a network was unsure of a frame.

Each is one number a frame, larger for less sure, and NaN where it says nothing: where no animal was found, nothing is
known of its pose, neither good nor bad.
"""

from collections.abc import Callable

import numpy as np

from poetlab.poses import SEEN, Poses


def low_score(poses: Poses) -> np.ndarray:
    """(frames,) what the scores of the animals that were found lack to 1, in the mean."""
    return _mean_of_known(np.where(poses.scores > 0, 1 - poses.scores, np.nan))


def unsure_visibility(poses: Poses) -> np.ndarray:
    """(frames,) how near the visibilities of the animals that were found are to 1/2, in the mean: from 0 to 1."""
    doubt = 1 - np.abs(2 * poses.visibility - 1)
    return _mean_of_known(np.where(poses.scores > 0, doubt.mean(axis=2), np.nan))


def jump(poses: Poses) -> np.ndarray:
    """(frames,) how far the animal that jumps most is off the middle between where it was before and after.

    In body lengths; the root of the mean square over keypoints, so that one that jumps alone counts, too. Only
    keypoints that the network takes to be seen count, as it guesses where others are. NaN where no animal was seen in
    all three frames. Where results are not tracked, each pose is compared with those that are nearest before and after.
    """
    points = np.where(poses.visibility[..., None] >= SEEN, poses.keypoints, np.nan)
    off = np.full(poses.n_frames, np.nan)
    if poses.n_frames < 3:
        return off
    before, now, after = points[:-2], points[1:-1], points[2:]
    if not poses.tracked:
        before, after = _nearest(before, now), _nearest(after, now)
    squared = ((now - (before + after) / 2) ** 2).sum(axis=-1)  # (frames - 2, individuals, k)
    off[1:-1] = _worst(np.sqrt(_mean_of_known(squared)))
    return np.asarray(off / body_length(poses))


def missing_animals(counts: np.ndarray, usual: int) -> np.ndarray:
    """(frames,) how many animals fewer than usual were found; `counts` (frames,) were."""
    return np.maximum(usual - counts, 0).astype(float)


def extra_animals(counts: np.ndarray, usual: int) -> np.ndarray:
    """(frames,) how many animals more than usual were found; `counts` (frames,) were."""
    return np.maximum(counts - usual, 0).astype(float)


def measure_results(poses: Poses, counts: np.ndarray, usual: int) -> dict[str, np.ndarray]:
    """Every signal that results alone give.

    Args:
        poses: The poses of a video.
        counts: (frames,) detections in each frame, those that found no place among the individuals included.
        usual: How many animals there are.

    Returns:
        Name -> (frames,), with the names of `WORDS`.
    """
    return {
        "low_score": low_score(poses),
        "visibility": unsure_visibility(poses),
        "jump": jump(poses),
        "missing": missing_animals(counts, usual),
        "extra": extra_animals(counts, usual),
    }


WORDS: dict[str, Callable[[float], str]] = {
    "low_score": lambda value: f"scores of only {1 - value:.2f} in the mean",
    "visibility": lambda value: f"unsure which keypoints can be seen ({value:.0%} in doubt)",
    "jump": lambda value: f"an animal jumps ({value:.2f} body lengths)",
    "missing": lambda value: f"fewer animals than usual ({value:.0f} missing)",
    "extra": lambda value: f"more animals than usual ({value:.0f} too many)",
    "layers": lambda value: f"the decoder's layers disagree ({value:.1%} of the animal's length)",
}
"""What each signal says of a frame, in words; `layers` is of `looking.layer_disagreement`."""


def body_length(poses: Poses) -> float:
    """The median diagonal of the boxes around poses, in pixels; 1 where there is none."""
    known = np.isfinite(poses.keypoints).all(axis=-1, keepdims=True)
    low = np.where(known, poses.keypoints, np.inf).min(axis=2)
    high = np.where(known, poses.keypoints, -np.inf).max(axis=2)
    diagonals = np.linalg.norm(np.where(known.any(axis=2), high - low, 0), axis=-1)
    return float(np.median(diagonals[diagonals > 0])) if (diagonals > 0).any() else 1.0


def _nearest(others: np.ndarray, poses: np.ndarray) -> np.ndarray:
    """For each of the poses (frames, n, k, 2) that of the others (frames, m, k, 2) in its frame which is nearest."""
    nearest = np.empty_like(poses)
    for place in range(poses.shape[1]):
        squared = ((others - poses[:, place, None]) ** 2).sum(axis=-1)  # (frames, m, k)
        mean = np.nan_to_num(_mean_of_known(squared), nan=np.inf)
        nearest[:, place] = others[np.arange(len(others)), mean.argmin(axis=1)]
    return nearest


def _mean_of_known(values: np.ndarray) -> np.ndarray:
    """The mean over the last axis of what is not NaN; NaN where all is."""
    known = np.isfinite(values)
    n_known = known.sum(axis=-1)
    return np.asarray(np.where(n_known > 0, np.where(known, values, 0).sum(axis=-1) / np.maximum(n_known, 1), np.nan))


def _worst(values: np.ndarray) -> np.ndarray:
    """The largest over individuals (frames, n) of what is not NaN; NaN where all is."""
    worst = np.where(np.isnan(values), -np.inf, values).max(axis=1, initial=-np.inf)
    return np.where(np.isfinite(worst), worst, np.nan)
