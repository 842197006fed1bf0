"""Whether instances are ranked by how good they are: AP counts a bad pose with a high score against the good ones."""

import numpy as np

from poetlab.evaluation.matched import MatchedAnimals


def score_ranking(matched: MatchedAnimals) -> float:
    """Spearman's rank correlation of the score and the OKS of matched detections.

    Returns:
        1 if better poses always score higher, 0 if the score says nothing about the pose, -1 if they always score
        lower; NaN with fewer than two different scores or poses. Equal values share the mean of their ranks.
    """
    scores, similarities = _ranks(matched.scores), _ranks(matched.similarities)
    if len(np.unique(scores)) < 2 or len(np.unique(similarities)) < 2:
        return float("nan")
    return float(np.corrcoef(scores, similarities)[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (counts.cumsum() - (counts - 1) / 2)[places]
