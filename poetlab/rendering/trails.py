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
        self._n_individuals = len(poses.individuals)
        self._radius = max(_THINNEST, min(poses.size) / _WIDTHS_ACROSS_IMAGE / 2)
        period = float(np.median(np.diff(poses.times))) if poses.n_frames > 1 else seconds
        self._step = max(1, int(np.ceil(min(seconds / period, poses.n_frames) / _PIECES)))
        self._piece_times = poses.times[:: self._step]
        self._known: dict[int, tuple[int, int, Cover]] = {}

    def paint(self, rows: range, scale: int) -> list[Paint]:
        """The trails that end in some rows of the poses, the first of which is shown by the first image."""
        numbers = np.arange(rows.start, rows.stop)
        pieces = self._paint_pieces(numbers, scale)
        return [pieces] if self._step == 1 else [pieces, self._paint_last(numbers, scale)]

    def _paint_pieces(self, rows: np.ndarray, scale: int) -> Paint:
        first = np.searchsorted(self._piece_times, self._times[rows] - self._seconds, side="right")
        end = np.maximum(rows // self._step, first)
        covered = self._pieces(int(first.min()), int(end.max()), scale)
        bounds = np.searchsorted(covered.strokes, np.stack([first, end], axis=1) * self._n_individuals)
        samples = [slice(*of_image) for of_image in bounds.tolist()]
        images = np.repeat(np.arange(len(rows)), bounds[:, 1] - bounds[:, 0])
        return self._faded(
            Cover(*(np.concatenate([values[part] for part in samples]) for values in covered)), rows, images
        )

    def _paint_last(self, rows: np.ndarray, scale: int) -> Paint:
        """From the last of the rows at which pieces begin."""
        starts = rows // self._step * self._step
        covered = cover(self._strokes(starts, rows), self._canvas.sizes[scale], scale)
        images, individuals = np.divmod(covered.strokes, self._n_individuals)
        pieces = (rows // self._step * self._n_individuals)[images]
        return self._faded(covered._replace(strokes=pieces + individuals), rows, images)

    def _faded(self, covered: Cover, rows: np.ndarray, images: np.ndarray) -> Paint:
        """What pieces cover, as seen from the rows that some images show."""
        pieces, individuals = np.divmod(covered.strokes, self._n_individuals)
        age = self._times[rows][images] - self._piece_times[pieces]
        opacity = (_OPACITY * (1 - age / self._seconds)).astype(np.float32)
        core, strength = covered.core * opacity, covered.strength * opacity
        return Paint(covered.places + images * self._canvas.n_values, individuals, core, strength, core + strength)

    def _pieces(self, first: int, end: int, scale: int) -> Cover:
        """What these pieces cover, and some more, in their order."""
        known_first, known_end, known = self._known.get(scale, (0, -1, None))
        if known is not None and known_first <= first and end <= known_end:
            return known
        end = min(end + _PIECES, len(self._piece_times) - 1)
        pieces = np.arange(first, end)
        strokes = self._strokes(pieces * self._step, (pieces + 1) * self._step)
        covered = cover(strokes, self._canvas.sizes[scale], scale)
        order = np.argsort(covered.strokes, kind="stable")
        strokes_from = first * self._n_individuals
        known = Cover(strokes_from + covered.strokes[order], *(values[order] for values in covered[1:]))
        self._known[scale] = (first, end, known)
        return known

    def _strokes(self, starts: np.ndarray, ends: np.ndarray) -> Strokes:
        """Pieces from rows to other rows, of all individuals."""
        n = len(starts) * self._n_individuals
        radii, outlines, opacity = np.full((3, n), [[self._radius], [_OUTLINE], [1.0]])
        first, last = (self._centers[rows].reshape(-1, 2) for rows in (starts, ends))
        return Strokes(first, last, radii, outlines, opacity)
