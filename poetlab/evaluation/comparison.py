"""Detections against labels, image by image: which belong together, and how many are missing or too many."""

import numpy as np
from scipy.optimize import linear_sum_assignment

from poetlab.evaluation.matched import MatchedAnimals
from poetlab.evaluation.oks import object_keypoint_similarity
from poetlab.labels.label_set import LabeledImage
from poetlab.poses import Instances
from poetlab.skeleton import Skeleton

_LEAST_SIMILARITY = 0.1
"""OKS below which a detection is too far from an animal to be called a detection of it."""


class Comparison:
    """Detections against labels, image by image."""

    def __init__(self, skeleton: Skeleton) -> None:
        self.skeleton = skeleton
        self.n_animals = self.n_detections = self.sum_of_count_errors = 0
        self._matched: list[MatchedAnimals] = []

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
        found = [animals[column] for column in columns]
        self._matched.append(MatchedAnimals.of_image(detections.take(rows), found, similarity[rows, columns]))

    def matched(self) -> MatchedAnimals:
        """The animals of all images that a detection matches."""
        return MatchedAnimals.joined(self._matched, self.skeleton.n_keypoints)
