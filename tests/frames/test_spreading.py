"""Choosing what is apart: in time, and in features."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from poetlab.frames.farthest import farthest_points
from poetlab.frames.spreading import spread_in_time


def test_the_best_frame_is_taken_and_its_neighbors_are_not() -> None:
    values = np.zeros(100)
    values[50:60] = [5, 6, 7, 8, 9, 10, 9, 8, 7, 6]
    values[90] = 1
    assert spread_in_time(values, np.arange(100), 2).tolist() == [55, 90]


def test_frames_that_are_taken_keep_others_away() -> None:
    values = np.array([0.0, 1, 5, 1, 0, 0, 0, 0, 3, 0])
    assert spread_in_time(values, np.arange(10), 1, taken=[2]).tolist() == [8]


@given(
    st.lists(st.floats(-10, 10), min_size=1, max_size=60),
    st.integers(1, 70),
    st.sets(st.integers(0, 200), max_size=20),
)
def test_there_are_always_as_many_as_wanted(values: list[float], n: int, taken: set[int]) -> None:
    frames = 3 * np.arange(len(values))
    chosen = spread_in_time(np.array(values), frames, n, taken)
    assert len(chosen) == len(set(chosen.tolist())) == min(n, len(values))
    if not taken:
        assert values[chosen[0]] == max(values)


def test_the_distance_is_as_large_as_there_is_room() -> None:
    chosen = spread_in_time(np.random.default_rng(0).random(1000), np.arange(1000), 10)
    assert np.diff(np.sort(chosen)).min() >= 25


@given(st.integers(1, 30), st.integers(1, 40), st.integers(0, 1000))
def test_each_next_point_is_the_farthest_by_brute_force(n_points: int, n: int, seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(n_points, 3)).astype(np.float32)
    chosen = farthest_points(points, n, [0])
    assert len(chosen) == len(set(chosen)) == min(n, n_points)
    for step in range(1, len(chosen)):
        left = sorted(set(range(n_points)) - set(chosen[:step]))
        nearest = {place: min(np.linalg.norm(points[place] - points[one]) for one in chosen[:step]) for place in left}
        assert nearest[chosen[step]] == max(nearest.values())


def test_equal_points_are_not_taken_twice() -> None:
    assert sorted(farthest_points(np.zeros((4, 2)), 4, [2])) == [0, 1, 2, 3]
