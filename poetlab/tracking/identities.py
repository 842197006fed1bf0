"""Who is where in each frame: of labels, of result files, and of detections that were tracked."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from poetlab.poses import Instances, Poses
from poetlab.tracking.track import Tracks


@dataclass(frozen=True, eq=False)
class Identities:
    """Animals under their names.

    Attributes:
        individuals: Names of the individual axis.
        frames: (frames,) numbers of the frames in the video, rising.
        keypoints: (frames, individuals, k, 2) pixels; NaN where an animal or keypoint is missing.
    """

    individuals: tuple[str, ...]
    frames: np.ndarray
    keypoints: np.ndarray

    def at(self, frames: np.ndarray) -> "Identities":
        """The same animals in other frames (numbers, rising); missing where nothing is known of a frame."""
        keypoints = np.full((len(frames), *self.keypoints.shape[1:]), np.nan)
        _, here, there = np.intersect1d(self.frames, frames, return_indices=True)
        keypoints[there] = self.keypoints[here]
        return Identities(self.individuals, frames, keypoints)


def identities_of_poses(poses: Poses) -> Identities:
    """Those of a result file; whether its names are identities or slots is for the caller to know."""
    return Identities(poses.individuals, poses.frames, np.asarray(poses.keypoints, dtype=float))


def identities_of_tracks(
    frames: Iterable[tuple[int, float, Instances]], tracks: Tracks, wanted: np.ndarray
) -> Identities:
    """Those of some frames of a tracked video.

    Args:
        frames: The frames that were tracked.
        tracks: What came of it.
        wanted: Numbers of the frames to keep, rising.
    """
    row_of = {int(number): row for row, number in enumerate(wanted)}
    keypoints: np.ndarray | None = None
    position = 0
    for number, _, instances in frames:
        slots = tracks.slots[position : position + len(instances)]
        position += len(instances)
        if keypoints is None:
            shape = (len(wanted), len(tracks.individuals), *instances.keypoints.shape[1:])
            keypoints = np.full(shape, np.nan)
        if number in row_of:
            keypoints[row_of[number], slots[slots >= 0]] = instances.keypoints[slots >= 0]
    if keypoints is None:
        keypoints = np.full((len(wanted), len(tracks.individuals), 0, 2), np.nan)
    return Identities(tracks.individuals, wanted, keypoints)
