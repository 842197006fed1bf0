"""Which keypoints the labels of a set tell of, where sets with different keypoints are learned from together."""

from collections.abc import Sequence

import numpy as np

from poetlab.labels.label_set import UNLABELED, LabelSet


def told_keypoints(label_sets: Sequence[LabelSet]) -> list[np.ndarray]:
    """For each label set, of which keypoints its labels tell whether they are visible.

    A keypoint that only other sets ever have labeled was most likely not looked for in this one, so that it is missing
    says nothing. One that no set has labeled counts as never visible.

    Args:
        label_sets: Sets that share one skeleton.

    Returns:
        (k,) bool for each.
    """
    labeled = [_labeled_keypoints(label_set) for label_set in label_sets]
    nowhere = ~np.any(labeled, axis=0)
    return [each | nowhere for each in labeled]


def _labeled_keypoints(label_set: LabelSet) -> np.ndarray:
    """(k,) whether the set has labeled a keypoint anywhere."""
    labeled = np.zeros(label_set.skeleton.n_keypoints, dtype=bool)
    for image in label_set.images:
        for instance in image.instances:
            labeled |= instance.keypoints[:, 2] != UNLABELED
    return labeled
