"""What labels and machine say about how to train: a few numbers, from the labels alone."""

import math
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from poetlab.device import computes_in_bfloat16, trains_in_bfloat16_on_cpu
from poetlab.labels.label_set import LabeledImage, LabeledInstance
from poetlab.training.data import TrainingData
from poetlab.training.heading import heading_concentration

_SAME_SHAPE = 0.1
"""Part by which the ratios of sides of two images of the same shape may differ."""


@dataclass(frozen=True)
class DataFacts:
    """The labels of a run in numbers.

    Attributes:
        n_images: Images to learn from.
        n_validation_images: Images to be measured on.
        most_animals: The most animals in one image of either.
        image_size: (height, width) that most training images have, pixels.
        same_shape: Part of the training images whose ratio of sides is that of `image_size`.
        animal_length: Median over the training images' animals of the longer side of the box, in pixels of an image of
            `image_size`; NaN where the labels do not tell.
        heading_concentration: How much animals head the same way, see `heading_concentration`.
    """

    n_images: int
    n_validation_images: int
    most_animals: int
    image_size: tuple[int, int]
    same_shape: float
    animal_length: float
    heading_concentration: float


@dataclass(frozen=True)
class Machine:
    """What a run computes on.

    Attributes:
        device: `cuda`, or `cpu` for all else: no other device is known to be much faster.
        memory: Bytes for training; None where that is not known.
        has_bfloat16: Whether it multiplies matrices of 16 bits faster than those of 32.
    """

    device: Literal["cpu", "cuda"]
    memory: int | None
    has_bfloat16: bool = False


def measure_data(data: TrainingData) -> DataFacts:
    """Describe the labels of a run; no image is read.

    Args:
        data: With at least one training image.
    """
    training = [image for label_set in data.training for image in label_set.images]
    validation = [image for label_set in data.validation for image in label_set.images]
    common = Counter(image.size for image in training).most_common(1)[0][0]
    lengths = [_relative_length(animal, image) for image in training for animal in _animals(image)]
    known = [length for length in lengths if length > 0]
    keypoints = [
        _keypoints([animal for image in label_set.images for animal in _animals(image)], label_set.skeleton.n_keypoints)
        for label_set in data.training
    ]
    return DataFacts(
        n_images=len(training),
        n_validation_images=len(validation),
        most_animals=max(len(_animals(image)) for image in training + validation),
        image_size=common,
        same_shape=sum(_have_same_shape(image.size, common) for image in training) / len(training),
        animal_length=float(np.median(known)) * max(common) if known else math.nan,
        heading_concentration=heading_concentration(np.concatenate(keypoints)),
    )


def measure_machine(device: torch.device) -> Machine:
    """Describe a device: of a GPU its free memory, else half of the machine's."""
    if device.type == "cuda":
        return Machine("cuda", torch.cuda.mem_get_info(device)[0], computes_in_bfloat16(device))
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows has no such names
        return Machine("cpu", None)
    return Machine("cpu", memory // 2, device.type == "cpu" and trains_in_bfloat16_on_cpu())


def _animals(image: LabeledImage) -> list[LabeledInstance]:
    """Those with keypoints; crowds are no animals."""
    return [instance for instance in image.instances if instance.n_labeled and not instance.is_crowd]


def _relative_length(animal: LabeledInstance, image: LabeledImage) -> float:
    return max(animal.bbox[2:]) / max(image.size)


def _keypoints(animals: Sequence[LabeledInstance], n_keypoints: int) -> np.ndarray:
    return np.array([animal.keypoints for animal in animals]).reshape(-1, n_keypoints, 3)


def _have_same_shape(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return abs(math.log(one[0] * other[1] / (one[1] * other[0]))) <= math.log1p(_SAME_SHAPE)
