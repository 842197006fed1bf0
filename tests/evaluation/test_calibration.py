"""Calibration of predicted visibility equals what is counted keypoint by keypoint."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poetlab.evaluation.calibration import N_BINS, calibration
from poetlab.evaluation.evaluate import score_predictions
from poetlab.evaluation.matched import MatchedAnimals
from poetlab.poses import Instances
from poetlab.skeleton import Skeleton


def matched_animals(predicted: np.ndarray, labels: np.ndarray) -> MatchedAnimals:
    """Matched animals of which nothing counts but predicted and labeled visibility, (n, k) each."""
    n, k = labels.shape
    labeled = np.dstack([np.zeros((n, k, 2)), labels])
    return MatchedAnimals(
        np.zeros((n, k, 2)), predicted, np.ones(n), np.ones(n), np.zeros((n, 2)), labeled, np.ones((n, 4))
    )


def random_animals(seed: int, n: int = 40, k: int = 12) -> MatchedAnimals:
    random = np.random.default_rng(seed)
    return matched_animals(random.beta(4, 1, (n, k)).astype(np.float32), random.integers(0, 3, (n, k)))


def pairs_of(matched: MatchedAnimals) -> list[tuple[float, bool]]:
    """Predicted visibility and whether it is labeled as visible, of every keypoint."""
    labels = matched.labels[..., 2].ravel().tolist()
    return [(float(p), v == 2) for p, v in zip(matched.visibility.ravel(), labels, strict=True)]


def error_in(bins: list[list[tuple[float, bool]]]) -> float:
    """The definition: weighted by keypoints, the distance of mean prediction and fraction visible."""
    total = sum(len(inside) for inside in bins)
    return sum(
        len(inside) / total * abs(sum(p for p, _ in inside) / len(inside) - sum(v for _, v in inside) / len(inside))
        for inside in bins
        if inside
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_errors_are_those_counted_by_hand(seed: int) -> None:
    matched = random_animals(seed)
    figures, pairs = calibration(matched), sorted(pairs_of(matched))
    size = len(pairs) // N_BINS
    assert figures.error == pytest.approx(error_in([pairs[i * size : (i + 1) * size] for i in range(N_BINS)]))
    edges = np.linspace(0, 1, N_BINS + 1)
    by_width = [[each for each in pairs if low <= each[0] < high] for low, high in pairwise(edges)]
    assert figures.error_equal_width == pytest.approx(error_in(by_width))
    assert figures.brier_score == pytest.approx(np.mean([(p - v) ** 2 for p, v in pairs]))
    assert (figures.n, [each.n for each in figures.bins]) == (480, [32] * N_BINS)
    assert figures.predicted == pytest.approx(np.mean([p for p, _ in pairs]))
    assert figures.visible == pytest.approx(np.mean([v for _, v in pairs]))


def test_only_2_is_visible() -> None:
    figures = calibration(matched_animals(np.full((1, 4), 0.75), np.array([[0, 1, 2, 2]])))
    assert (figures.n, figures.visible, figures.error) == (4, 0.5, 0.25)
    assert figures.brier_score == pytest.approx((2 * 0.75**2 + 2 * 0.25**2) / 4)


@given(st.data())
def test_the_order_of_keypoints_changes_nothing(data: st.DataObject) -> None:
    """Also where many predictions are equal, which then share a bin."""
    n = data.draw(st.integers(1, 60))
    predicted = np.array(data.draw(st.lists(st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0]), min_size=n, max_size=n)))
    labels = np.array(data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)))
    order = np.array(data.draw(st.permutations(range(n))))
    figures = calibration(matched_animals(predicted[None], labels[None]))
    turned = calibration(matched_animals(predicted[None, order], labels[None, order]))
    assert [each.n for each in turned.bins] == [each.n for each in figures.bins]
    assert turned.error == pytest.approx(figures.error)
    assert sum(each.n for each in figures.bins) == n
    means = [each.predicted for each in figures.bins]
    assert means == sorted(means)
    assert len(means) <= min(N_BINS, len(set(predicted.tolist())))
    assert all(0 <= value <= 1 for value in (figures.error, figures.error_equal_width, figures.brier_score))


def test_one_keypoint_is_a_bin() -> None:
    figures = calibration(matched_animals(np.array([[1.0]]), np.array([[2]])))
    assert (figures.error, figures.error_by_chance, figures.brier_score) == (0, 0, 0)
    assert [each.n for each in figures.bins] == [1]


def test_true_probabilities_err_by_chance_alone() -> None:
    random = np.random.default_rng(0)
    predicted = random.beta(3, 1, (20, 24))
    figures = [
        calibration(matched_animals(predicted, np.where(random.uniform(size=(20, 24)) < predicted, 2, 1)))
        for _ in range(300)
    ]
    assert np.mean([each.error for each in figures]) == pytest.approx(figures[0].error_by_chance, rel=0.05)
    first = [each.bins[0].visible for each in figures]
    assert np.std(first) == pytest.approx(figures[0].bins[0].chance, rel=0.15)
    overconfident = calibration(
        matched_animals(predicted, np.where(random.uniform(size=(20, 24)) < predicted**3, 2, 1))
    )
    assert overconfident.error > 3 * overconfident.error_by_chance
    assert overconfident.predicted > overconfident.visible


def test_nothing_matched_is_nothing() -> None:
    figures = calibration(MatchedAnimals.joined([], n_keypoints=3))
    assert (figures.n, figures.bins) == (0, ())
    assert np.isnan([figures.error, figures.error_by_chance, figures.error_equal_width, figures.brier_score]).all()


def test_keypoints_of_animals_that_are_not_matched_do_not_count(
    mouse: Skeleton, animal: Callable[..., Any], image: Callable[..., Any], predicted: Callable[..., Any]
) -> None:
    found = Instances(
        np.array([[[10, 20], [30, 20]], [[150, 90], [160, 90]]], float),
        np.array([[0.7, 0.4], [0.1, 0.1]]),
        np.array([0.9, 0.8]),
    )
    labeled = image(animal((10, 20, 2), (30, 20, 1)), animal((60, 60, 2), (80, 60, 2)))
    evaluation = score_predictions(predicted([found], [labeled]), mouse)
    figures = evaluation.calibration
    assert (figures.n, figures.predicted, figures.visible) == (2, pytest.approx(0.55), 0.5)
    assert figures.error == pytest.approx((0.4 + 0.3) / 2)
    content = evaluation.to_dict()["calibration"]
    assert content["error"] == figures.error
    assert [each["n"] for each in content["bins"]] == [1, 1]
