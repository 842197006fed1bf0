"""Images to paint into, many at once, in whatever way they store their colors.

Where strokes meet, a sample is painted once, by the stroke that covers it most. So a skeleton looks like one shape, and
its joints are no darker than its lines.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from poetlab.rendering.colors import Color
from poetlab.video.colors import VideoColors

_PIECE = 10_000
"""Samples painted at once: as many as a processor's cache holds."""


class Paint(NamedTuple):
    """Samples to paint in the planes of one scale.

    Attributes:
        places: Number of each sample, counted from the plane's first in the first image.
        colors: Number of each one's color.
        core: The part of each that has the color.
        strength: The part of each that does not show the image; black where it is more than core.
        order: Of samples of one place, that of the highest order is painted.
    """

    places: np.ndarray
    colors: np.ndarray
    core: np.ndarray
    strength: np.ndarray
    order: np.ndarray


@dataclass(frozen=True)
class Plane:
    """Where an image stores one of its three channels.

    Attributes:
        start: Values of the image that lie before it.
        size: (height, width) in samples.
        scale: Pixels from one sample to the next.
    """

    start: int
    size: tuple[int, int]
    scale: int


class Canvas:
    """How images of one kind and size are painted.

    Args:
        planes: Of the three channels.
        colors: (n, 3) values of the colors to paint with, in these channels.
        black: (3,) values of black.
    """

    def __init__(self, planes: Sequence[Plane], colors: np.ndarray, black: np.ndarray) -> None:
        self.planes = tuple(planes)
        self.sizes: Mapping[int, tuple[int, int]] = {plane.scale: plane.size for plane in planes}
        self.n_values = sum(height * width for height, width in (plane.size for plane in planes))
        self._black = black.astype(np.float32)
        self._light = np.ascontiguousarray((colors - black).astype(np.float32).T)
        self._highest = np.zeros(0, np.float32)

    @classmethod
    def of_rgb(cls, size: tuple[int, int], colors: Sequence[Color]) -> "Canvas":
        """For (n, 3, height, width) images: red, green, blue."""
        n_pixels = size[0] * size[1]
        planes = [Plane(start, size, 1) for start in (0, n_pixels, 2 * n_pixels)]
        return cls(planes, np.array(colors, float).reshape(-1, 3), np.zeros(3))

    @classmethod
    def of_video(cls, size: tuple[int, int], colors: Sequence[Color], stored_as: VideoColors) -> "Canvas":
        """For (n, 3 / 2 * height, width) images as videos store them (`poetlab.video.planar`), of even sizes."""
        n_pixels, half = size[0] * size[1], (size[0] // 2, size[1] // 2)
        planes = [Plane(0, size, 1), Plane(n_pixels, half, 2), Plane(n_pixels * 5 // 4, half, 2)]
        return cls(planes, stored_as.yuv(np.array(colors, float).reshape(-1, 3)), stored_as.yuv(np.zeros(3)))

    def paint(self, images: np.ndarray, paints: Mapping[int, Sequence[Paint]]) -> None:
        """Paint into a stack of images.

        Args:
            images: (n, ...) contiguous uint8, which are changed.
            paints: What to paint, by the scale of the planes.
        """
        values = images.reshape(-1)
        if len(self._highest) < len(values):
            self._highest = np.zeros(len(values), np.float32)
        for scale, parts in paints.items():
            channels = [channel for channel, plane in enumerate(self.planes) if plane.scale == scale]
            for part in parts:
                np.maximum.at(self._highest, part.places, part.order)
            for part in parts:
                for start in range(0, len(part.places), _PIECE):
                    piece = Paint(*(field[start : start + _PIECE] for field in part))
                    winners = np.flatnonzero(self._highest.take(piece.places) == piece.order)
                    self._blend(values, channels, Paint(*(field.take(winners) for field in piece)))

    def _blend(self, values: np.ndarray, channels: Sequence[int], paint: Paint) -> None:
        """Paint samples, after which equal ones in their places are painted no more."""
        self._highest[paint.places] = 0
        remaining = 1 - paint.strength
        for channel in channels:
            plane = values[self.planes[channel].start :]
            blended = plane.take(paint.places) * remaining
            blended += self._light[channel].take(paint.colors) * paint.core
            if self._black[channel]:
                blended += paint.strength * self._black[channel]
            blended += np.float32(0.5)
            plane[paint.places] = blended.astype(np.uint8)
