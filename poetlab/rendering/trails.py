"""Where each individual has just been, as a line that fades into the past."""

import numpy as np

from poetlab.poses import Poses, visible_centers
from poetlab.rendering.canvas import Canvas, Paint
from poetlab.rendering.strokes import Cover, Strokes, cover

_OPACITY = 0.9
_OUTLINE = 0.6
"""In pixels; it keeps the trail apart from a ground of about its brightness."""
_PIECES = 60
"""About how many straight pieces a whole trail has."""
_WIDTHS_ACROSS_IMAGE = 200
_THINNEST = 1.0


class Trails:
    """The trails of all individuals of a video. They have gaps where there was nothing to see.

    A trail is made of pieces between every n-th rows of the poses. They stay where they are and fade, so what they
    cover is computed once. Only the last piece, from the last of these rows to that which is shown, is new each time.

    Args:
        poses: The poses of the video.
        seconds: How far they reach back.
        canvas: What they are painted on.
    """

    def __init__(self, poses: Poses, seconds: float, canvas: Canvas) -> None:
        self._seconds = seconds
        self._canvas = canvas
        self._times = poses.times
        self._centers = visible_centers(poses.keypoints, poses.visibility)
        self._radius = max(_THINNEST, min(poses.size) / _WIDTHS_ACROSS_IMAGE / 2)
        period = float(np.median(np.diff(poses.times))) if poses.n_frames > 1 else seconds
        self._step = max(1, int(np.ceil(min(seconds / period, poses.n_frames) / _PIECES)))
        self._piece_times = poses.times[:: self._step]
        self._known = {scale: (0, 0, Cover.nothing()) for scale in canvas.sizes}

    def paint(self, rows: range, scale: int) -> Paint:
        """The trails that end in some rows of the poses, the first of which is shown by the first image."""
        numbers = np.arange(rows.start, rows.stop)
        pieces = self._paint_pieces(numbers, scale)
        return pieces if self._step == 1 else Paint.all_of([pieces, self._paint_last(numbers, scale)])

    def _paint_pieces(self, rows: np.ndarray, scale: int) -> Paint:
        first = np.searchsorted(self._piece_times, self._times[rows] - self._seconds, side="right")
        end = np.maximum(rows // self._step, first)
        covered = self._cover(int(first.min()), int(end.max()), scale)
        bounds = np.searchsorted(covered.strokes, np.stack([first, end]) * self._centers.shape[1])
        n_samples = bounds[1] - bounds[0]
        image = np.repeat(np.arange(len(rows)), n_samples)
        samples = np.arange(len(image)) + (bounds[0] - np.cumsum(n_samples) + n_samples)[image]
        part = Cover(*(values.take(samples) for values in covered))
        return self._faded(part, part.strokes // self._centers.shape[1], rows, image)

    def _paint_last(self, rows: np.ndarray, scale: int) -> Paint:
        pieces = rows // self._step
        part = cover(self._strokes(pieces * self._step, rows), self._canvas.sizes[scale], scale)
        image = part.strokes // self._centers.shape[1]
        return self._faded(part, pieces[image], rows, image)

    def _faded(self, part: Cover, pieces: np.ndarray, rows: np.ndarray, image: np.ndarray) -> Paint:
        age = self._times[rows][image] - self._piece_times[pieces]
        opacity = (_OPACITY * (1 - age / self._seconds)).astype(np.float32)
        core, strength = part.core * opacity, part.strength * opacity
        places = part.places + image * self._canvas.n_values
        return Paint(places, part.strokes % self._centers.shape[1], core, strength, core + strength)

    def _cover(self, first: int, end: int, scale: int) -> Cover:
        """What these pieces cover, and some more."""
        known_first, known_end, known = self._known[scale]
        if known_first <= first and end <= known_end:
            return known
        end = min(end + _PIECES, len(self._piece_times) - 1)
        pieces = np.arange(first, end)
        strokes = self._strokes(pieces * self._step, (pieces + 1) * self._step)
        part = cover(strokes, self._canvas.sizes[scale], scale)
        part = part._replace(strokes=part.strokes + first * self._centers.shape[1])
        self._known[scale] = (first, end, part)
        return part

    def _strokes(self, starts: np.ndarray, ends: np.ndarray) -> Strokes:
        """Pieces from rows to other rows, of all individuals."""
        n = len(starts) * self._centers.shape[1]
        radii, outlines, opacity = np.full((3, n), [[self._radius], [_OUTLINE], [1.0]])
        first, last = (self._centers[rows].reshape(-1, 2) for rows in (starts, ends))
        return Strokes(first, last, radii, outlines, opacity, np.zeros(n, np.int64))
