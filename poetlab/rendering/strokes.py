"""Lines and dots: which samples of an image they cover, and how much of each.

numpy computes all strokes of many images at once: for each sample near a stroke, how far it is from its middle.
"""

from dataclasses import dataclass, fields
from typing import NamedTuple, Self

import numpy as np

_OUTLINE_STRENGTH = np.float32(0.6)
_SOFT_EDGE = 0.5
"""Samples on both sides of an edge over which it fades, so that it looks smooth."""


@dataclass(frozen=True, eq=False)
class Strokes:
    """Straight lines; one without length is a dot, and one without two ends is not painted.

    Attributes:
        starts: (n, 2) pixels (x, y).
        ends: (n, 2) pixels (x, y).
        radii: (n,) half of each width in pixels.
        outlines: (n,) width in pixels of the black outline around each.
        opacity: (n,) from 0 to 1.
        colors: (n,) number of each one's color.
    """

    starts: np.ndarray
    ends: np.ndarray
    radii: np.ndarray
    outlines: np.ndarray
    opacity: np.ndarray
    colors: np.ndarray

    def and_also(self, others: "Strokes") -> "Strokes":
        """These strokes and others."""
        return Strokes(
            *(np.concatenate([getattr(part, field.name) for part in (self, others)]) for field in fields(self))
        )


class Cover(NamedTuple):
    """The samples that strokes cover, as if they were opaque, in the order of the strokes.

    Attributes:
        strokes: Number of the stroke that covers each.
        places: Number of each sample in its plane.
        core: The part of each that has the stroke's color.
        strength: The part of each that does not show the image: core and black outline.
    """

    strokes: np.ndarray
    places: np.ndarray
    core: np.ndarray
    strength: np.ndarray

    @classmethod
    def nothing(cls) -> Self:
        """No sample."""
        return cls(*np.zeros((2, 0), np.int64), *np.zeros((2, 0), np.float32))


def cover(strokes: Strokes, size: tuple[int, int], scale: int = 1) -> Cover:
    """Follow each line along the axis on which it is longer, and take some samples across it at each step.

    A dot is followed along x from its one side to its other.

    Args:
        strokes: What to paint.
        size: (height, width) of the plane in samples.
        scale: Pixels from one sample to the next: 1, or 2 in planes of half the resolution. The first sample of those
            lies between the first two rows, and on the first column, as H.264 has it.
    """
    has_ends = np.isfinite(strokes.starts).all(axis=1) & np.isfinite(strokes.ends).all(axis=1)
    drawable = np.flatnonzero(has_ends & (strokes.opacity > 0))
    if not len(drawable):
        return Cover.nothing()
    shift = np.array([0, (scale - 1) / 2])
    starts, ends = ((points[drawable] - shift) / scale for points in (strokes.starts, strokes.ends))
    radii, outlines = (values[drawable].astype(np.float32) / scale for values in (strokes.radii, strokes.outlines))
    reach, delta = radii + outlines + _SOFT_EDGE, ends - starts
    steep = np.abs(delta[:, 1]) > np.abs(delta[:, 0])
    starts[steep], delta[steep] = starts[steep, ::-1], delta[steep, ::-1]
    is_dot = delta[:, 0] == 0
    slopes = np.divide(delta[:, 1], delta[:, 0], out=np.zeros(len(delta)), where=~is_dot)
    stretch = np.hypot(1, slopes)
    line, along = _steps(starts[:, 0] + np.minimum(delta[:, 0], 0), np.abs(delta[:, 0]), is_dot * reach, steep, size)
    from_start = along - starts[line, 0]
    middle = starts[line, 1] + slopes[line] * from_start
    half = int(np.ceil((reach * stretch).max()))
    nearest = np.clip(np.rint(middle), -half - 1, max(size) + half + 1)  # lines may lead anywhere
    offsets = np.arange(-half, half + 1)
    distances = (nearest - middle).astype(np.float32)[:, None] + offsets.astype(np.float32)
    distances *= (1 / stretch).astype(np.float32)[line, None]
    distances *= distances
    distances += np.square((from_start * is_dot[line]).astype(np.float32))[:, None]
    across = nearest.astype(np.int64)[:, None] + offsets
    inside = (across >= 0) & (across < np.where(steep, size[1], size[0])[line, None])
    step_along, step_across = np.where(steep, [[size[1]], [1]], [[1], [size[1]]])[:, line]
    core, strength = _coverage(np.sqrt(distances, out=distances), radii[line, None], outlines[line, None])
    kept = np.flatnonzero((strength > 0) & inside)
    across *= step_across[:, None]
    across += (along * step_along)[:, None]
    owners = drawable[line].repeat(len(offsets))
    return Cover(owners[kept], across.ravel()[kept], core.ravel()[kept], strength.ravel()[kept])


def _steps(
    low: np.ndarray, extent: np.ndarray, margin: np.ndarray, steep: np.ndarray, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """The number of its line and the place along it, of each step inside the plane."""
    lengths = np.where(steep, *size)
    first = np.rint(np.clip(low - margin, 0, lengths)).astype(np.int64)
    last = np.rint(np.clip(low + extent + margin, -1, lengths - 1)).astype(np.int64)
    n_steps = np.maximum(last - first + 1, 0)
    line = np.repeat(np.arange(len(low)), n_steps)
    return line, np.arange(len(line)) - np.repeat(np.cumsum(n_steps) - n_steps - first, n_steps)


def _coverage(distances: np.ndarray, radii: np.ndarray, outlines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Core and strength by the distance from the middle of a stroke."""
    depth = (radii + np.float32(_SOFT_EDGE)) - distances
    core = np.clip(depth, 0, 1)
    depth += outlines
    strength = np.clip(depth, 0, 1, out=depth)
    strength -= core
    strength *= _OUTLINE_STRENGTH
    strength += core
    return core, strength
