"""Whether the predicted visibility is that of the labels (paper Figure 10)."""

from dataclasses import dataclass

import numpy as np

from poetlab.evaluation.matched import MatchedAnimals
from poetlab.labels.label_set import OCCLUDED, UNLABELED, VISIBLE
from poetlab.poses import SEEN


@dataclass(frozen=True)
class VisibilityFigures:
    """Predicted visibility of the keypoints of matched animals, by what the label says; NaN where there are none.

    Attributes:
        n_visible: Keypoints labeled as visible.
        n_occluded: Keypoints labeled as occluded.
        n_unlabeled: Keypoints without a label.
        visible_seen: Fraction of the visible ones that are predicted at 0.5 or above.
        not_visible_unseen: Fraction of the occluded and unlabeled ones that are predicted below 0.5.
        accuracy: Fraction of all that are predicted on the right side of 0.5.
    """

    n_visible: int
    n_occluded: int
    n_unlabeled: int
    visible_seen: float
    not_visible_unseen: float
    accuracy: float

    @property
    def n_not_visible(self) -> int:
        """Keypoints that are occluded or unlabeled."""
        return self.n_occluded + self.n_unlabeled


def visibility_figures(matched: MatchedAnimals) -> VisibilityFigures:
    """The figures of predicted visibility."""
    labels = matched.labels[..., 2]
    is_visible, is_seen = labels == VISIBLE, matched.visibility >= SEEN
    return VisibilityFigures(
        n_visible=int(is_visible.sum()),
        n_occluded=int((labels == OCCLUDED).sum()),
        n_unlabeled=int((labels == UNLABELED).sum()),
        visible_seen=_fraction(is_seen[is_visible]),
        not_visible_unseen=_fraction(~is_seen[~is_visible]),
        accuracy=_fraction(is_seen == is_visible),
    )


def visibility_by_label(matched: MatchedAnimals) -> dict[str, np.ndarray]:
    """Predicted visibility of the visible, the occluded and the unlabeled keypoints, (n,) each."""
    kinds = {"visible": VISIBLE, "occluded": OCCLUDED, "unlabeled": UNLABELED}
    return {kind: matched.visibility[matched.labels[..., 2] == label] for kind, label in kinds.items()}


def _fraction(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else float("nan")
