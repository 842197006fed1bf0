"""What an import brought in, counted."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from poetlab.labels.label_set import OCCLUDED, VISIBLE, LabelSet
from poetlab.skeleton import Skeleton


class PointCount(NamedTuple):
    """How often one keypoint is labeled."""

    visible: int
    occluded: int


class AnimalSizes(NamedTuple):
    """Square roots of the areas of the instances with labeled keypoints, in pixels."""

    smallest: float
    median: float
    largest: float


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What `import_labels` did.

    Attributes:
        name: What the label set is called.
        folder: Where it lies.
        format: The label format that was read.
        skeleton: The skeleton of the label set.
        n_images: Number of images, negatives included.
        n_made: Number of images that were made at import: frames of videos, and images inside of the label file.
        n_negatives: Number of images without instances.
        n_instances: Number of instances, crowds and those without keypoints included.
        n_crowd: Number of instances that outline a group.
        n_without_keypoints: Number of instances that are no crowd and have no labeled keypoint.
        points: Keypoint name -> how often it is labeled visible and occluded.
        animal_sizes: Smallest, median and largest animal.
        image_sizes: (height, width) of the image with the fewest and of the one with the most pixels.
        n_train: Number of images for training.
        n_val: Number of images for validation.
        area_rule: How areas were obtained, in words.
        left_out: Reason -> (how many, up to three examples).
    """

    name: str
    folder: Path
    format: str
    skeleton: Skeleton
    n_images: int
    n_made: int
    n_negatives: int
    n_instances: int
    n_crowd: int
    n_without_keypoints: int
    points: Mapping[str, PointCount]
    animal_sizes: AnimalSizes
    image_sizes: tuple[tuple[int, int], tuple[int, int]]
    n_train: int
    n_val: int
    area_rule: str
    left_out: Mapping[str, tuple[int, tuple[str, ...]]]


def summarize_import(
    label_set: LabelSet,
    folder: Path,
    label_format: str,
    n_made: int,
    left_out: Mapping[str, tuple[int, tuple[str, ...]]],
) -> ImportReport:
    """Count a label set that has at least one image and one instance with labeled keypoints."""
    instances = list(label_set.instances)
    visibility = np.stack([instance.keypoints[:, 2] for instance in instances])
    labeled = visibility.any(axis=1)
    is_crowd = np.array([instance.is_crowd for instance in instances])
    sizes = np.sqrt([instance.area for instance in instances])[labeled]
    visible, occluded = ((visibility == value).sum(axis=0).tolist() for value in (VISIBLE, OCCLUDED))
    image_sizes = sorted((image.size for image in label_set.images), key=lambda size: size[0] * size[1])
    n_val = label_set.select("val").n_images
    return ImportReport(
        name=label_set.name,
        folder=folder,
        format=label_format,
        skeleton=label_set.skeleton,
        n_images=label_set.n_images,
        n_made=n_made,
        n_negatives=sum(not image.instances for image in label_set.images),
        n_instances=len(instances),
        n_crowd=int(is_crowd.sum()),
        n_without_keypoints=int((~labeled & ~is_crowd).sum()),
        points=dict(zip(label_set.skeleton.keypoints, map(PointCount, visible, occluded), strict=True)),
        animal_sizes=AnimalSizes(float(sizes.min()), float(np.median(sizes)), float(sizes.max())),
        image_sizes=(image_sizes[0], image_sizes[-1]),
        n_train=label_set.n_images - n_val,
        n_val=n_val,
        area_rule=label_set.area_rule,
        left_out=left_out,
    )
