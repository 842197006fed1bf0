"""Object keypoint similarity: how near a predicted pose is to a labeled one."""

from collections.abc import Sequence

import numpy as np


def object_keypoint_similarity(
    predicted: np.ndarray, labels: np.ndarray, areas: np.ndarray, sigmas: Sequence[float]
) -> np.ndarray:
    """OKS of every pair (paper equation 5, with COCO's k = 2 sigma).

    Args:
        predicted: (n, k, 2) pixels.
        labels: (m, k, 3) pixels and visibility; keypoints with visibility 0 do not count.
        areas: (m,) square pixels.
        sigmas: k falloffs.

    Returns:
        (n, m) in [0, 1]; 0 where an animal has no labeled keypoint.
    """
    labeled = labels[..., 2] > 0  # (m, k)
    positions = np.where(labeled[..., None], labels[..., :2], 0)
    squared = ((predicted[:, None] - positions[None]) ** 2).sum(-1)  # (n, m, k)
    spread = 2 * areas[:, None] * (2 * np.asarray(sigmas)) ** 2 + np.spacing(1)  # (m, k)
    similarity = np.exp(-squared / spread) * labeled
    return similarity.sum(-1) / np.maximum(labeled.sum(-1), 1)
