"""Arrays of predicted poses: of one image (`Instances`) and of one video (`Poses`)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from poetlab.skeleton import Skeleton

if TYPE_CHECKING:
    import pandas as pd

SEEN = 0.5
"""Predicted visibility from which a keypoint counts as seen."""


@dataclass(frozen=True, eq=False)
class Instances:
    """The poses predicted in one image, highest score first.

    Attributes:
        keypoints: (n, k, 2) pixels (x, y) in the full frame.
        visibility: (n, k) probability that each keypoint can be seen.
        scores: (n,) probability that each instance is an animal.
        centers: (n, 2) pixels (x, y) of the centers that the network predicted; None where they were not kept.
    """

    keypoints: np.ndarray
    visibility: np.ndarray
    scores: np.ndarray
    centers: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, which: np.ndarray | slice) -> "Instances":
        """Some of the instances: those of these numbers, in this order, or those where a mask is true."""
        centers = None if self.centers is None else self.centers[which]
        return Instances(self.keypoints[which], self.visibility[which], self.scores[which], centers)

    def best(self, n: int) -> "Instances":
        """The first `n` instances, or all if there are fewer."""
        return self.take(slice(n))

    def moved(self, x: float, y: float) -> "Instances":
        """The instances, moved by some pixels to the right and down."""
        step = np.array([x, y], self.keypoints.dtype)
        centers = None if self.centers is None else self.centers + step
        return Instances(self.keypoints + step, self.visibility, self.scores, centers)

    def above(self, threshold: float) -> "Instances":
        """The instances whose score is at least `threshold`."""
        return self.take(self.scores >= threshold)


@dataclass(frozen=True, eq=False)
class Poses:
    """The poses in the analyzed frames of one video; missing values are NaN (visibility and score: 0).

    Attributes:
        skeleton: Names of the keypoint axis.
        individuals: Names of the individual axis; slots by score where `tracked` is false.
        keypoints: (frames, individuals, k, 2) pixels (x, y) in the full frame.
        visibility: (frames, individuals, k) probability that each keypoint can be seen.
        scores: (frames, individuals) probability that each instance is an animal.
        frames: (frames,) each one's number among the decoded frames of the video, from 0, rising; 0, 1, 2 and so on
            only where every frame was analyzed.
        times: (frames,) seconds since the first frame of the video.
        size: (height, width) of the full frame in pixels.
        fps: Average frames per second; NaN if unknown.
        video: File name of the video.
        model: Name of the model that predicted the poses.
        tracked: Whether a name means one animal throughout, or only a slot.
    """

    skeleton: Skeleton
    individuals: tuple[str, ...]
    keypoints: np.ndarray
    visibility: np.ndarray
    scores: np.ndarray
    frames: np.ndarray
    times: np.ndarray
    size: tuple[int, int]
    fps: float
    video: str
    model: str
    tracked: bool

    @property
    def n_frames(self) -> int:
        """Number of analyzed frames."""
        return len(self.times)

    def to_table(self) -> "pd.DataFrame":
        """One row a frame, individual and keypoint.

        Returns:
            Columns `frame` (its number in the video), `time`, `individual`, `keypoint`, `x`, `y`, `visibility`,
            `score`; absent individuals have NaN positions, visibility 0 and score 0.
        """
        import pandas as pd

        shape = self.keypoints.shape[:3]
        row, individual, keypoint = (axis.ravel() for axis in np.indices(shape))
        return pd.DataFrame(
            {
                "frame": self.frames[row],
                "time": self.times[row],
                "individual": pd.Categorical.from_codes(individual, categories=list(self.individuals)),
                "keypoint": pd.Categorical.from_codes(keypoint, categories=list(self.skeleton.keypoints)),
                "x": self.keypoints[..., 0].ravel(),
                "y": self.keypoints[..., 1].ravel(),
                "visibility": self.visibility.ravel(),
                "score": self.scores[row, individual],
            }
        )


def visible_centers(keypoints: np.ndarray, visibility: np.ndarray) -> np.ndarray:
    """The mean of each pose's keypoints, weighted by how likely they can be seen.

    So it moves little when a keypoint is hidden: its weight goes down as its visibility does.

    Args:
        keypoints: (..., k, 2) pixels (x, y).
        visibility: (..., k) probability that each keypoint can be seen.

    Returns:
        (..., 2) pixels; NaN where no keypoint counts as seen.
    """
    weights = np.where(np.isfinite(keypoints).all(axis=-1), visibility, 0)[..., None]
    sums = (np.nan_to_num(keypoints) * weights).sum(axis=-2)
    return np.divide(sums, weights.sum(axis=-2), out=np.full_like(sums, np.nan), where=(weights >= SEEN).any(axis=-2))
