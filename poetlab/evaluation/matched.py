"""Labeled animals with the detections that match them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from poetlab.labels.label_set import LabeledInstance
from poetlab.poses import Instances


@dataclass(frozen=True, eq=False)
class MatchedAnimals:
    """What is predicted and what is labeled of n matched animals with k keypoints; pixels of the full frame.

    Attributes:
        keypoints: (n, k, 2) predicted positions.
        visibility: (n, k) predicted visibility.
        scores: (n,) the detections' scores.
        similarities: (n,) OKS of detection and label.
        centers: (n, 2) predicted centers; NaN where they were not kept.
        labels: (n, k, 3) labeled positions and visibility; NaN, NaN, 0 where not labeled.
        bboxes: (n, 4) x, y, width, height of the labeled boxes.
    """

    keypoints: np.ndarray
    visibility: np.ndarray
    scores: np.ndarray
    similarities: np.ndarray
    centers: np.ndarray
    labels: np.ndarray
    bboxes: np.ndarray

    @classmethod
    def of_image(
        cls, detections: Instances, animals: Sequence[LabeledInstance], similarities: np.ndarray
    ) -> "MatchedAnimals":
        """The animals of one image and as many detections, matched in their order, with the OKS of each pair."""
        n, n_keypoints = detections.visibility.shape
        return cls(
            detections.keypoints,
            detections.visibility,
            detections.scores,
            similarities,
            np.full((n, 2), np.nan) if detections.centers is None else detections.centers,
            np.array([animal.keypoints for animal in animals]).reshape(n, n_keypoints, 3),
            np.array([animal.bbox for animal in animals]).reshape(n, 4),
        )

    @classmethod
    def joined(cls, parts: Sequence["MatchedAnimals"], n_keypoints: int) -> "MatchedAnimals":
        """The animals of several images; of none if there are no parts."""
        nothing = Instances(np.empty((0, n_keypoints, 2)), np.empty((0, n_keypoints)), np.empty(0))
        parts = [cls.of_image(nothing, (), np.empty(0)), *parts]
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    def __len__(self) -> int:
        return len(self.labels)
