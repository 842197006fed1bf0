"""COCO's keypoint figures, by pycocotools."""

import contextlib
import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from poetlab.labels.label_set import LabeledImage
from poetlab.poses import Instances
from poetlab.skeleton import Skeleton

COCO_FIGURES = ("AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL")
"""What pycocotools summarizes for keypoints, in its order; M and L are medium and large animals."""

_MOST_DETECTIONS = 20


def coco_figures(
    predictions: Sequence[Instances], images: Sequence[LabeledImage], skeleton: Skeleton
) -> dict[str, float]:
    """COCO's ten keypoint figures, computed by pycocotools with the skeleton's sigmas and the labels' areas.

    Crowd regions and animals without labeled keypoints are ignored, not counted as missed; the 20 highest
    scores an image count (https://cocodataset.org/#keypoints-eval).
    """
    category = {"id": 1, "name": skeleton.name, "keypoints": list(skeleton.keypoints)}
    truth = {
        "images": [{"id": i, "height": image.size[0], "width": image.size[1]} for i, image in enumerate(images)],
        "annotations": list(_coco_annotations(images)),
        "categories": [category],
    }
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints
        coco = _coco(truth)
        found = _coco(truth | {"annotations": list(_coco_detections(predictions))})
        evaluator = COCOeval(coco, found, "keypoints")
        evaluator.params.kpt_oks_sigmas = np.array(skeleton.sigmas)
        evaluator.params.maxDets = [_MOST_DETECTIONS]
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return {
        name: float(value) if value >= 0 else float("nan")
        for name, value in zip(COCO_FIGURES, evaluator.stats, strict=True)
    }


def _coco(dataset: dict[str, Any]) -> COCO:
    coco = COCO()
    coco.dataset = dataset
    coco.createIndex()
    return coco


def _coco_annotations(images: Sequence[LabeledImage]) -> Iterator[dict[str, Any]]:
    number = 0
    for image_id, image in enumerate(images):
        for animal in image.instances:
            number += 1  # pycocotools takes an id of 0 for no match
            yield {
                "id": number,
                "image_id": image_id,
                "category_id": 1,
                "keypoints": np.nan_to_num(animal.keypoints).ravel().tolist(),
                "num_keypoints": animal.n_labeled,
                "bbox": list(animal.bbox),
                "area": animal.area,
                "iscrowd": int(animal.is_crowd),
            }


def _coco_detections(predictions: Sequence[Instances]) -> Iterator[dict[str, Any]]:
    number = 0
    for image_id, prediction in enumerate(predictions):
        for keypoints, score in zip(prediction.keypoints.astype(float), prediction.scores, strict=True):
            number += 1
            low, high = keypoints.min(0), keypoints.max(0)
            yield {
                "id": number,
                "image_id": image_id,
                "category_id": 1,
                "keypoints": np.insert(keypoints, 2, 1, axis=1).ravel().tolist(),
                "score": float(score),
                "bbox": [*low.tolist(), *(high - low).tolist()],
                "area": float(np.prod(high - low)),
            }
