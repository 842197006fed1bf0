"""Tests of how drawn animals get about."""

import numpy as np
import pytest

from poetlab.drawn.motion import Walk, wander
from poetlab.drawn.scenario import Scenario

SIZE = (120, 160)


def walk_of(seed: int, *, n_frames: int = 1000, n_animals: int = 4, fps: float = 25.0, **habits: float) -> Walk:
    scenario = Scenario(**habits)
    rng = np.random.default_rng(seed)
    return wander(rng, n_frames=n_frames, n_animals=n_animals, size=SIZE, fps=fps, scenario=scenario)


def snouts(walk: Walk) -> np.ndarray:
    return walk.behind(np.zeros(1))[:, :, 0]


@pytest.mark.parametrize("fps", [2.0, 25.0, 100.0])
def test_no_animal_is_faster_than_its_top_speed_and_all_move(fps):
    walk = walk_of(0, fps=fps, speed=1.5)
    steps = np.linalg.norm(np.diff(snouts(walk), axis=0), axis=-1) * fps / walk.lengths
    assert steps.max() <= 1.5 * (1 + 1e-9)
    assert (steps.mean(axis=0) > 0.3).all()


def test_animals_pause():
    walk = walk_of(0)
    assert (np.diff(walk.travelled, axis=0) == 0).any(axis=0).all()


def test_speed_zero_stands_still():
    assert np.ptp(snouts(walk_of(0, n_frames=20, speed=0.0)), axis=0).max() == 0


def test_times_are_frames_over_fps():
    np.testing.assert_allclose(walk_of(0, n_frames=5, fps=10.0).times, [0, 0.1, 0.2, 0.3, 0.4])


def test_the_body_is_where_the_snout_was():
    walk = walk_of(1)
    now, animal = 500, 2
    along = walk.travelled[:, animal]
    then = int(np.searchsorted(along, along[now] - 1.3 * walk.lengths[animal]))
    ago = (along[now] - along[then]) / walk.lengths[animal]
    was = snouts(walk)[then, animal]
    assert 0 < then < now
    np.testing.assert_allclose(walk.behind(np.array([ago]))[now, animal, 0], was, atol=1e-9)


def test_no_curve_is_sharper_than_half_a_body_lengths_radius():
    walk = walk_of(2)
    moves = np.diff(walk.path, axis=0)
    strides = np.linalg.norm(moves, axis=-1)
    headings = np.unwrap(np.arctan2(moves[..., 1], moves[..., 0]), axis=0)
    moving = (strides[1:] > 0) & (strides[:-1] > 0)
    turns = np.abs(np.diff(headings, axis=0))[moving]
    per_body_length = turns / (strides[1:] / walk.lengths)[moving]
    assert per_body_length.max() < 2.02


def test_negative_roaming_keeps_the_animals_in_the_picture():
    points = snouts(walk_of(3, n_frames=3000))
    inside = ((points >= 0) & (points <= (SIZE[1] - 1, SIZE[0] - 1))).all(axis=-1)
    assert inside.mean() > 0.97


def test_roaming_animals_leave_the_picture_and_come_back():
    walk = walk_of(3, n_frames=3000, roaming=2.0)
    bodies = walk.behind(np.linspace(0, 2, 21))
    inside = ((bodies >= 0) & (bodies <= (SIZE[1] - 1, SIZE[0] - 1))).all(axis=-1).any(axis=-1)
    returns = (np.diff(inside.astype(int), axis=0) == 1).sum(axis=0)
    assert (returns >= 2).all()
    assert inside.mean() > 0.3


def test_sociable_animals_meet_more_often():
    def closeness(sociability: float) -> float:
        together = []
        for seed in range(10):
            points = snouts(walk_of(seed, n_animals=2, roaming=1.0, sociability=sociability))
            together.append(np.linalg.norm(points[:, 0] - points[:, 1], axis=-1) < 30)
        return float(np.mean(together))

    assert closeness(1.0) > 1.5 * closeness(0.0)


def test_a_lone_animal_and_none_can_wander():
    assert snouts(walk_of(0, n_animals=1, sociability=1.0)).shape == (1000, 1, 2)
    assert snouts(walk_of(0, n_animals=0)).shape == (1000, 0, 2)
