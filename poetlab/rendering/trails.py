"""Where each individual has just been, as a line that fades into the past."""

import numpy as np

from poetlab.poses import Poses, visible_centers
from poetlab.rendering.strokes import Lines

_OPACITY = 0.9
_OUTLINE = 0.6
"""In pixels; it keeps the trail apart from a ground of about its brightness."""
_PIECES = 60
"""About how many straight pieces a whole trail has."""
_WIDTHS_ACROSS_IMAGE = 200
_THINNEST = 1.0


class Trails:
    """The trails of all individuals of a video. They have gaps where there was nothing to see.

    Args:
        poses: The poses of the video.
        seconds: How far they reach back.
    """

    def __init__(self, poses: Poses, seconds: float) -> None:
        self._seconds = seconds
        self._times = poses.times
        self._centers = visible_centers(poses.keypoints, poses.visibility).swapaxes(0, 1)
        self._radius = max(_THINNEST, min(poses.size) / _WIDTHS_ACROSS_IMAGE / 2)

    def until(self, row: int) -> list[Lines]:
        """The trail of each individual that ends in one row of the poses."""
        rows = self._rows_until(row)
        opacity = _OPACITY * (1 - (self._times[row] - self._times[rows[:-1]]) / self._seconds)
        radii, outlines = np.full((2, len(opacity)), [[self._radius], [_OUTLINE]])
        return [Lines(places[:-1], places[1:], radii, outlines, opacity) for places in self._centers[:, rows]]

    def _rows_until(self, row: int) -> np.ndarray:
        """Rows of the last seconds: all, or some that stay the same from frame to frame, and the last."""
        first = int(np.searchsorted(self._times, self._times[row] - self._seconds, side="right"))
        step = -(-max(1, row - first) // _PIECES)
        start = -(-first // step) * step
        return np.append(np.arange(start, row, step), row)
