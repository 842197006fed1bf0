"""Detections against labels, image by image."""

import numpy as np
from scipy.optimize import linear_sum_assignment

from poetlab.evaluation.oks import object_keypoint_similarity
from poetlab.evaluation.report import KeypointError
from poetlab.labels.label_set import VISIBLE, LabeledImage
from poetlab.poses import SEEN, Instances
from poetlab.skeleton import Skeleton

_LEAST_SIMILARITY = 0.1
"""OKS below which a detection is too far from an animal to be called a detection of it."""


class Comparison:
    """Detections against labels, image by image."""

    def __init__(self, skeleton: Skeleton) -> None:
        self.skeleton = skeleton
        self.distances: list[np.ndarray] = [np.empty((0, skeleton.n_keypoints))]
        self.agreements: list[np.ndarray] = [np.empty((0, skeleton.n_keypoints), dtype=bool)]
        self.n_animals = self.n_detections = self.n_matched = self.sum_of_count_errors = 0

    def add(self, detections: Instances, image: LabeledImage) -> None:
        """Match the detections of one image with its labels."""
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
        """One entry a keypoint, then one for all of them together."""
        distances = np.concatenate(self.distances)
        each = [_keypoint_error(name, distances[:, i]) for i, name in enumerate(self.skeleton.keypoints)]
        return (*each, _keypoint_error("all", distances.ravel()))

    def visibility_accuracy(self) -> float:
        """Fraction of keypoints of matched animals whose predicted visibility agrees with the label."""
        agreements = np.concatenate(self.agreements)
        return float(agreements.mean()) if agreements.size else float("nan")


def _keypoint_error(name: str, distances: np.ndarray) -> KeypointError:
    known = distances[np.isfinite(distances)]
    median, percentile_90 = np.percentile(known, [50, 90]) if len(known) else (np.nan, np.nan)
    return KeypointError(name, len(known), float(median), float(percentile_90))
