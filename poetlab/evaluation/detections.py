"""Detections as COCO writes them, so that any tool can evaluate them (https://cocodataset.org/#format-results)."""

from typing import Any

import numpy as np

from poetlab.labels.label_set import CATEGORY_ID
from poetlab.poses import Instances


def coco_results(instances: Instances, image_id: int) -> list[dict[str, Any]]:
    """The instances of one image in COCO's results format, every digit kept.

    A keypoint's third number, which COCO's figures do not use, is its predicted visibility.
    """
    points = np.dstack([instances.keypoints, instances.visibility]).astype(float)  # (n, k, 3)
    return [
        {
            "image_id": image_id,
            "category_id": CATEGORY_ID,
            "keypoints": keypoints.ravel().tolist(),
            "score": float(score),
        }
        for keypoints, score in zip(points, instances.scores, strict=True)
    ]
