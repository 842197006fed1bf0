"""Images to paint on, in whatever way they store their colors."""

from collections.abc import Sequence
from typing import Self

import cv2
import numpy as np

from poetlab.rendering.colors import Color
from poetlab.rendering.shape import Shape
from poetlab.video.colors import VideoColors

_MOST = 255


class Canvas:
    """How images of one kind and size are painted.

    Attributes:
        size: (height, width) in pixels.

    Args:
        size: (height, width) in pixels.
        colors: (n, 3) values of the colors to paint with, as the images store them.
        black: (3,) values of black.
        planar: Whether images are as videos store them (`poetlab.video.planar`); if not, they are RGB.
    """

    def __init__(self, size: tuple[int, int], colors: np.ndarray, black: np.ndarray, *, planar: bool) -> None:
        self.size = size
        self._colors, self._black = (colors / _MOST).tolist(), (black / _MOST).tolist()
        self._planar = planar

    @classmethod
    def of_rgb(cls, size: tuple[int, int], colors: Sequence[Color]) -> Self:
        """For (height, width, 3) images: red, green, blue."""
        return cls(size, np.array(colors, float).reshape(-1, 3), np.zeros(3), planar=False)

    @classmethod
    def of_video(cls, size: tuple[int, int], colors: Sequence[Color], stored_as: VideoColors) -> Self:
        """For (3 / 2 * height, width) images as videos store them (`poetlab.video.planar`), of even sizes."""
        values = stored_as.yuv(np.array(colors, float).reshape(-1, 3))
        return cls(size, values, stored_as.yuv(np.zeros(3)), planar=True)

    def paint(self, image: np.ndarray, shape: Shape | None, number: int) -> None:
        """Paint a shape.

        Args:
            image: Contiguous uint8, which is changed.
            shape: Where to paint; None for nowhere.
            number: Which of the colors.
        """
        if shape is None:
            return
        color, (height, width) = self._colors[number], self.size
        if self._planar:
            chroma = image[height:].reshape(2, height // 2, width // 2)
            _blend([image[:height]], shape, color[:1], self._black[:1])
            _blend(chroma, shape.halved(), color[1:], self._black[1:])
        else:
            channels = np.ascontiguousarray(image.transpose(2, 0, 1))
            _blend(channels, shape, color, self._black)
            image[:] = channels.transpose(1, 2, 0)


def _blend(
    channels: Sequence[np.ndarray] | np.ndarray, shape: Shape, color: Sequence[float], black: Sequence[float]
) -> None:
    """Paint into channels of (height, width), of whose highest value the colors are parts."""
    height, width = shape.core.shape
    remaining = cv2.bitwise_not(cv2.add(shape.core, shape.outline))
    for channel, colored, blackened in zip(channels, color, black, strict=True):
        part = channel[shape.top : shape.top + height, shape.left : shape.left + width]
        paint = cv2.addWeighted(shape.core, colored, shape.outline, blackened, 0)
        cv2.multiply(part, remaining, dst=part, scale=1 / _MOST)
        cv2.add(part, paint, dst=part)
