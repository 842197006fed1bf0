"""Frames of a video for the first round of labeling, when there is no network yet."""

import warnings
from collections.abc import Callable

import numpy as np
from scipy.cluster.vq import kmeans2

from poetlab.errors import ConfigError
from poetlab.frames.farthest import farthest_points
from poetlab.frames.scanning import OnFrames, Thumbnails, scan_changes, scan_evenly
from poetlab.frames.spreading import spread_in_time
from poetlab.video.reading import VideoFile

_LEAST_CANDIDATES = 500
"""Frames that are looked at in a longer video; more only make it slower."""

_CANDIDATES_A_FRAME = 5
_ROUNDS = 20
"""Of k-means; it changes hardly anything after that."""


def choose_uniform(video: VideoFile, n: int, on_frames: OnFrames) -> np.ndarray:
    """Frames at equal distances: each in the middle of one of `n` equal parts of the video."""
    frames = _candidates(video, n, on_frames).frames
    n = min(n, len(frames))
    return np.asarray(frames[((np.arange(n) + 0.5) * len(frames) / n).astype(int)])


def choose_kmeans(video: VideoFile, n: int, on_frames: OnFrames) -> np.ndarray:
    """Frames that look different: those most typical of `n` kinds of frames, told by the colors of small images."""
    thumbnails = _candidates(video, n, on_frames)
    points = thumbnails.images.reshape(len(thumbnails.images), -1).astype(np.float32)
    return np.asarray(thumbnails.frames[typical_points(points, n)])


def choose_motion(video: VideoFile, n: int, on_frames: OnFrames) -> np.ndarray:
    """Frames about which most changes, and which are not all of one moment."""
    changes = scan_changes(video, on_frames)
    return spread_in_time(changes, np.arange(len(changes)), n)


METHODS: dict[str, Callable[[VideoFile, int, OnFrames], np.ndarray]] = {
    "kmeans": choose_kmeans,
    "uniform": choose_uniform,
    "motion": choose_motion,
}
"""Each takes a video, a number of frames, and a function that is told of progress, and gives numbers of frames."""


def choose_frames(video: VideoFile, n: int, method: str, on_frames: OnFrames) -> list[int]:
    """The numbers of `n` frames of a video, rising; all if it does not have more.

    The same video, number and method always give the same frames.

    Raises:
        ConfigError: If there is no such method.
        VideoError: If the video cannot be read.
    """
    if method not in METHODS:
        raise ConfigError(f"there is no method '{method}'; there are {', '.join(METHODS)}")
    return sorted(METHODS[method](video, n, on_frames).tolist())


def typical_points(points: np.ndarray, n: int) -> list[int]:
    """The numbers of `n` of some points (m, d): that nearest to the middle of each cluster.

    Where there are fewer kinds of points than `n`, those farthest from the chosen ones are added.
    """
    n = min(n, len(points))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of clusters that are empty, and of points that are all the same
        centers, cluster = kmeans2(points, n, iter=_ROUNDS, minit="++", seed=np.random.default_rng(0))
    distance = np.linalg.norm(points - centers[cluster], axis=1)
    found = [int(np.where(cluster == number, distance, np.inf).argmin()) for number in np.unique(cluster)]
    return farthest_points(points, n, found)


def _candidates(video: VideoFile, n: int, on_frames: OnFrames) -> Thumbnails:
    return scan_evenly(video, max(_LEAST_CANDIDATES, n * _CANDIDATES_A_FRAME), on_frames)
