"""Random changes of training images that keep the labels true (paper, "Implementation Details").

Each step is a plain function of a `Sample` and of what was drawn, so that it can be tested alone. Positions follow
the pixels exactly: (0, 0) is the center of the top-left pixel, so scaling moves x to (x + 1/2) s - 1/2 and
mirroring to width - 1 - x. torchvision's own transforms of keypoints scale x to x s, half a pixel off.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as transform

from poetlab.data.augment_settings import AugmentSettings
from poetlab.data.image_size import ImageSizeSettings, input_size
from poetlab.data.samples import Sample, scale_labels

_SMALLEST_CROP = 0.5
_PATCH_SIZES = (0.03, 0.12)
_MOST_PATCHES = 8


def augment(
    sample: Sample,
    flip_indices: Sequence[int],
    settings: AugmentSettings,
    image_size: ImageSizeSettings,
    rng: np.random.Generator,
) -> Sample:
    """A randomly changed copy of a sample, at a size drawn from the training range.

    Args:
        sample: The image as read.
        flip_indices: For each keypoint, the one that takes its place in a mirror (`Skeleton.flip_indices`).
        settings: Probabilities and ranges.
        image_size: Range of input sizes (scale jitter).
        rng: Source of all randomness.
    """
    if rng.random() < settings.crop_probability:
        sample = crop(sample, _draw_crop(sample, rng))
    sample = resize(sample, input_size(sample.size, image_size, rng.random()))
    if rng.random() < settings.rotation_probability:
        sample = rotate(sample, rng.uniform(-settings.rotation, settings.rotation))
    if rng.random() < settings.flip_probability:
        sample = flip(sample, flip_indices)
    if rng.random() < settings.dropout_probability:
        sample = blank(sample, draw_patches(sample.size, rng))
    return drop_lost_animals(sample)


def crop(sample: Sample, region: tuple[int, int, int, int]) -> Sample:
    """Cut out a region (x, y, width, height) in pixels."""
    x, y, width, height = region
    shift = torch.tensor([x, y])
    return replace(
        sample,
        image=sample.image[:, y : y + height, x : x + width],
        keypoints=sample.keypoints - shift,
        bboxes=torch.cat([sample.bboxes[:, :2] - shift, sample.bboxes[:, 2:]], dim=1),
    )


def resize(sample: Sample, size: tuple[int, int]) -> Sample:
    """Scale to (height, width), with antialiasing."""
    image = transform.resize(sample.image, list(size), antialias=True)
    return scale_labels(replace(sample, image=image), sample.size)


def rotate(sample: Sample, degrees: float) -> Sample:
    """Turn counterclockwise around the image's middle; the size stays and uncovered corners are black."""
    height, width = sample.size
    radians = math.radians(degrees)
    turn = torch.tensor([[math.cos(radians), math.sin(radians)], [-math.sin(radians), math.cos(radians)]])
    middle = torch.tensor([(width - 1) / 2, (height - 1) / 2])

    def turned(points: Tensor) -> Tensor:
        return (points - middle) @ turn.T + middle

    return replace(
        sample,
        image=transform.rotate(sample.image, degrees, interpolation=transform.InterpolationMode.BILINEAR),
        keypoints=turned(sample.keypoints),
        bboxes=turned_bboxes(sample.bboxes, turned),
    )


def flip(sample: Sample, flip_indices: Sequence[int]) -> Sample:
    """Mirror left and right; symmetric keypoints change places."""
    width = sample.size[1]
    indices = torch.tensor(list(flip_indices))
    mirrored = torch.stack([width - 1 - sample.keypoints[..., 0], sample.keypoints[..., 1]], dim=-1)
    left = width - 1 - sample.bboxes[:, 0] - sample.bboxes[:, 2]
    return replace(
        sample,
        image=sample.image.flip(2),
        keypoints=mirrored[:, indices],
        visible=sample.visible[:, indices],
        located=sample.located[:, indices],
        told=sample.told[:, indices],
        bboxes=torch.cat([left[:, None], sample.bboxes[:, 1:]], dim=1),
    )


