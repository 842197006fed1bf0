"""Sizes of animals."""

import numpy as np
import pytest

from poetlab.skeleton import Skeleton
from poetlab.tracking.motion import Observed
from poetlab.tracking.sizes import SizeRecord, calibrate, evidence

SKELETON = Skeleton("worm", ("head", "middle", "tail"), edges=(("head", "middle"), ("middle", "tail")))


def worms(lengths: np.ndarray, bend: np.ndarray | float = 0.0) -> Observed:
    """Worms whose first bone is half as long as they are; the second one varies by `bend` besides."""
    position = np.zeros((len(lengths), 3, 2))
    position[:, 1, 0] = lengths / 2
    position[:, 2, 0] = lengths + bend
    return Observed(position, np.ones((len(lengths), 3)))


def test_a_size_is_the_logarithm_of_the_relative_length() -> None:
    meter = calibrate(worms(np.full(10, 2.0)), SKELETON)
    np.testing.assert_allclose(meter.measure(worms(np.array([2.0, 2.2, 1.0]))), np.log([1, 1.1, 0.5]))


def test_a_bone_that_varies_counts_less() -> None:
    rng = np.random.default_rng(0)
    meter = calibrate(worms(rng.normal(2, 0.02, 200), bend=rng.normal(0, 0.3, 200)), SKELETON)
    assert meter.trust[0] > 50 * meter.trust[1]


def test_too_little_seen_has_no_size() -> None:
    meter = calibrate(worms(np.full(10, 2.0)), SKELETON)
    hidden = Observed(worms(np.array([2.0])).position, np.array([[1.0, 0, 1]]))
    assert np.isnan(meter.measure(hidden)).all()


def record(rng: np.random.Generator, size: float, seconds: float) -> np.ndarray:
    """Sums of noisy sizes at 25 frames a second."""
    sizes = SizeRecord()
    for time in np.arange(0, seconds, 0.04):
        sizes.add(float(time), float(rng.normal(size, 0.03)))
    sizes.add(seconds, np.nan)
    return sizes.sums


def test_animals_of_different_sizes_are_told_apart_the_better_the_longer_they_are_seen() -> None:
    rng = np.random.default_rng(1)
    large, small = [record(rng, 0.015, 20) for _ in range(3)], [record(rng, -0.015, 20) for _ in range(3)]
    sums = np.stack([*large, *small, record(rng, -0.015, 0.2)])
    same, different, short, unknown = evidence(
        np.array([0, 0, 0, 0]), np.array([1, 3, 6, 7]), np.vstack([sums, np.zeros(5)])
    )
    assert same < 0 < short < different
    assert unknown == 0


def test_animals_of_one_size_are_not_told_apart() -> None:
    rng = np.random.default_rng(2)
    sums = np.stack([record(rng, 0.0, 20) for _ in range(6)])
    one, other = np.triu_indices(6, 1)
    assert np.abs(evidence(one, other, sums)).max() < 1


def test_sums_are_those_of_the_sizes() -> None:
    sizes = SizeRecord()
    for time, size in ((0.0, 1.0), (0.5, 2.0), (1.2, 4.0), (3.0, 5.0)):
        sizes.add(time, size)
    assert sizes.sums.tolist() == [4, 12, 2, 1.5 + 4, pytest.approx(1.5**2 + 16)]
