"""Random changes of an image's colors."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

_LUMA = (0.299, 0.587, 0.114)
"""Share of red, green and blue in brightness (ITU-R BT.601)."""


@dataclass(frozen=True)
class Colors:
    """A change of colors; 1 changes nothing.

    Attributes:
        brightness: Factor on all values.
        contrast: Factor on their difference from the image's mean brightness.
        saturation: Factor on their difference from each pixel's own brightness; 0 is gray.
        gamma: Exponent on all values from 0 to 1.
    """

    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    gamma: float = 1.0


def draw_colors(jitter: float, rng: np.random.Generator) -> Colors:
    """A random change: factors from 1 - jitter to 1 + jitter, and a gamma from exp(-jitter) to exp(jitter)."""
    brightness, contrast, saturation = (float(factor) for factor in rng.uniform(1 - jitter, 1 + jitter, 3))
    return Colors(brightness, contrast, saturation, math.exp(rng.uniform(-jitter, jitter)))


def change_colors(image: Tensor, colors: Colors) -> Tensor:
    """An image (3, H, W) uint8, RGB, with other colors."""
    if colors == Colors():
        return image
    picture = Image.fromarray(image.permute(1, 2, 0).contiguous().numpy())
    mean = float(np.dot(_LUMA, np.asarray(picture.resize((1, 1), Image.Resampling.BOX))[0, 0]))
    added = colors.brightness * (1 - colors.contrast) * mean
    factor = colors.brightness * colors.contrast
    luma_part, own_part = factor * (1 - colors.saturation), factor * colors.saturation
    rows = [(*(luma_part * luma + own_part * (i == j) for j, luma in enumerate(_LUMA)), added + 0.5) for i in range(3)]
    linear = picture.convert("RGB", tuple(value for row in rows for value in row))  # Pillow cuts decimals off
    levels = np.round(255 * (np.arange(256) / 255) ** colors.gamma).astype(int).tolist()
    return torch.from_numpy(np.array(linear.point(levels * 3))).permute(2, 0, 1)
