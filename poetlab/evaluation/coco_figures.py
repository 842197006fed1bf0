"""COCO's keypoint figures, by pycocotools."""

import contextlib
import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from poetlab.evaluation.detections import coco_results
from poetlab.labels.label_set import CATEGORY_ID, LabeledImage
from poetlab.poses import Instances
from poetlab.skeleton import PRESETS, Skeleton, load_skeleton

COCO_FIGURES = ("AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL")
"""What pycocotools summarizes for keypoints, in its order; M and L are medium and large animals."""

MOST_DETECTIONS = 20
"""How many detections an image count, those of the highest scores."""


def coco_figures(
    predictions: Sequence[Instances], images: Sequence[LabeledImage], skeleton: Skeleton
) -> dict[str, float]:
    """COCO's ten keypoint figures, computed by pycocotools with the skeleton's sigmas and the labels' areas.

    Crowd regions and animals without labeled keypoints are ignored, not counted as missed; the 20 highest
    scores an image count (https://cocodataset.org/#keypoints-eval).

    Args:
        predictions: The detections in each image. Equal scores rank in their order within an image.
        images: The labels of the same images. Equal scores of several images rank in the order of the images;
            pycocotools sorts images by id.
        skeleton: Gives the sigmas.

    Returns:
        The figures by name; NaN where there is no animal to measure.
    """
    truth = {
        "images": [{"id": i, "height": image.size[0], "width": image.size[1]} for i, image in enumerate(images)],
        "annotations": list(_coco_annotations(images)),
        "categories": [{"id": CATEGORY_ID, "name": skeleton.name, "keypoints": list(skeleton.keypoints)}],
    }
    found = [entry for number, instances in enumerate(predictions) for entry in coco_results(instances, number)]
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints
        coco = _coco(truth)
        detected = coco.loadRes(found) if found else _coco(truth | {"annotations": []})
        evaluator = COCOeval(coco, detected, "keypoints")
        evaluator.params.kpt_oks_sigmas = np.array(skeleton.sigmas)
        evaluator.params.maxDets = [MOST_DETECTIONS]
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return {
        name: float(value) if value >= 0 else float("nan")
        for name, value in zip(COCO_FIGURES, evaluator.stats, strict=True)
    }


def sigma_rule(skeleton: Skeleton) -> str:
    """Where the sigmas of a skeleton come from, in words: a preset, or the skeleton itself."""
    sigmas = dict(zip(skeleton.keypoints, skeleton.sigmas, strict=True))
    for name in PRESETS:
        preset = load_skeleton(name)
        if sigmas == dict(zip(preset.keypoints, preset.sigmas, strict=True)):
            return f"those of {name}"
    low, high = min(skeleton.sigmas), max(skeleton.sigmas)
    return f"{low:g} for every keypoint" if low == high else f"the skeleton's own, {low:g} to {high:g}"


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
                "category_id": CATEGORY_ID,
                "keypoints": np.nan_to_num(animal.keypoints).ravel().tolist(),
                "num_keypoints": animal.n_labeled,
                "bbox": list(animal.bbox),
                "area": animal.area,
                "iscrowd": int(animal.is_crowd),
            }
