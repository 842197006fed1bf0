"""The rank correlation of scores and OKS equals scipy's."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from poetlab.evaluation.evaluate import score_predictions
from poetlab.evaluation.matched import MatchedAnimals
from poetlab.evaluation.score_ranking import score_ranking
from poetlab.skeleton import Skeleton


def matched_animals(scores: list[float], similarities: list[float]) -> MatchedAnimals:
    n = len(scores)
    poses, labels, centers, boxes = np.zeros((n, 2, 2)), np.zeros((n, 2, 3)), np.zeros((n, 2)), np.ones((n, 4))
    return MatchedAnimals(poses, poses[..., 0], np.array(scores), np.array(similarities), centers, labels, boxes)


@pytest.mark.parametrize("seed", range(5))
def test_it_is_spearmans(seed: int) -> None:
    random = np.random.default_rng(seed)
    scores, similarities = random.integers(0, 6, 30) / 5, random.integers(0, 9, 30) / 8  # many are equal
    expected = spearmanr(scores, similarities).statistic
    assert score_ranking(matched_animals(scores.tolist(), similarities.tolist())) == pytest.approx(expected)


def test_only_ranks_count() -> None:
    assert score_ranking(matched_animals([0.5, 0.51, 0.99], [0.1, 0.8, 0.81])) == pytest.approx(1)
    assert score_ranking(matched_animals([0.5, 0.51, 0.99], [0.9, 0.8, 0.1])) == pytest.approx(-1)


@pytest.mark.parametrize(("scores", "similarities"), [([], []), ([0.5], [0.5]), ([0.5, 0.5], [0.1, 0.2])])
def test_nothing_to_rank_is_nothing(scores: list[float], similarities: list[float]) -> None:
    assert math.isnan(score_ranking(matched_animals(scores, similarities)))


def test_matched_detections_alone_are_ranked(
    mouse: Skeleton,
    animal: Callable[..., Any],
    image: Callable[..., Any],
    detections: Callable[..., Any],
    predicted: Callable[..., Any],
) -> None:
    labeled = image(animal((10, 20, 2), (30, 20, 2)), animal((60, 60, 2), (80, 60, 2)))
    exact, near, far = [(10, 20), (30, 20)], [(62, 60), (82, 60)], [(150, 90), (170, 90)]
    for first, second, expected in ((0.9, 0.8, 1), (0.8, 0.9, -1)):
        found = detections((exact, first), (near, second), (far, 0.99))
        evaluation = score_predictions(predicted([found], [labeled]), mouse)
        assert evaluation.score_ranking == pytest.approx(expected)
        assert evaluation.recall == 1
