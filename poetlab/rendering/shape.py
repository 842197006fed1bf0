"""Which pixels are painted in one color, and how much of each."""

from functools import lru_cache
from typing import NamedTuple, Self

import cv2
import numpy as np


class Shape(NamedTuple):
    """A part of an image to paint.

    Attributes:
        left: Its first column.
        top: Its first row.
        core: (height, width) uint8 part of each pixel, of 255, that gets the color.
        outline: The part that gets black; the two together are never more than 255.
    """

    left: int
    top: int
    core: np.ndarray
    outline: np.ndarray

    @classmethod
    def with_outline(cls, left: int, top: int, core: np.ndarray, width: int, strength: float) -> Self:
        """A shape and an outline around it, as far as there is room for it.

        Args:
            left: First column.
            top: First row.
            core: (height, width) uint8 part of each pixel that the shape covers.
            width: Pixels of the outline.
            strength: From 0 to 1, how black it is.
        """
        return cls(left, top, core, cv2.addWeighted(cv2.dilate(core, _disk(width)), strength, core, -strength, 0))

    def halved(self) -> Self:
        """The same in half the resolution, where corner and size are even."""
        return self._replace(
            left=self.left // 2, top=self.top // 2, core=_halved(self.core), outline=_halved(self.outline)
        )


@lru_cache
def _disk(radius: int) -> np.ndarray:
    """Which pixels are no farther from the middle one; of radius 1, its eight neighbors too."""
    return cv2.getStructuringElement(cv2.MORPH_RECT if radius == 1 else cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2)


def _halved(values: np.ndarray) -> np.ndarray:
    height, width = values.shape
    return cv2.resize(values, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
