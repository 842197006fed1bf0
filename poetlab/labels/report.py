"""What an import brought in, counted."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from poetlab.labels.label_set import OCCLUDED, VISIBLE
from poetlab.labels.updating import UpdateReport
from poetlab.labels.writing_imports import WrittenImport
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
        split_rule: How images were split that had no split, in words; None if all had one.
        lacking: Keypoints of the skeleton that the labels do not have; they are unlabeled.
        n_corrected: Number of instances that a model has made and a person has changed or confirmed.
        n_unconfirmed: Number of instances that a model has made and no person has confirmed.
        n_found_empty: Number of images in which a model has found no animal, and no person has confirmed that.
        update: What has changed, if there was a label set of that name; all other numbers are those of all of it.
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
    split_rule: str | None
    lacking: tuple[str, ...]
    n_corrected: int
    n_unconfirmed: int
    n_found_empty: int
    update: UpdateReport | None
    area_rule: str
    left_out: Mapping[str, tuple[int, tuple[str, ...]]]


def summarize_import(
    written: WrittenImport,
    label_format: str,
    lacking: tuple[str, ...],
    left_out: Mapping[str, tuple[int, tuple[str, ...]]],
) -> ImportReport:
    """Count a label set that has at least one image and one instance with labeled keypoints."""
    label_set = written.label_set
    instances = list(label_set.instances)
    visibility = np.stack([instance.keypoints[:, 2] for instance in instances])
    labeled = visibility.any(axis=1)
    is_crowd = np.array([instance.is_crowd for instance in instances])
    sizes = np.sqrt([instance.area for instance in instances])[labeled]
    visible, occluded = ((visibility == value).sum(axis=0).tolist() for value in (VISIBLE, OCCLUDED))
    image_sizes = sorted((image.size for image in label_set.images), key=lambda size: size[0] * size[1])
    n_val = label_set.select("val").n_images
    makers = Counter(instance.provenance.made_by for instance in instances if instance.provenance)
    return ImportReport(
        name=label_set.name,
        folder=label_set.images_dir.parent,
        format=label_format,
        skeleton=label_set.skeleton,
        n_images=label_set.n_images,
        n_made=written.n_made,
        n_negatives=sum(not image.instances for image in label_set.images),
        n_instances=len(instances),
        n_crowd=int(is_crowd.sum()),
        n_without_keypoints=int((~labeled & ~is_crowd).sum()),
        points=dict(zip(label_set.skeleton.keypoints, map(PointCount, visible, occluded), strict=True)),
        animal_sizes=AnimalSizes(float(sizes.min()), float(np.median(sizes)), float(sizes.max())),
        image_sizes=(image_sizes[0], image_sizes[-1]),
        n_train=label_set.n_images - n_val,
        n_val=n_val,
        split_rule=written.split_rule,
        lacking=lacking,
        n_corrected=makers["corrected"],
        n_unconfirmed=makers["model"],
        n_found_empty=sum(image.is_found_empty for image in label_set.images),
        update=written.update,
        area_rule=label_set.area_rule,
        left_out=left_out,
    )
