"""Predict labeled images and compare."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

from poetlab.data.samples import read_labeled_image
from poetlab.errors import LabelError
from poetlab.evaluation.coco_figures import coco_figures
from poetlab.evaluation.comparison import Comparison
from poetlab.evaluation.report import Evaluation
from poetlab.inference import Predictor
from poetlab.labels.label_set import LabeledImage, LabelSet
from poetlab.model.poet import PoetOutput
from poetlab.poses import Instances
from poetlab.skeleton import Skeleton


def evaluate(
    predictor: Predictor,
    label_sets: Sequence[LabelSet],
    *,
    threshold: float = 0.5,
    batch_size: int = 8,
    on_progress: Callable[[int, int], None] | None = None,
    on_output: Callable[[PoetOutput, Sequence[LabeledImage]], None] | None = None,
) -> Evaluation:
    """Predict every image of some label sets and compare with the labels.

    Args:
        predictor: The network.
        label_sets: Images and labels of the predictor's skeleton.
        threshold: Score from which a detection counts, except for the COCO figures, which rank all.
        batch_size: Images predicted at once; only images of one size are batched, so that none is padded.
        on_progress: Called with images done and in all.
        on_output: Called with what the network said of each batch, and the batch's images.

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
        labeled = [image for _, image in batch]
        output = predictor.run(torch.from_numpy(pixels).permute(0, 3, 1, 2))
        if on_output:
            on_output(output, labeled)
        predictions += predictor.instances(output, labeled[0].size)
        ordered += labeled
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
    comparison = Comparison(skeleton)
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


def _batches_of_one_size(
    images: Sequence[tuple[LabelSet, LabeledImage]], batch_size: int
) -> Iterator[list[tuple[LabelSet, LabeledImage]]]:
    by_size: dict[tuple[int, int], list[tuple[LabelSet, LabeledImage]]] = {}
    for place in images:
        by_size.setdefault(place[1].size, []).append(place)
    for group in by_size.values():
        for start in range(0, len(group), batch_size):
            yield group[start : start + batch_size]
