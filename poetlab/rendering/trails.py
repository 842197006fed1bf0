"""Where each individual has just been, as a line that fades into the past."""

from collections.abc import Sequence

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
        self._known: dict[int, _KnownPieces] = {}

    def paint(self, rows: range, scale: int) -> list[Paint]:
        """The trails that end in some rows of the poses, the first of which is shown by the first image."""
        numbers = np.arange(rows.start, rows.stop)
        pieces = self._paint_pieces(numbers, scale)
        return [pieces] if self._step == 1 else [pieces, self._paint_last(numbers, scale)]

    def _paint_pieces(self, rows: np.ndarray, scale: int) -> Paint:
        first = np.searchsorted(self._piece_times, self._times[rows] - self._seconds, side="right")
        end = np.maximum(rows // self._step, first)
        known = self._pieces(int(first.min()), int(end.max()), scale)
        pieces = [np.arange(*of_image) for of_image in zip(first, end, strict=True)]
        images = np.repeat(np.arange(len(rows)), [len(of_image) for of_image in pieces])
        covered = known.take(list(zip(first.tolist(), end.tolist(), strict=True)))
        return self._faded(covered, np.concatenate(pieces), rows, images)

    def _paint_last(self, rows: np.ndarray, scale: int) -> Paint:
        pieces = rows // self._step
        covered = cover(self._strokes(pieces * self._step, rows), self._canvas.sizes[scale], scale)
        return self._faded(covered, pieces, rows, np.arange(len(rows)))

    def _faded(self, covered: Cover, pieces: np.ndarray, rows: np.ndarray, images: np.ndarray) -> Paint:
        """Pieces of all individuals as seen from the rows that some images show."""
        n = self._centers.shape[1]
        opacity = _OPACITY * (1 - (self._times[rows][images] - self._piece_times[pieces]) / self._seconds)
        return self._canvas.paint_of(
            covered, opacity.repeat(n), np.tile(np.arange(n), len(pieces)), np.repeat(images, n)
        )

    def _pieces(self, first: int, end: int, scale: int) -> "_KnownPieces":
        """What these pieces cover, and some more."""
        known = self._known.get(scale)
        if known is None or first < known.first or end > known.end:
            end = min(end + _PIECES, len(self._piece_times) - 1)
            pieces = np.arange(first, end)
            strokes = self._strokes(pieces * self._step, (pieces + 1) * self._step)
            covered = cover(strokes, self._canvas.sizes[scale], scale)
            known = self._known[scale] = _KnownPieces(first, end, self._centers.shape[1], covered)
        return known

    def _strokes(self, starts: np.ndarray, ends: np.ndarray) -> Strokes:
        """Pieces from rows to other rows, of all individuals."""
        n = len(starts) * self._centers.shape[1]
        radii, outlines, opacity = np.full((3, n), [[self._radius], [_OUTLINE], [1.0]])
        first, last = (self._centers[rows].reshape(-1, 2) for rows in (starts, ends))
        return Strokes(first, last, radii, outlines, opacity)


class _KnownPieces:
    """What the pieces of trails from one number to another cover."""

    def __init__(self, first: int, end: int, n_individuals: int, covered: Cover) -> None:
        self.first, self.end = first, end
        self._n = n_individuals
        self._covered = covered
        self._bounds = np.concatenate([[0], np.cumsum(covered.n_samples)])[::n_individuals].tolist()

    def take(self, ranges: Sequence[tuple[int, int]]) -> Cover:
        """The pieces of several ranges, one after the other."""
        local = [(first - self.first, end - self.first) for first, end in ranges]
        samples = [slice(self._bounds[first], self._bounds[end]) for first, end in local]
        return Cover(
            np.concatenate([self._covered.n_samples[first * self._n : end * self._n] for first, end in local]),
            *(np.concatenate([values[part] for part in samples]) for values in self._covered[1:]),
        )
