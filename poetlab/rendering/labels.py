"""Short texts written into an image, each drawn once and then copied."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from poetlab.rendering.colors import Color

_SMALLEST = 10
_OF_THE_IMAGE = 32


@dataclass(frozen=True, eq=False)
class Sprite:
    """A text as it is copied into images.

    Attributes:
        remaining: (height, width, 1) how much of the image shines through, from 0 to 1.
        light: (height, width, 3) what is added to that, from 0 to 255.
    """

    remaining: np.ndarray
    light: np.ndarray


def write_label(image: np.ndarray, points: np.ndarray, text: str, color: Color) -> None:
    """Write centered above the topmost of some points, or as near to it as the image allows.

    Args:
        image: (height, width, 3) uint8, which is changed.
        points: (n, 2) pixels (x, y), at least one.
        text: What to write.
        color: The letters' color; their outline is black.
    """
    sprite = _sprite(text, color, max(_SMALLEST, min(image.shape[:2]) // _OF_THE_IMAGE))
    height, width = sprite.light.shape[:2]
    x, y = points[points[:, 1].argmin()] - (width / 2, 1.4 * height)
    left, top = (
        round(max(0, min(at, most))) for at, most in ((x, image.shape[1] - width), (y, image.shape[0] - height))
    )
    place = image[top : top + height, left : left + width]
    rows, columns = place.shape[:2]
    place[:] = place * sprite.remaining[:rows, :columns] + sprite.light[:rows, :columns] + 0.5


@lru_cache(maxsize=4096)
def _sprite(text: str, color: Color, font_size: int) -> Sprite:
    font = _font(font_size)
    stroke = max(1, font_size // 9)
    left, top, right, bottom = font.getbbox(text, stroke_width=stroke)
    size = max(1, round(right - left)), max(1, round(bottom - top))
    outline, letters = (Image.new("L", size) for _ in range(2))
    ImageDraw.Draw(outline).text((-left, -top), text, font=font, fill=255, stroke_width=stroke)
    ImageDraw.Draw(letters).text((-left, -top), text, font=font, fill=255)
    covered, colored = (np.asarray(mask, np.float32)[..., None] / 255 for mask in (outline, letters))
    return Sprite(1 - np.maximum(covered, colored), colored * np.array(color, np.float32))


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
