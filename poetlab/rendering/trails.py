"""Where each individual has just been, as a line that fades into the past."""

import numpy as np

from poetlab.poses import Poses, visible_centers
from poetlab.rendering.strokes import Strokes

_OPACITY = 0.9
_PIECE_SECONDS = 0.1
_MOST_PIECES = 100
_WIDTHS_ACROSS_IMAGE = 200
_THINNEST = 2.0


class Trails:
    """The trails of all individuals of a video. They have gaps where there was nothing to see.

    A trail is made of straight pieces between every n-th rows of the poses, so that they stay where they are while they
    fade, and a last piece to the row that is shown.

    Args:
        poses: The poses of the video.
        seconds: How far they reach back.
    """

    def __init__(self, poses: Poses, seconds: float) -> None:
        self._seconds = seconds
        self._times = poses.times
        self._centers = visible_centers(poses.keypoints, poses.visibility)
        self._width = max(_THINNEST, min(poses.size) / _WIDTHS_ACROSS_IMAGE)
        period = float(np.median(np.diff(poses.times))) if poses.n_frames > 1 else seconds
        n_rows = min(seconds / period, poses.n_frames)
        self._step = max(1, int(_PIECE_SECONDS / period), int(np.ceil(n_rows / _MOST_PIECES)))
        self._n_pieces = int(np.ceil(n_rows / self._step)) + 1

    def strokes(self, rows: np.ndarray) -> Strokes:
        """The trails that end in some rows of the poses: (rows, individuals, pieces)."""
        starts = (rows[:, None] // self._step - np.arange(self._n_pieces)[::-1]) * self._step
        ends = np.minimum(starts + self._step, rows[:, None])
        ages = (self._times[rows][:, None] - self._times[starts.clip(0)]) / self._seconds
        opacity = np.where(starts >= 0, _OPACITY * (1 - ages), 0)[:, None]
        points = (self._centers[numbers.clip(0)] for numbers in (starts, ends))
        boxes = np.concatenate(list(points), axis=-1).swapaxes(1, 2)
        return Strokes(boxes, np.full(boxes.shape[:-1], self._width), np.broadcast_to(opacity, boxes.shape[:-1]))
