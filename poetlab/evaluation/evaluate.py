"""Predict labeled images and compare."""

from collections.abc import Callable, Sequence

from poetlab.evaluation.calibration import calibration
from poetlab.evaluation.center_error import center_error
from poetlab.evaluation.coco_figures import MOST_DETECTIONS, coco_figures, sigma_rule
from poetlab.evaluation.comparison import Comparison
from poetlab.evaluation.keypoint_error import keypoint_errors
from poetlab.evaluation.predicting import OnOutput, PredictedImage, predict_images
from poetlab.evaluation.report import Evaluation
from poetlab.evaluation.score_ranking import score_ranking
from poetlab.evaluation.visibility import visibility_figures
from poetlab.inference import Predictor
from poetlab.labels.label_set import LabelSet
from poetlab.skeleton import Skeleton


def evaluate(
    predictor: Predictor,
    label_sets: Sequence[LabelSet],
    *,
    threshold: float = 0.5,
    batch_size: int = 8,
    on_progress: Callable[[int, int], None] | None = None,
    on_output: OnOutput | None = None,
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
        SnapshotError: If the network predicts what is not a number.
    """
    predicted = predict_images(
        predictor, label_sets, batch_size=batch_size, on_progress=on_progress, on_output=on_output
    )
    return score_predictions(predicted, predictor.skeleton, threshold)


def score_predictions(
    predicted: Sequence[PredictedImage], skeleton: Skeleton, threshold: float = 0.5, *, every_layer: bool = False
) -> Evaluation:
    """Compare predictions with the labels of the same images.

    Args:
        predicted: At least one image with its prediction.
        skeleton: What is predicted and labeled.
        threshold: As for `evaluate`.
        every_layer: Whether to measure what was predicted after every decoder layer, too.
    """
    comparison = Comparison(skeleton)
    for each in predicted:
        comparison.add(each.instances.above(threshold), each.image)
    matched = comparison.matched()
    coco = _coco_figures(predicted, skeleton)
    n_layers = len(predicted[0].by_layer)
    earlier_layers = [_coco_figures(predicted, skeleton, layer) for layer in range(n_layers - 1)]
    return Evaluation(
        coco=coco,
        coco_by_label_set=_coco_by_label_set(predicted, skeleton),
        coco_by_decoder_layer=(*earlier_layers, coco) if every_layer else (),
        keypoint_errors=keypoint_errors(matched, skeleton.keypoints),
        center_error=center_error(matched),
        visibility=visibility_figures(matched),
        calibration=calibration(matched),
        score_ranking=score_ranking(matched),
        n_images=len(predicted),
        n_animals=comparison.n_animals,
        n_detections=comparison.n_detections,
        n_missed=comparison.n_animals - len(matched),
        recall=len(matched) / comparison.n_animals if comparison.n_animals else float("nan"),
        n_extra=comparison.n_detections - len(matched),
        count_error=comparison.sum_of_count_errors / len(predicted),
        threshold=threshold,
        area_rule="; ".join(sorted({each.label_set.area_rule for each in predicted})),
        sigma_rule=sigma_rule(skeleton),
        sigmas=dict(zip(skeleton.keypoints, skeleton.sigmas, strict=True)),
        most_detections=MOST_DETECTIONS,
        matched=matched,
    )


def _coco_figures(predicted: Sequence[PredictedImage], skeleton: Skeleton, layer: int = -1) -> dict[str, float]:
    return coco_figures([each.by_layer[layer] for each in predicted], [each.image for each in predicted], skeleton)


def _coco_by_label_set(predicted: Sequence[PredictedImage], skeleton: Skeleton) -> dict[str, dict[str, float]]:
    """The figures of each label set alone; nothing if there is only one."""
    by_name: dict[str, list[PredictedImage]] = {}
    for each in predicted:
        by_name.setdefault(each.label_set.name, []).append(each)
    return {name: _coco_figures(part, skeleton) for name, part in by_name.items()} if len(by_name) > 1 else {}
