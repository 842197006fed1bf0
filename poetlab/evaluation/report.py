"""The figures of one network on one set of images."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, is_dataclass
from typing import Any

from poetlab.evaluation.calibration import Calibration
from poetlab.evaluation.center_error import CenterError
from poetlab.evaluation.keypoint_error import KeypointError
from poetlab.evaluation.matched import MatchedAnimals
from poetlab.evaluation.visibility import VisibilityFigures


@dataclass(frozen=True)
class Evaluation:
    """Figures of one network on one set of images; a figure without any data is NaN.

    Attributes:
        coco: The ten figures of `COCO_FIGURES`, by pycocotools over all detections.
        coco_by_label_set: The same of each label set alone, where there are several.
        coco_by_decoder_layer: The same after each decoder layer, where that was asked for.
        keypoint_errors: One entry a keypoint, then one for all of them together.
        center_error: Distances between predicted and labeled centers.
        visibility: Predicted against labeled visibility.
        calibration: Whether predicted visibility is a probability.
        score_ranking: Rank correlation of the score and the OKS of matched detections.
        n_images: Images seen.
        n_animals: Labeled animals, crowd regions and animals without keypoints left out.
        n_detections: Detections with a score of at least `threshold`.
        n_missed: Labeled animals that no such detection matches with an OKS of at least 0.1.
        recall: Fraction of the labeled animals that are not missed.
        n_extra: Such detections that match no labeled animal so.
        count_error: Mean absolute difference an image between animals labeled and detected.
        threshold: Score from which a detection counts for all but the COCO figures.
        area_rule: Where the areas that scale OKS come from, in words.
        sigma_rule: Where the sigmas that scale OKS come from, in words.
        sigmas: The sigma of each keypoint.
        most_detections: How many detections an image count in the COCO figures, those of the highest scores.
        matched: What the errors, centers and visibility were computed from; not part of `to_dict`.
    """

    coco: dict[str, float]
    coco_by_label_set: dict[str, dict[str, float]]
    coco_by_decoder_layer: tuple[dict[str, float], ...]
    keypoint_errors: tuple[KeypointError, ...]
    center_error: CenterError
    visibility: VisibilityFigures
    calibration: Calibration
    score_ranking: float
    n_images: int
    n_animals: int
    n_detections: int
    n_missed: int
    recall: float
    n_extra: int
    count_error: float
    threshold: float
    area_rule: str
    sigma_rule: str
    sigmas: Mapping[str, float]
    most_detections: int
    matched: MatchedAnimals = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain values for JSON; NaN becomes None, and what is empty is left out."""
        return _plain(
            {name: value for name, value in vars(self).items() if name != "matched" and value not in ({}, ())}
        )


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return _plain(vars(value))
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value