def blank(sample: Sample, patches: Sequence[tuple[int, int, int, int]]) -> Sample:
    """Blacken regions (x, y, width, height); keypoints beneath stay labeled, to be told from their surroundings."""
    image = sample.image.clone()
    for x, y, width, height in patches:
        image[:, y : y + height, x : x + width] = 0
    return replace(sample, image=image)


def drop_lost_animals(sample: Sample, *, keep_occluded: bool = False) -> Sample:
    """Mark keypoints outside the image as not labeled, and remove animals that left it altogether.

    Args:
        sample: The image and its animals.
        keep_occluded: Whether an animal stays as long as any of its labeled keypoints does. POET knows only visible
            ones, so by default it goes with the last of these.
    """
    height, width = sample.size
    edge = torch.tensor([width - 0.5, height - 0.5])
    inside = ((sample.keypoints >= -0.5) & (sample.keypoints <= edge)).all(-1)
    visible, located = sample.visible & inside, sample.located & inside
    before, after = (sample.located, located) if keep_occluded else (sample.visible, visible)
    low = sample.bboxes[:, :2].clamp(min=-0.5)
    high = torch.minimum(sample.bboxes[:, :2] + sample.bboxes[:, 2:], edge)
    kept = after.any(1) | (~before.any(1) & (high > low).all(1))
    return Sample(
        image=sample.image,
        keypoints=torch.where(located[..., None], sample.keypoints, 0)[kept],
        visible=visible[kept],
        bboxes=torch.cat([low, (high - low).clamp(min=0)], dim=1)[kept],
        located=located[kept],
        areas=sample.areas[kept],
        told=sample.told[kept],
    )


def turned_bboxes(bboxes: Tensor, turned: Callable[[Tensor], Tensor]) -> Tensor:
    """The upright boxes (n, 4) around boxes whose corners (n, 4, 2) go where `turned` takes them."""
    corners = turned(_corners(bboxes))
    low, high = corners.amin(1), corners.amax(1)
    return torch.cat([low, high - low], dim=1)


def _corners(bboxes: Tensor) -> Tensor:
    """(n, 4) boxes -> (n, 4, 2) corner points."""
    corner = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    return bboxes[:, None, :2] + corner * bboxes[:, None, 2:]


def _draw_crop(sample: Sample, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """A region of at least half of each side, holding one of the animals' boxes' middle where there is an animal."""
    height, width = sample.size
    crop_width, crop_height = (max(1, round(side * rng.uniform(_SMALLEST_CROP, 1))) for side in (width, height))
    x_range, y_range = (0, width - crop_width), (0, height - crop_height)
    if len(sample.bboxes):
        x, y, w, h = sample.bboxes[rng.integers(len(sample.bboxes))].tolist()
        x_range = _starts_that_hold(x + w / 2, crop_width, x_range)
        y_range = _starts_that_hold(y + h / 2, crop_height, y_range)
    return (
        int(rng.integers(x_range[0], x_range[1] + 1)),
        int(rng.integers(y_range[0], y_range[1] + 1)),
        crop_width,
        crop_height,
    )


def _starts_that_hold(point: float, length: int, starts: tuple[int, int]) -> tuple[int, int]:
    """The part of a range of starts from which a stretch of this length covers the point."""
    low = min(max(starts[0], math.ceil(point) - length + 1), starts[1])
    high = max(min(starts[1], math.floor(point)), starts[0])
    return low, max(low, high)


def draw_patches(size: tuple[int, int], rng: np.random.Generator) -> list[tuple[int, int, int, int]]:
    """A few small regions (x, y, width, height) of an image of this (height, width), for `blank`."""
    height, width = size
    patches = []
    for _ in range(rng.integers(1, _MOST_PATCHES + 1)):
        patch_width, patch_height = (max(1, round(side * rng.uniform(*_PATCH_SIZES))) for side in (width, height))
        x, y = rng.integers(0, width - patch_width + 1), rng.integers(0, height - patch_height + 1)
        patches.append((int(x), int(y), patch_width, patch_height))
    return patches
