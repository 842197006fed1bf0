"""The figures of one network on one set of images."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


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


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and np.isnan(value) else value
