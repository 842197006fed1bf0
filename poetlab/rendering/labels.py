"""Short texts to paint, each drawn once and then copied."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from poetlab.poses import SEEN
from poetlab.rendering.canvas import Canvas, Paint

_SMALLEST = 10
_OF_THE_IMAGE = 32
_ABOVE_STROKES = np.float32(2)
"""Added to the order of paint, which is 2 at most for strokes."""


class _Sprite(NamedTuple):
    """A text in the planes of one scale: what it covers, as places relative to its top left corner."""

    places: np.ndarray
    core: np.ndarray
    strength: np.ndarray


def paint_labels(
    keypoints: np.ndarray, visibility: np.ndarray, labels: Sequence[Sequence[str]], canvas: Canvas
) -> dict[int, Paint]:
    """A text above each pose's visible keypoints, or where there is none above all that it has.

    The letters have the instance's color and a black outline.

    Args:
        keypoints: (images, n, k, 2) pixels (x, y).
        visibility: (images, n, k) probability that each keypoint can be seen.
        labels: n texts for each image.
        canvas: What to paint on.

    Returns:
        Paint by scale.
    """
    size = canvas.sizes[1]
    font_size = max(_SMALLEST, min(size) // _OF_THE_IMAGE)
    tops = _topmost(keypoints, visibility).tolist()
    found: dict[int, list[tuple[int, int, _Sprite]]] = {scale: [] for scale in canvas.sizes}
    for image, (texts, places) in enumerate(zip(labels, tops, strict=True)):
        for color, (text, (x, y)) in enumerate(zip(texts, places, strict=True)):
            if text and x == x:  # noqa: PLR0124 - NaN, and this is the quick way to ask
                left, top = _corner(x, y, _text_size(text, font_size), size)
                for scale, (_, width) in canvas.sizes.items():
                    start = image * canvas.n_values + top // scale * width + left // scale
                    found[scale].append((start, color, _sprite(text, font_size, size, scale)))
    return {scale: _all_at(sprites) for scale, sprites in found.items()}


def _topmost(keypoints: np.ndarray, visibility: np.ndarray) -> np.ndarray:
    """(images, n, 2) where each pose's topmost visible keypoint is; NaN where there is none."""
    is_finite = np.isfinite(keypoints).all(axis=-1)
    is_visible = is_finite & (visibility >= SEEN)
    chosen = np.where(is_visible.any(axis=-1, keepdims=True), is_visible, is_finite)
    topmost = np.where(chosen, keypoints[..., 1], np.inf).argmin(axis=-1)[..., None]
    places = np.take_along_axis(keypoints, topmost[..., None], axis=-2)[..., 0, :]
    return np.where(np.take_along_axis(chosen, topmost, axis=-1), places, np.nan)


def _corner(x: float, y: float, text_size: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """Left and top of a text centered above a point, or as near as the image allows; even numbers."""
    width, height = text_size
    left = max(0, min(x - width / 2, size[1] - width))
    top = max(0, min(y - 1.4 * height, size[0] - height))
    return int(left) // 2 * 2, int(top) // 2 * 2


def _all_at(sprites: list[tuple[int, int, _Sprite]]) -> Paint:
    if not sprites:
        return Paint(*np.zeros((2, 0), np.int64), *np.zeros((3, 0), np.float32))
    places = np.concatenate([start + sprite.places for start, _, sprite in sprites])
    colors = np.repeat([color for _, color, _ in sprites], [len(sprite.places) for _, _, sprite in sprites])
    core, strength = (np.concatenate([getattr(one, name) for _, _, one in sprites]) for name in ("core", "strength"))
    return Paint(places, colors, core, strength, core + strength + _ABOVE_STROKES)


@lru_cache(maxsize=4096)
def _sprite(text: str, font_size: int, size: tuple[int, int], scale: int) -> _Sprite:
    """A text at most as large as the image, whose planes have `scale` pixels from one sample to the next."""
    core, strength = (mask[: size[0], : size[1]] for mask in _masks(text, font_size))
    core, strength = (_shrunk(mask, scale) for mask in (core, strength))
    rows, columns = np.nonzero(strength)
    return _Sprite(rows * (size[1] // scale) + columns, core[rows, columns], strength[rows, columns])


def _shrunk(mask: np.ndarray, scale: int) -> np.ndarray:
    height, width = (-(-length // scale) for length in mask.shape)
    padded = np.pad(mask, [(0, height * scale - mask.shape[0]), (0, width * scale - mask.shape[1])])
    return padded.reshape(height, scale, width, scale).mean(axis=(1, 3))


@lru_cache(maxsize=4096)
def _masks(text: str, font_size: int) -> tuple[np.ndarray, np.ndarray]:
    """(height, width) from 0 to 1: the letters, and the letters with their outline."""
    font, stroke = _font(font_size), _outline(font_size)
    left, top, _, _ = font.getbbox(text, stroke_width=stroke)
    outline, letters = (Image.new("L", _text_size(text, font_size)) for _ in range(2))
    ImageDraw.Draw(outline).text((-left, -top), text, font=font, fill=255, stroke_width=stroke)
    ImageDraw.Draw(letters).text((-left, -top), text, font=font, fill=255)
    covered, colored = (np.asarray(mask, np.float32) / 255 for mask in (outline, letters))
    return colored, np.maximum(covered, colored)


@lru_cache(maxsize=4096)
def _text_size(text: str, font_size: int) -> tuple[int, int]:
    """(width, height) in pixels."""
    left, top, right, bottom = _font(font_size).getbbox(text, stroke_width=_outline(font_size))
    return max(1, round(right - left)), max(1, round(bottom - top))


def _outline(font_size: int) -> int:
    return max(1, font_size // 9)


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
