"""How good a network is on labeled images: COCO's keypoint figures, pixel errors, visibility and counts."""

import contextlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from scipy.optimize import linear_sum_assignment

from poetlab.data.samples import read_labeled_image
from poetlab.errors import LabelError
from poetlab.inference import Predictor
from poetlab.labels.label_set import VISIBLE, LabeledImage, LabelSet
from poetlab.poses import SEEN, Instances
from poetlab.skeleton import Skeleton

COCO_FIGURES = ("AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL")
"""What pycocotools summarizes for keypoints, in its order; M and L are medium and large animals."""

_MOST_DETECTIONS = 20
_LEAST_SIMILARITY = 0.1
"""OKS below which a detection is too far from an animal to be called a detection of it."""


@dataclass(frozen=True)
class KeypointError:
    """Distance between predicted and labeled positions of one keypoint, in pixels, over matched animals."""

    keypoint: str
    n: int
    median: float
    percentile_90: float


@dataclass(frozen=True)
class Evaluation:
    """Figures of one network on one set of images; a figure without any data is NaN.

    Attributes:
        coco: The ten figures of `COCO_FIGURES`, by pycocotools over all detections.
        keypoint_errors: One entry a keypoint, then one for all of them together.
        visibility_accuracy: Fraction of keypoints of matched animals whose predicted visibility (at least 0.5 or
            not) agrees with the label (visible, or not).
        n_images: Images seen.
        n_animals: Labeled animals, crowd regions and animals without keypoints left out.
        n_detections: Detections with a score of at least `threshold`.
        n_missed: Labeled animals that no such detection matches with an OKS of at least 0.1.
        n_extra: Such detections that match no labeled animal so.
        count_error: Mean absolute difference an image between animals labeled and detected.
        threshold: Score from which a detection counts for all but the COCO figures.
        area_rule: Where the areas that scale OKS come from.
    """

    coco: dict[str, float]
    keypoint_errors: tuple[KeypointError, ...]
    visibility_accuracy: float
    n_images: int
    n_animals: int
    n_detections: int
    n_missed: int
    n_extra: int
    count_error: float
    threshold: float
    area_rule: str

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain values for JSON; NaN becomes None."""
        return _without_nan(asdict(self))


def evaluate(
    predictor: Predictor,
    label_sets: Sequence[LabelSet],
    *,
    threshold: float = 0.5,
    batch_size: int = 8,
    on_progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Predict every image of some label sets and compare with the labels.

    Args:
        predictor: The network.
        label_sets: Images and labels of the predictor's skeleton.
        threshold: Score from which a detection counts, except for the COCO figures, which rank all.
        batch_size: Images predicted at once; only images of one size are batched, so that none is padded.
        on_progress: Called with images done and in all.

    Raises:
        LabelError: If there are no images, or one cannot be read.
    """
    images = [(label_set, image) for label_set in label_sets for image in label_set.images]
    if not images:
        raise LabelError("there are no images to evaluate; import labels, or choose another --split")
    predictions: list[Instances] = []
    ordered: list[LabeledImage] = []
    for batch in _batches_of_one_size(images, batch_size):
        pixels = np.stack([read_labeled_image(label_set, image) for label_set, image in batch])
        predictions += predictor.predict(torch.from_numpy(pixels).permute(0, 3, 1, 2))
        ordered += [image for _, image in batch]
        if on_progress:
            on_progress(len(ordered), len(images))
    area_rule = "; ".join(sorted({label_set.area_rule for label_set in label_sets}))
    return score_predictions(predictions, ordered, predictor.skeleton, threshold, area_rule)


def score_predictions(
    predictions: Sequence[Instances],
    images: Sequence[LabeledImage],
    skeleton: Skeleton,
    threshold: float,
    area_rule: str,
) -> Evaluation:
    """Compare predictions with the labels of the same images, in the same order."""
    comparison = _Comparison(skeleton)
    for prediction, image in zip(predictions, images, strict=True):
        comparison.add(prediction.above(threshold), image)
    return Evaluation(
        coco=coco_figures(predictions, images, skeleton),
        keypoint_errors=comparison.keypoint_errors(),
        visibility_accuracy=comparison.visibility_accuracy(),
        n_images=len(images),
        n_animals=comparison.n_animals,
        n_detections=comparison.n_detections,
        n_missed=comparison.n_animals - comparison.n_matched,
        n_extra=comparison.n_detections - comparison.n_matched,
        count_error=comparison.sum_of_count_errors / len(images),
        threshold=threshold,
        area_rule=area_rule,
    )


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


class _Comparison:
    """Detections against labels, image by image."""

    def __init__(self, skeleton: Skeleton) -> None:
        self.skeleton = skeleton
        self.distances: list[np.ndarray] = [np.empty((0, skeleton.n_keypoints))]
        self.agreements: list[np.ndarray] = [np.empty((0, skeleton.n_keypoints), dtype=bool)]
        self.n_animals = self.n_detections = self.n_matched = self.sum_of_count_errors = 0

    def add(self, detections: Instances, image: LabeledImage) -> None:
        animals = [animal for animal in image.instances if not animal.is_crowd and animal.n_labeled]
        self.n_animals += len(animals)
        self.n_detections += len(detections)
        self.sum_of_count_errors += abs(len(animals) - len(detections))
        if not animals or not len(detections):
            return
        labels = np.stack([animal.keypoints for animal in animals])
        areas = np.array([animal.area for animal in animals])
        similarity = object_keypoint_similarity(detections.keypoints, labels, areas, self.skeleton.sigmas)
        similarity = np.where(similarity < _LEAST_SIMILARITY, 0, similarity)
        rows, columns = linear_sum_assignment(-similarity)
        is_match = similarity[rows, columns] > 0
        rows, columns = rows[is_match], columns[is_match]
        self.n_matched += len(rows)
        distances = np.linalg.norm(detections.keypoints[rows] - labels[columns, :, :2], axis=-1)
        self.distances.append(distances)  # NaN where not labeled
        seen = detections.visibility[rows] >= SEEN
        self.agreements.append(seen == (labels[columns, :, 2] == VISIBLE))

    def keypoint_errors(self) -> tuple[KeypointError, ...]:
        distances = np.concatenate(self.distances)
        each = [_keypoint_error(name, distances[:, i]) for i, name in enumerate(self.skeleton.keypoints)]
        return (*each, _keypoint_error("all", distances.ravel()))

    def visibility_accuracy(self) -> float:
        agreements = np.concatenate(self.agreements)
        return float(agreements.mean()) if agreements.size else float("nan")


def _keypoint_error(name: str, distances: np.ndarray) -> KeypointError:
    known = distances[np.isfinite(distances)]
    median, percentile_90 = np.percentile(known, [50, 90]) if len(known) else (np.nan, np.nan)
    return KeypointError(name, len(known), float(median), float(percentile_90))


def _batches_of_one_size(
    images: Sequence[tuple[LabelSet, LabeledImage]], batch_size: int
) -> Iterator[list[tuple[LabelSet, LabeledImage]]]:
    by_size: dict[tuple[int, int], list[tuple[LabelSet, LabeledImage]]] = {}
    for place in images:
        by_size.setdefault(place[1].size, []).append(place)
    for group in by_size.values():
        for start in range(0, len(group), batch_size):
            yield group[start : start + batch_size]


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


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and np.isnan(value) else value
