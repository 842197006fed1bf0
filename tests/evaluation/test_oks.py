"""OKS equals brute force."""

import math

import numpy as np
import pytest

from poetlab.evaluation.oks import object_keypoint_similarity

NAN = float("nan")


def test_similarity_is_that_of_the_definition() -> None:
    random = np.random.default_rng(0)
    n, m, k = 4, 5, 6
    sigmas = random.uniform(0.02, 0.1, k)
    labels = np.dstack([random.uniform(0, 100, (m, k, 2)), random.integers(0, 3, (m, k))])
    labels[labels[..., 2] == 0, :2] = NAN
    labels[0] = [NAN, NAN, 0]
    predicted = labels[[1, 2, 3, 4], :, :2] + random.normal(0, 4, (n, k, 2))
    predicted[np.isnan(predicted)] = 50
    areas = random.uniform(500, 9000, m)
    found = object_keypoint_similarity(predicted, labels, areas, sigmas)
    for i in range(n):
        for j in range(m):
            terms = [
                math.exp(-((px - x) ** 2 + (py - y) ** 2) / (2 * areas[j] * (2 * sigma) ** 2))
                for (px, py), (x, y, v), sigma in zip(predicted[i], labels[j], sigmas, strict=True)
                if v > 0
            ]
            expected = sum(terms) / len(terms) if terms else 0.0
            assert found[i, j] == pytest.approx(expected, rel=1e-9, abs=1e-300)
    assert (found.diagonal(1) > 0.1).all()


def test_similarity_is_1_where_a_prediction_is_perfect() -> None:
    labels = np.array([[[10.0, 20, 2], [30, 20, 1]]])
    found = object_keypoint_similarity(labels[..., :2], labels, np.array([400.0]), (0.05, 0.1))
    assert found.tolist() == [[1.0]]
