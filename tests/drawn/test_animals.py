"""Tests of the drawn animal's body."""

import numpy as np
import pytest

from poetlab.drawn.animals import HALF_WIDTHS, LIZARD, SPINE, Bodies, bodies_on
from poetlab.drawn.motion import wander
from poetlab.drawn.scenario import Scenario
from poetlab.skeleton import infer_symmetries

FPS = 25.0
SPEED = 1.5


@pytest.fixture(scope="module")
def bodies() -> Bodies:
    rng = np.random.default_rng(4)
    walk = wander(rng, n_frames=1500, n_animals=3, size=(128, 128), fps=FPS, scenario=Scenario(speed=SPEED))
    return bodies_on(walk, rng)


def point(bodies: Bodies, name: str) -> np.ndarray:
    return bodies.keypoints[:, :, LIZARD.keypoints.index(name)]


@pytest.mark.parametrize(
    ("pair", "rear", "front"),
    [
        ("eye", "neck", "snout"),
        ("front_paw", "mid_body", "neck"),
        ("hind_paw", "tail_base", "mid_body"),
    ],
)
def test_left_is_on_the_animals_left_seen_from_above(bodies, pair, rear, front):
    heading = point(bodies, front) - point(bodies, rear)
    for side, sign in (("left", 1), ("right", -1)):
        aside = point(bodies, f"{side}_{pair}") - point(bodies, rear)
        # With y down, an animal that heads up, (0, -1), has its left at (-1, 0).
        leftness = aside[..., 0] * heading[..., 1] - aside[..., 1] * heading[..., 0]
        assert (sign * leftness > 0).all()


def test_symmetries_follow_the_names():
    assert infer_symmetries(LIZARD.keypoints) == LIZARD.symmetries


def test_snout_to_tail_base_is_one_length_but_for_bends(bodies):
    chord = np.linalg.norm(point(bodies, "snout") - point(bodies, "tail_base"), axis=-1) / bodies.lengths
    assert chord.max() < 1.05
    assert chord.min() > 0.6


def test_motion_is_continuous(bodies):
    steps = np.linalg.norm(np.diff(bodies.keypoints, axis=0), axis=-1) / bodies.lengths[:, None]
    assert steps.max() < 5 * SPEED / FPS
    trunk = [LIZARD.keypoints.index(name) for name in ("snout", "neck", "mid_body", "tail_base")]
    assert steps[:, :, trunk].max() < 1.5 * SPEED / FPS


def test_paws_rest_on_the_ground_while_the_body_goes_straight_on(bodies):
    forward = point(bodies, "neck") - point(bodies, "tail_base")
    turns = np.diff(np.unwrap(np.arctan2(forward[..., 1], forward[..., 0]), axis=0), axis=0)
    body = np.linalg.norm(np.diff(point(bodies, "mid_body"), axis=0), axis=-1)
    straight = (body > 0.5 * SPEED / FPS * bodies.lengths) & (np.abs(turns) < 0.02)
    assert straight.sum() > 300
    for name in ("left_front_paw", "right_front_paw", "left_hind_paw", "right_hind_paw"):
        paw = np.linalg.norm(np.diff(point(bodies, name), axis=0), axis=-1)
        resting = (paw < 0.5 * body)[straight]
        assert 0.4 < resting.mean() < 0.7


def test_front_paws_take_turns(bodies):
    trunk = point(bodies, "neck") - point(bodies, "mid_body")
    trunk /= np.linalg.norm(trunk, axis=-1, keepdims=True)
    ahead = {
        side: ((point(bodies, f"{side}_front_paw") - point(bodies, "mid_body")) * trunk).sum(axis=-1)
        for side in ("left", "right")
    }
    correlation = np.corrcoef(ahead["left"].ravel(), ahead["right"].ravel())[0, 1]
    assert correlation < -0.5


def test_vectors_across_the_spine_are_unit_and_perpendicular(bodies):
    np.testing.assert_allclose(np.linalg.norm(bodies.left, axis=-1), 1)
    along = bodies.spine[:, :, :-1] - bodies.spine[:, :, 1:]
    np.testing.assert_allclose((along * bodies.left[:, :, 1:]).sum(axis=-1), 0, atol=1e-9)


def test_eyes_and_spine_points_lie_within_the_outline(bodies):
    for name in ("left_eye", "right_eye"):
        apart = np.linalg.norm(bodies.spine - point(bodies, name)[:, :, None], axis=-1)
        nearest = apart.argmin(axis=-1)
        reach = HALF_WIDTHS[nearest] * bodies.lengths
        assert (np.take_along_axis(apart, nearest[..., None], axis=-1)[..., 0] < reach).all()
    assert len(HALF_WIDTHS) == len(SPINE)
    assert (HALF_WIDTHS > 0).all()
