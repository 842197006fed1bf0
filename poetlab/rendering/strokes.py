"""Lines and dots, drawn by OpenCV: how much of each pixel they cover, and the black outline around them.

numpy turns the strokes of many images into whole numbers at once; only what OpenCV does is done for each stroke.
"""

from typing import NamedTuple, Self

import cv2
import numpy as np

from poetlab.rendering.shape import Shape

_FINENESS_BITS = 4
_FINENESS = 1 << _FINENESS_BITS
"""Steps to which OpenCV rounds places within a pixel."""
_FARTHEST = 30_000
"""Pixels from the corner of the image to where strokes may lead; farther, OpenCV would run out of numbers."""
_OPAQUE = 255
_OUTLINE_STRENGTH = 0.6
_LINE_SPREAD = 1.5
"""Pixels by which OpenCV's antialiased lines are wider than what it is told."""
_DOT_SPREAD = _FINENESS // 2
"""Steps by which the radius of its antialiased dots is larger."""


class Strokes(NamedTuple):
    """Lines and dots, in the order in which they are drawn: where two of them meet, the later is seen.

    Attributes:
        boxes: (..., n, 4) pixels: x and y of both ends of a line; left, top, right and bottom of a dot.
        widths: (..., n) of lines in pixels, which OpenCV rounds to 1.5, 3.5, 5.5 and so on; 0 for dots.
        opacity: (..., n) from 0 to 1; a stroke of 0, or one whose box is not finite, is not drawn.
    """

    boxes: np.ndarray
    widths: np.ndarray
    opacity: np.ndarray

    def under(self, others: Self) -> Self:
        """These and then others."""
        return type(self)(
            np.concatenate([self.boxes, others.boxes], axis=-2),
            np.concatenate([self.widths, others.widths], axis=-1),
            np.concatenate([self.opacity, others.opacity], axis=-1),
        )


class Sketch(NamedTuple):
    """Strokes of one color in one image, in the whole numbers that OpenCV draws with.

    Attributes:
        corner: (left, top) of the part of the image that they are in, even numbers.
        size: (width, height) of that part; not positive where there is nothing to see.
        outline: Pixels of the black outline.
        boxes: Those of the strokes, from the corner, in steps within pixels.
        widths: What OpenCV has to be told to draw lines as wide as they shall be; 0 for dots.
        grays: Opacities, of 255.
    """

    corner: tuple[int, int]
    size: tuple[int, int]
    outline: int
    boxes: list[tuple[int, int, int, int]]
    widths: list[int]
    grays: list[int]

    def drawn(self) -> Shape | None:
        """What the strokes cover; None where there is nothing to see."""
        (left, top), (width, height) = self.corner, self.size
        if width <= 0 or height <= 0:
            return None
        core = np.zeros((height, width), np.uint8)
        for (x, y, end_x, end_y), line_width, gray in zip(self.boxes, self.widths, self.grays, strict=True):
            if not gray:
                continue
            if line_width:
                cv2.line(core, (x, y), (end_x, end_y), gray, line_width, cv2.LINE_AA, _FINENESS_BITS)
            else:
                center, radius = ((x + end_x) // 2, (y + end_y) // 2), max(0, (end_x - x) // 2 - _DOT_SPREAD)
                cv2.circle(core, center, radius, gray, cv2.FILLED, cv2.LINE_AA, _FINENESS_BITS)
        return Shape.with_outline(left, top, core, self.outline, _OUTLINE_STRENGTH)


def sketch(strokes: Strokes, outlines: np.ndarray, size: tuple[int, int]) -> list[list[Sketch]]:
    """Make strokes ready to be drawn.

    Args:
        strokes: Of (images, colors, n).
        outlines: (images, colors) pixels of the black outlines.
        size: (height, width) of the images in pixels.

    Returns:
        A sketch for each color of each image. They begin and end at even pixels, or where the image ends.
    """
    is_drawn = np.isfinite(strokes.boxes).all(axis=-1) & (strokes.opacity * _OPAQUE >= 0.5)
    boxes = np.where(is_drawn[..., None], strokes.boxes, 0).clip(-_FARTHEST, _FARTHEST)
    is_line = strokes.widths > 0
    widths = np.where(is_line, 2 * np.rint((strokes.widths - _LINE_SPREAD) / 2).clip(0.5), 0).astype(int)
    outlines = np.rint(outlines).astype(int)
    margin = (strokes.widths.max(axis=-1, initial=0) / 2 + outlines + 2)[..., None]
    points, is_point = boxes.reshape(*widths.shape[:2], 2 * widths.shape[2], 2), is_drawn.repeat(2, axis=-1)[..., None]
    low = np.where(is_point, points, np.inf).min(axis=2, initial=_FARTHEST) - margin
    high = np.where(is_point, points, -np.inf).max(axis=2, initial=-_FARTHEST) + margin
    limits = np.array(size[::-1])
    corners = low.clip(0, limits).astype(int) // 2 * 2
    sizes = np.minimum(high.clip(-2, limits).astype(int) // 2 * 2 + 2, limits) - corners
    boxes = np.rint((boxes - np.tile(corners, 2)[:, :, None]) * _FINENESS).astype(int)
    grays = np.where(is_drawn, np.rint(np.nan_to_num(strokes.opacity) * _OPAQUE), 0).astype(int)
    of_images = zip(*(values.tolist() for values in (corners, sizes, outlines, boxes, widths, grays)), strict=True)
    return [[Sketch(*of_color) for of_color in zip(*of_image, strict=True)] for of_image in of_images]
