"""Lines and dots of one color painted into an image, smooth and see-through.

numpy computes all strokes of an animal at once: for each pixel near a stroke, how far it is from the stroke's middle.
Where strokes meet, a pixel is painted once, by the stroke that covers it most. So a skeleton looks like one shape, and
its joints are no darker than its lines.
"""

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np

from poetlab.rendering.colors import Color

_OUTLINE_STRENGTH = np.float32(0.6)
_SOFT_EDGE = 0.5
"""Pixels on both sides of an edge over which it fades, so that it looks smooth."""


@dataclass(frozen=True, eq=False)
class Lines:
    """Straight lines; those without two ends are not painted.

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

    def and_also(self, others: "Lines") -> "Lines":
        """These lines and others."""
        return Lines(
            *(np.concatenate([getattr(part, field.name) for part in (self, others)]) for field in fields(self))
        )


@dataclass(frozen=True, eq=False)
class Dots:
    """Dots; those without a place are not painted.

    Attributes:
        points: (n, 2) pixels (x, y).
        radius: Of all in pixels.
        outline: Width in pixels of the black outline around each.
        opacity: (n,) from 0 to 1.
    """

    points: np.ndarray
    radius: float
    outline: float
    opacity: np.ndarray


class Painter:
    """Paints strokes into images of one size.

    Args:
        size: (height, width) of the images.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size
        self._strongest = np.zeros(size[0] * size[1], np.float32)

    def paint(self, image: np.ndarray, color: Color, lines: Lines, dots: Dots) -> None:
        """Paint lines and dots into a contiguous (height, width, 3) uint8 image, which is changed."""
        covers = (_cover_of_lines(lines, self._size), _cover_of_dots(dots, self._size))
        pixels, core, strength = map(np.concatenate, zip(*covers, strict=True))
        order = strength + core
        self._strongest[pixels] = 0
        np.maximum.at(self._strongest, pixels, order)
        winners = np.flatnonzero(self._strongest[pixels] == order)  # equals too: a pixel given twice is painted once
        places, core, remaining = 3 * pixels[winners], core[winners], 1 - strength[winners]
        values = image.reshape(-1)  # numpy finds single numbers much faster than rows of three
        for light in color:
            blended = values.take(places) * remaining
            blended += core * np.float32(light) + np.float32(0.5)
            values[places] = blended.astype(np.uint8)
            places += 1


class _Cover(NamedTuple):
    """What strokes cover: numbers of pixels, the part of each that has the color, and that which hides the image."""

    pixels: np.ndarray
    core: np.ndarray
    strength: np.ndarray


def _cover_of_lines(lines: Lines, size: tuple[int, int]) -> _Cover:
    """Follow each line along the axis on which it is longer, and take some pixels across it at each step."""
    drawable = np.isfinite(lines.starts).all(axis=1) & np.isfinite(lines.ends).all(axis=1) & (lines.opacity > 0)
    starts, delta = lines.starts[drawable], lines.ends[drawable] - lines.starts[drawable]
    if not len(starts):
        return _nothing()
    radii, outlines = (values[drawable].astype(np.float32) for values in (lines.radii, lines.outlines))
    steep = np.abs(delta[:, 1]) > np.abs(delta[:, 0])
    starts[steep], delta[steep] = starts[steep, ::-1], delta[steep, ::-1]
    slopes = np.divide(delta[:, 1], delta[:, 0], out=np.zeros(len(delta)), where=delta[:, 0] != 0)
    ends = np.stack([starts[:, 0], starts[:, 0] + delta[:, 0]])
    lengths = np.where(steep, *size)
    first = np.rint(np.clip(ends.min(axis=0), 0, lengths)).astype(np.int64)
    n_steps = np.maximum(np.rint(np.clip(ends.max(axis=0), -1, lengths - 1)).astype(np.int64) - first + 1, 0)
    line = np.repeat(np.arange(len(starts)), n_steps)
    along = np.arange(len(line)) - np.repeat(np.cumsum(n_steps) - n_steps - first, n_steps)
    middle = starts[line, 1] + slopes[line] * (along - starts[line, 0])
    half = int(np.ceil(((radii + outlines + _SOFT_EDGE) * np.hypot(1, slopes)).max()))
    nearest = np.clip(np.rint(middle), -half - 1, max(size) + half + 1)  # lines may lead anywhere
    offsets = np.arange(-half, half + 1)
    cosines = (1 / np.hypot(1, slopes)).astype(np.float32)[line, None]
    distances = np.abs((nearest - middle).astype(np.float32)[:, None] + offsets.astype(np.float32)) * cosines
    across = nearest.astype(np.int64)[:, None] + offsets
    inside = (across >= 0) & (across < np.where(steep, size[1], size[0])[line, None])
    step_along, step_across = np.where(steep, [[size[1]], [1]], [[1], [size[1]]])[:, line]
    pixels = (along * step_along)[:, None] + across * step_across[:, None]
    opacity = lines.opacity[drawable].astype(np.float32)
    return _cover(pixels, distances, inside, *(values[line, None] for values in (radii, outlines, opacity)))


def _cover_of_dots(dots: Dots, size: tuple[int, int]) -> _Cover:
    """Take a square of pixels around each dot."""
    reach = dots.radius + dots.outline + _SOFT_EDGE
    drawable = ((dots.points > -reach) & (dots.points < np.array(size[::-1]) + reach)).all(axis=1) & (dots.opacity > 0)
    points = dots.points[drawable]
    if not len(points):
        return _nothing()
    half = int(np.ceil(reach))
    nearest = np.rint(points).astype(np.int64)
    columns, rows = (nearest[:, axis, None] + np.arange(-half, half + 1) for axis in (0, 1))
    squared_x, squared_y = (
        ((at - points[:, axis, None]) ** 2).astype(np.float32) for axis, at in enumerate((columns, rows))
    )
    distances = np.sqrt(squared_y[:, :, None] + squared_x[:, None, :])
    inside = ((rows >= 0) & (rows < size[0]))[:, :, None] & ((columns >= 0) & (columns < size[1]))[:, None, :]
    pixels = rows[:, :, None] * size[1] + columns[:, None, :]
    opacity = dots.opacity[drawable].astype(np.float32)[:, None, None]
    return _cover(pixels, distances, inside, np.float32(dots.radius), np.float32(dots.outline), opacity)


def _cover(
    pixels: np.ndarray,
    distances: np.ndarray,
    inside: np.ndarray,
    radii: np.ndarray | np.float32,
    outlines: np.ndarray | np.float32,
    opacity: np.ndarray,
) -> _Cover:
    """How much of each pixel is covered, by its distance from the middle of a stroke; only pixels that are."""
    depth = (radii + np.float32(_SOFT_EDGE)) - distances
    core = np.clip(depth, 0, 1) * opacity
    outer = np.clip(depth + outlines, 0, 1) * opacity
    strength = core + _OUTLINE_STRENGTH * (outer - core)
    kept = np.flatnonzero((strength > 0) & inside)
    return _Cover(pixels.ravel()[kept], core.ravel()[kept], strength.ravel()[kept])


def _nothing() -> _Cover:
    return _Cover(np.zeros(0, np.int64), *np.zeros((2, 0), np.float32))
