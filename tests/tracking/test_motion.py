"""The filter against matrices written out."""

import numpy as np
import pytest

from poetlab.tracking.motion import PERSISTENCE, Observed, correct, mismatch, predict, start

SPREAD = np.array([0.05, 0.05])
SPEED = 2.0


def still(*places: tuple[float, float]) -> Observed:
    position = np.array([places], dtype=float)
    return Observed(position, np.ones(position.shape[:2]))


def by_small_steps(state: np.ndarray, covariance: np.ndarray, seconds: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Place and velocity of dx = v dt, dv = -v dt / tau + noise, by Euler's rule."""
    dt = seconds / n
    step = np.array([[1, dt], [0, 1 - dt / PERSISTENCE]])
    noise = np.diag([0, 2 * SPEED**2 / PERSISTENCE * dt])
    for _ in range(n):
        state, covariance = step @ state, step @ covariance @ step.T + noise
    return state, covariance


@pytest.mark.parametrize("seconds", [0.01, 0.04, 0.5, 3.0])
def test_a_prediction_is_that_of_the_random_process(seconds: float) -> None:
    motion = start(still((1, 2), (3, 4)), SPREAD, SPEED)
    motion = correct(predict(motion, 0.1, SPEED), still((1.2, 2), (3.2, 4)), SPREAD)
    found = predict(motion, seconds, SPEED)
    pp, pv, vv = motion.variance[0, 0]
    state = np.array([motion.position[0, 0], motion.velocity[0, 0]])
    expected, covariance = by_small_steps(state, np.array([[pp, pv], [pv, vv]]), seconds, 4000)
    np.testing.assert_allclose([found.position[0, 0], found.velocity[0, 0]], expected, atol=1e-3)
    np.testing.assert_allclose(found.variance[0, 0], covariance[[0, 0, 1], [0, 1, 1]], rtol=0.01, atol=1e-4)


def test_a_correction_of_agreeing_keypoints_is_kalmans() -> None:
    motion = predict(start(still((1, 2), (3, 4)), SPREAD, SPEED), 0.1, SPEED)
    found = correct(motion, still((1.1, 2), (3.1, 4)), SPREAD)  # both deviate alike, so neither counts less
    pp, pv, vv = motion.variance[0, 0]
    covariance = np.array([[pp, pv], [pv, vv]])
    gain = covariance[:, :1] / (pp + SPREAD[0] ** 2)
    np.testing.assert_allclose([found.position[0, 0, 0], found.velocity[0, 0, 0]], [1, 0] + gain[:, 0] * 0.1)
    left = covariance - gain @ covariance[:1]
    np.testing.assert_allclose(found.variance[0, 0], left[[0, 0, 1], [0, 1, 1]])


def test_a_missing_keypoint_goes_on_with_the_body_and_a_new_one_begins() -> None:
    motion = start(Observed(np.array([[[1.0, 2], [3, 4], [0, 0]]]), np.array([[1.0, 1, 0]])), np.full(3, 0.05), SPEED)
    seen = Observed(np.array([[[1.5, 2], [0, 0], [7, 8]]]), np.array([[1.0, 0, 1]]))
    found = correct(predict(motion, 0.2, SPEED), seen, np.full(3, 0.05))
    assert found.seen.tolist() == [[True, True, True]]
    assert found.position[0, 2].tolist() == [7, 8]
    shift = found.position[0, 0] - [1, 2]
    np.testing.assert_allclose(found.position[0, 1], np.array([3, 4]) + shift)
    assert shift[0] > 0.3


def test_a_match_is_perfect_where_nothing_deviates_and_impossible_without_a_common_keypoint() -> None:
    motion = start(still((1, 2), (3, 4)), SPREAD, SPEED)
    (cost,), (distance,) = mismatch(motion, still((1, 2), (3, 4)), SPREAD)
    assert (cost, distance) == (pytest.approx(np.log(2)), 0)  # the price of the start's own uncertainty
    blind = Observed(np.zeros((1, 2, 2)), np.zeros((1, 2)))
    (cost,), (distance,) = mismatch(motion, blind, SPREAD)
    assert (cost, distance) == (np.inf, np.inf)
    (near,), _ = mismatch(motion, still((1.1, 2), (3, 4)), SPREAD)
    (far,), _ = mismatch(motion, still((1.4, 2), (3, 4)), SPREAD)
    assert np.log(2) < near < far
