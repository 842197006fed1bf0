"""Random changes of training images that lie in a letterbox: one turn, zoom, shift and mirror at once, and colors.

A single resampling blurs least and costs least. Here positions count from the outer edge of the top-left pixel, so
that scaling is a plain product; those of samples count from its center, half a pixel on.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from poetlab.data.augment import blank, draw_patches, drop_lost_animals, resize, turned_bboxes
from poetlab.data.augment_settings import AugmentSettings
from poetlab.data.colors import change_colors, draw_colors
from poetlab.data.samples import Sample

_COARSEST = 2.0
"""From how many pixels of the image a pixel of the letterbox on, along each side, the image is first averaged."""


@dataclass(frozen=True)
class Warp:
    """Where an image goes in a letterbox.

    Attributes:
        degrees: Turn around the image's middle, counterclockwise.
        zoom: Scale, where 1 is that at which the image just fits.
        mirrored: Whether left and right change places, before the turn.
        middle: x and y of the image's middle, in parts of the letterbox's width and height.
    """

    degrees: float
    zoom: float
    mirrored: bool
    middle: tuple[float, float]


def augment_in_letterbox(
    sample: Sample,
    flip_indices: Sequence[int],
    settings: AugmentSettings,
    letterbox: tuple[int, int],
    rng: np.random.Generator,
) -> Sample:
    """A randomly changed copy of a sample, in a letterbox.

    Args:
        sample: The image, at any size; the smaller, the faster, but no smaller than `working_size`.
        flip_indices: For each keypoint, the one that takes its place in a mirror (`Skeleton.flip_indices`).
        settings: Probabilities and ranges.
        letterbox: (height, width) of the result.
        rng: Source of all randomness.
    """
    image = change_colors(sample.image, draw_colors(settings.color_jitter, rng))
    move = draw_warp(sample.size, settings, letterbox, rng)
    warped = warp(replace(sample, image=image), move, flip_indices, letterbox)
    if rng.random() < settings.dropout_probability:
        warped = blank(warped, draw_patches(letterbox, rng))
    return drop_lost_animals(warped, keep_occluded=True)


def working_size(size: tuple[int, int], settings: AugmentSettings, letterbox: tuple[int, int]) -> tuple[int, int]:
    """The (height, width) to which to scale an image of this size before: what the largest zoom shows, or its own."""
    scale = min(1.0, settings.zoom[1] * _fit(size, letterbox))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def draw_warp(
    size: tuple[int, int], settings: AugmentSettings, letterbox: tuple[int, int], rng: np.random.Generator
) -> Warp:
    """A random place for an image of this (height, width).

    It lies anywhere where it fits, or where it fills the letterbox if it is larger, and up to the shift beyond.
    """
    turns, mirrored = rng.random() < settings.rotation_probability, rng.random() < settings.flip_probability
    degrees = rng.uniform(-settings.rotation, settings.rotation) if turns else 0.0
    zoom = math.exp(rng.uniform(*np.log(settings.zoom)))
    slack = np.abs(_extent(size, degrees, zoom * _fit(size, letterbox)) / letterbox[::-1] - 1) / 2
    x, y = 0.5 + rng.uniform(-1, 1, 2) * slack + rng.uniform(-1, 1, 2) * settings.shift
    return Warp(degrees, zoom, mirrored, (float(x), float(y)))


def warp(sample: Sample, move: Warp, flip_indices: Sequence[int], letterbox: tuple[int, int]) -> Sample:
    """Put an image and its labels into a letterbox; black where the image does not reach.

    Args:
        sample: The image and its animals.
        move: Where it goes.
        flip_indices: For each keypoint, the one that takes its place in a mirror.
        letterbox: (height, width) of the result.

    Returns:
        The letterbox with all animals, also those outside it.
    """
    scale = move.zoom * _fit(sample.size, letterbox)
    if scale * _COARSEST < 1:
        height, width = (max(1, round(side * scale * _COARSEST)) for side in sample.size)
        sample = resize(sample, (height, width))
        scale = move.zoom * _fit(sample.size, letterbox)
    matrix = _matrix(move, scale)
    image_middle = torch.tensor(sample.size[::-1]) / 2
    middle = torch.tensor(move.middle) * torch.tensor(letterbox[::-1])

    def moved(points: Tensor) -> Tensor:
        return (points + 0.5 - image_middle) @ matrix.T + middle - 0.5

    order = torch.tensor(list(flip_indices)) if move.mirrored else torch.arange(sample.keypoints.shape[1])
    return Sample(
        image=_warped_image(sample.image, matrix, image_middle, middle, letterbox),
        keypoints=moved(sample.keypoints)[:, order],
        visible=sample.visible[:, order],
        bboxes=turned_bboxes(sample.bboxes, moved),
        located=sample.located[:, order],
        areas=sample.areas * scale**2,
        told=sample.told[:, order],
    )


def _fit(size: tuple[int, int], letterbox: tuple[int, int]) -> float:
    """The scale at which an image just fits into a letterbox."""
    return min(letterbox[0] / size[0], letterbox[1] / size[1])


def _extent(size: tuple[int, int], degrees: float, scale: float) -> np.ndarray:
    """Width and height of a scaled and turned image: exact at right angles, and between them in between.

    That is less than its corners reach: they may leave the letterbox, so that its sides need not.
    """
    upright = math.cos(math.radians(degrees)) ** 2
    height, width = size
    return scale * np.array([upright * width + (1 - upright) * height, upright * height + (1 - upright) * width])


def _matrix(move: Warp, scale: float) -> Tensor:
    """(2, 2): mirror, turn and scale of (x, y), with y pointing down."""
    cosine, sine = scale * math.cos(math.radians(move.degrees)), scale * math.sin(math.radians(move.degrees))
    sign = -1 if move.mirrored else 1
    return torch.tensor([[sign * cosine, sine], [-sign * sine, cosine]])


def _warped_image(
    image: Tensor, matrix: Tensor, image_middle: Tensor, middle: Tensor, letterbox: tuple[int, int]
) -> Tensor:
    """(3, H, W) uint8 -> (3, *letterbox) uint8, bilinear."""
    back = torch.linalg.inv(matrix)
    half_box = torch.tensor(letterbox[::-1]) / 2
    # affine_grid and grid_sample count from -1 to 1 between the outer edges
    linear = back * half_box / image_middle[:, None]
    shift = back @ (half_box - middle) / image_middle
    grid = F.affine_grid(torch.cat([linear, shift[:, None]], 1)[None], [1, 3, *letterbox], align_corners=False)
    sampled = F.grid_sample(image[None].float(), grid, padding_mode="border", align_corners=False)[0]
    covered = (grid[0].abs() <= 1).all(-1)
    return (sampled.round_() * covered).to(torch.uint8)
