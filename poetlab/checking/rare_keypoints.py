"""Keypoints that are labeled in too few images for a network to learn them."""

from collections.abc import Iterator

import numpy as np

from poetlab.checking.finding import Finding, Place, Severity
from poetlab.checking.material import Material


def find_rare_keypoints(material: Material) -> Iterator[Finding]:
    """Find keypoints labeled in fewer than `min_images` images of all label sets together.

    Where few images are labeled at all, a keypoint is rare if it is labeled in fewer than half of those with animals.
    """
    n_keypoints = material.label_sets[0].skeleton.n_keypoints
    counts, n_images = np.zeros(n_keypoints, np.int64), 0
    for animals in material.animals:
        labeled = np.zeros((animals.label_set.n_images, n_keypoints), bool)
        np.logical_or.at(labeled, animals.image_numbers, animals.keypoints[..., 2] > 0)
        counts += labeled.sum(axis=0)
        n_images += int(labeled.any(axis=1).sum())
    enough = min(material.min_images, -(-n_images // 2))
    for name, count in zip(material.label_sets[0].skeleton.keypoints, counts.tolist(), strict=True):
        if count < enough:
            yield Finding(
                "rare",
                Severity.WARNING,
                Place(keypoints=(name,)),
                f"{name}: labeled in {count or 'none'} of the {n_images} images with animals",
                f"label it in {f'{enough} images or more' if enough > 1 else 'some'}, or leave it out of the skeleton",
                badness=enough / max(count, 0.5),
            )
