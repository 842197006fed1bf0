"""Whether two images have the same labels."""

import numpy as np
from scipy.optimize import linear_sum_assignment

from poetlab.labels.label_set import LabeledImage, LabeledInstance

_AGREEMENT = 0.05
"""Mean distance of two animals' keypoints, as a part of their size (the root of the area), up to which they agree."""
_FEWEST_KEYPOINTS = 2


def labels_agree(first: LabeledImage, second: LabeledImage) -> bool:
    """Whether two images of one size have the same animals in the same places and poses; without any they do not."""
    if first.size != second.size:
        return False
    animals, others = _labeled(first), _labeled(second)
    if len(animals) != len(others) or not animals:
        return False
    distances = np.array([[relative_distance(animal, other) for other in others] for animal in animals])
    rows, columns = linear_sum_assignment(distances)
    return bool((distances[rows, columns] <= _AGREEMENT).all())


def relative_distance(animal: LabeledInstance, other: LabeledInstance) -> float:
    """Mean distance of the keypoints that both have, as a part of the smaller one's size; large if too few."""
    both = (animal.keypoints[:, 2] > 0) & (other.keypoints[:, 2] > 0)
    if both.sum() < min(_FEWEST_KEYPOINTS, animal.n_labeled, other.n_labeled):
        return 1e9
    gaps = animal.keypoints[both, :2] - other.keypoints[both, :2]
    size = np.sqrt(max(min(animal.area, other.area), 1.0))
    return float(np.linalg.norm(gaps, axis=1).mean() / size)


def _labeled(image: LabeledImage) -> list[LabeledInstance]:
    return [instance for instance in image.instances if instance.n_labeled and not instance.is_crowd]
