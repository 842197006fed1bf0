"""The ground that drawn animals walk on: sand with patches, grain and chips, under uneven light."""

import numpy as np
from PIL import Image, ImageDraw

_SAND = np.array([205.0, 186.0, 152.0])


def draw_ground(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """An RGB picture of the ground without light, of `size` (height, width) pixels."""
    height, width = size
    tone = _SAND * rng.uniform(0.9, 1.06) + rng.normal(0, 4, 3)
    patches = sum(_patches(rng, size, cells) * gray for cells, gray in ((4, 9.0), (11, 5.0), (32, 3.5)))
    grain = rng.normal(0, 5, (height, width))
    ground = Image.fromarray(_to_bytes(tone + (patches + grain)[..., None]))
    _scatter_chips(rng, ground, tone)
    return ground


def draw_light(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """(height, width) brightness that the picture is multiplied by: brighter on one side, darker to the corners."""
    y, x = (np.linspace(-1, 1, n) for n in size)
    angle, strength = rng.uniform(-np.pi, np.pi), rng.uniform(0.05, 0.16)
    slope = strength * (np.cos(angle) * x + np.sin(angle) * y[:, None])
    vignette = rng.uniform(0.03, 0.1) * (x**2 + y[:, None] ** 2)
    return np.asarray(1.02 + slope - vignette, dtype=np.float32)


def _patches(rng: np.random.Generator, size: tuple[int, int], cells: int) -> np.ndarray:
    """(height, width) smooth noise of standard deviation about 1, `cells` waves across."""
    coarse = Image.fromarray(rng.normal(0, 1.3, (cells, cells)).astype(np.float32))
    return np.asarray(coarse.resize((size[1], size[0]), Image.Resampling.BICUBIC))


def _scatter_chips(rng: np.random.Generator, ground: Image.Image, tone: np.ndarray) -> None:
    """Draw small light and dark splinters onto the ground."""
    width, height = ground.size
    n_chips = round(width * height / 220)
    starts = rng.uniform((0, 0), (width, height), (n_chips, 2))
    angles, lengths = rng.uniform(0, np.pi, n_chips), rng.uniform(0.5, 3.5, n_chips)
    ends = starts + lengths[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    shades = _to_bytes(tone + rng.normal(0, 22, (n_chips, 1)))
    pencil = ImageDraw.Draw(ground)
    for start, end, shade in zip(starts, ends, shades, strict=True):
        pencil.line([*start, *end], fill=tuple(shade.tolist()))


def _to_bytes(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip(values + 0.5, 0, 255), dtype=np.uint8)
