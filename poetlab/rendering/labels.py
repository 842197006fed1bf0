"""Short texts to paint, each drawn once and then copied."""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from poetlab.poses import SEEN
from poetlab.rendering.shape import Shape

_SMALLEST = 10
_OF_THE_IMAGE = 32


def label_shapes(
    keypoints: np.ndarray, visibility: np.ndarray, labels: Sequence[Sequence[str]], size: tuple[int, int]
) -> list[list[Shape | None]]:
    """A text above each pose's visible keypoints, or where there is none above all that it has.

    Args:
        keypoints: (images, n, k, 2) pixels (x, y).
        visibility: (images, n, k) probability that each keypoint can be seen.
        labels: n texts for each image.
        size: (height, width) of the images in pixels.

    Returns:
        The shape of each text of each image; None where there is none.
    """
    font_size = max(_SMALLEST, min(size) // _OF_THE_IMAGE)
    places = _topmost(keypoints, visibility).tolist()
    return [
        [_shape_at(x, y, text, font_size, size) for text, (x, y) in zip(texts, of_image, strict=True)]
        for texts, of_image in zip(labels, places, strict=True)
    ]


def _topmost(keypoints: np.ndarray, visibility: np.ndarray) -> np.ndarray:
    """(images, n, 2) where each pose's topmost visible keypoint is; NaN where there is none."""
    is_finite = np.isfinite(keypoints).all(axis=-1)
    is_visible = is_finite & (visibility >= SEEN)
    chosen = np.where(is_visible.any(axis=-1, keepdims=True), is_visible, is_finite)
    topmost = np.where(chosen, keypoints[..., 1], np.inf).argmin(axis=-1)[..., None]
    places = np.take_along_axis(keypoints, topmost[..., None], axis=-2)[..., 0, :]
    return np.where(np.take_along_axis(chosen, topmost, axis=-1), places, np.nan)


def _shape_at(x: float, y: float, text: str, font_size: int, size: tuple[int, int]) -> Shape | None:
    """A text centered above a point, or as near as the image allows, at even pixels."""
    if not text or math.isnan(x):
        return None
    shape = _text_shape(text, font_size, size)
    height, width = shape.core.shape
    left = max(0, min(x - width / 2, size[1] - width))
    top = max(0, min(y - 1.4 * height, size[0] - height))
    return shape._replace(left=int(left) // 2 * 2, top=int(top) // 2 * 2)


@lru_cache(maxsize=4096)
def _text_shape(text: str, font_size: int, size: tuple[int, int]) -> Shape:
    """A text with its outline, at most as large as the image, of even sizes."""
    font, outline = ImageFont.load_default(font_size), max(1, font_size // 9)
    left, top, right, bottom = font.getbbox(text, stroke_width=outline)
    width, height = (max(2, round(length) // 2 * 2 + 2) for length in (right - left, bottom - top))
    letters = Image.new("L", (width, height))
    ImageDraw.Draw(letters).text((-left, -top), text, font=font, fill=255)
    return Shape.with_outline(0, 0, np.asarray(letters)[: size[0], : size[1]], outline, strength=1)
