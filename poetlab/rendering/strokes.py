"""Lines and dots: which samples of an image they cover, and how much of each.

numpy computes all strokes of many images at once: for each sample near a stroke, how far it is from its middle.
"""

from dataclasses import dataclass
from typing import NamedTuple

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
    """

    starts: np.ndarray
    ends: np.ndarray
    radii: np.ndarray
    outlines: np.ndarray
    opacity: np.ndarray


class Cover(NamedTuple):
    """The samples that strokes cover.

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


def cover(strokes: Strokes, size: tuple[int, int], scale: int = 1) -> Cover:
    """Follow each line along the axis on which it is longer, and take some samples across it at each step.

    A dot is followed along x from its one side to its other. All strokes take as many samples across as the widest, so
    it is quicker to ask for wide and for narrow ones apart.

    Args:
        strokes: What to paint.
        size: (height, width) of the plane in samples.
        scale: Pixels from one sample to the next: 1, or 2 in planes of half the resolution. The first sample of those
            lies between the first two rows, and on the first column, as H.264 has it.
    """
    has_ends = np.isfinite(strokes.starts).all(axis=1) & np.isfinite(strokes.ends).all(axis=1)
    drawable = np.flatnonzero(has_ends & (strokes.opacity > 0))
    if not len(drawable):
        return Cover(*np.zeros((2, 0), np.int64), *np.zeros((2, 0), np.float32))
    shift = np.array([0, (scale - 1) / 2])
    starts, ends = ((points[drawable] - shift) / scale for points in (strokes.starts, strokes.ends))
    radii, outlines, opacity = (
        values[drawable].astype(np.float32)
        for values in (strokes.radii / scale, strokes.outlines / scale, strokes.opacity)
    )
    path = _follow(starts, ends, radii + outlines + _SOFT_EDGE, size)
    core, strength = _coverage(path.distances, *(values[path.strokes] for values in (radii, outlines, opacity)))
    kept = np.flatnonzero(strength > 0 if path.inside is None else (strength > 0) & path.inside)
    owners = np.broadcast_to(drawable[path.strokes], strength.shape)
    return Cover(*(values.ravel().take(kept) for values in (owners, path.places, core, strength)))


class _Path(NamedTuple):
    """Samples across each step of all strokes: (n_across, n_steps), but for the first.

    Attributes:
        strokes: (n_steps,) number of each step's stroke.
        places: Number of each sample in the plane.
        distances: From the middle of the stroke in samples.
        inside: Whether each is in the plane; None if all are.
    """

    strokes: np.ndarray
    places: np.ndarray
    distances: np.ndarray
    inside: np.ndarray | None


def _follow(starts: np.ndarray, ends: np.ndarray, reach: np.ndarray, size: tuple[int, int]) -> _Path:
    delta = ends - starts
    steep = np.abs(delta[:, 1]) > np.abs(delta[:, 0])
    starts[steep], delta[steep] = starts[steep, ::-1], delta[steep, ::-1]
    is_dot = delta[:, 0] == 0
    slopes = np.divide(delta[:, 1], delta[:, 0], out=np.zeros(len(delta)), where=~is_dot)
    stretch = np.hypot(1, slopes)
    low = starts[:, 0] + np.minimum(delta[:, 0], 0) - is_dot * reach
    high = starts[:, 0] + np.maximum(delta[:, 0], 0) + is_dot * reach
    stroke, along = _steps(low, high, np.where(steep, *size))
    from_start = along - starts[stroke, 0]
    half = int(np.ceil((reach * stretch).max()))
    middle = starts[stroke, 1] + slopes[stroke] * from_start
    middle = np.clip(middle, -half - 1, max(size) + half + 1)  # lines may lead anywhere
    nearest = np.rint(middle)
    offsets = np.arange(-half, half + 1)[:, None]
    distances = (nearest - middle).astype(np.float32) + offsets.astype(np.float32)
    distances *= (1 / stretch).astype(np.float32)[stroke]
    if is_dot.any():
        distances *= distances
        distances += np.square(from_start * is_dot[stroke]).astype(np.float32)
        np.sqrt(distances, out=distances)
    else:
        np.abs(distances, out=distances)
    limit = np.where(steep, size[1], size[0])[stroke]
    inside = None
    if ((nearest < half) | (nearest + half >= limit)).any():
        across = nearest + offsets
        inside = (across >= 0) & (across < limit)
    step_along, step_across = np.where(steep, [[size[1]], [1]], [[1], [size[1]]])[:, stroke]
    places = step_across * offsets
    places += along * step_along + nearest.astype(np.int64) * step_across
    return _Path(stroke, places, distances, inside)


def _steps(low: np.ndarray, high: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The number of its stroke and the place along it, of each step inside the plane."""
    first = np.rint(np.clip(low, 0, lengths)).astype(np.int64)
    last = np.rint(np.clip(high, -1, lengths - 1)).astype(np.int64)
    n_steps = np.maximum(last - first + 1, 0)
    stroke = np.repeat(np.arange(len(low)), n_steps)
    return stroke, np.arange(len(stroke)) - np.repeat(np.cumsum(n_steps) - n_steps - first, n_steps)


def _coverage(
    distances: np.ndarray, radii: np.ndarray, outlines: np.ndarray, opacity: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Core and strength by the distance from the middle of a stroke."""
    depth = (radii + np.float32(_SOFT_EDGE)) - distances
    core = np.clip(depth, 0, 1)
    depth += outlines
    strength = np.clip(depth, 0, 1, out=depth)
    strength -= core
    strength *= _OUTLINE_STRENGTH
    strength += core
    core *= opacity
    strength *= opacity
    return core, strength
