"""Who is where in each frame: of labels, of result files, and of detections that were tracked."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from poetlab.poses import Poses
from poetlab.results.pose_blocks import PoseBlock


@dataclass(frozen=True, eq=False)
class Identities:
    """Animals under their names.

    Attributes:
        individuals: Names of the individual axis.
        frames: (frames,) numbers of the frames in the video, rising.
        keypoints: (frames, individuals, k, 2) pixels; NaN where an animal or keypoint is missing.
        is_filled: (frames, individuals) whether an animal was not found there and its positions were filled in; None
            for nowhere.
    """

    individuals: tuple[str, ...]
    frames: np.ndarray
    keypoints: np.ndarray
    is_filled: np.ndarray | None = None

    def at(self, frames: np.ndarray) -> "Identities":
        """The same animals in other frames (numbers, rising); missing where nothing is known of a frame."""
        keypoints = np.full((len(frames), *self.keypoints.shape[1:]), np.nan)
        is_filled = np.zeros(keypoints.shape[:2], bool)
        _, here, there = np.intersect1d(self.frames, frames, return_indices=True)
        keypoints[there] = self.keypoints[here]
        if self.is_filled is not None:
            is_filled[there] = self.is_filled[here]
        return Identities(self.individuals, frames, keypoints, is_filled)

    def found(self) -> "Identities":
        """The animals without what was filled in."""
        if self.is_filled is None:
            return self
        keypoints = np.where(self.is_filled[..., None, None], np.nan, self.keypoints)
        return Identities(self.individuals, self.frames, keypoints)


def identities_of_poses(poses: Poses) -> Identities:
    """Those of a result file; whether its names are identities or slots is for the caller to know."""
    return Identities(poses.individuals, poses.frames, np.asarray(poses.keypoints, dtype=float), poses.scores <= 0)


def identities_of_blocks(individuals: tuple[str, ...], blocks: Iterable[PoseBlock], wanted: np.ndarray) -> Identities:
    """Those of some frames of a tracked video.

    Args:
        individuals: Names.
        blocks: The poses of the whole video.
        wanted: Numbers of the frames to keep, rising.
    """
    parts = []
    for block in blocks:
        here = np.isin(block.found.frames, wanted)
        keypoints = block.values[here, ..., :2].astype(float)
        parts.append(Identities(individuals, block.found.frames[here], keypoints, block.is_filled[here]))
    frames, keypoints, is_filled = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("frames", "keypoints", "is_filled")
    )
    return Identities(individuals, frames, keypoints, is_filled).at(wanted)
