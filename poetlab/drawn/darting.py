"""Stiff animals that dart: sudden starts, stops and turns on the spot, with much touching; hard to keep apart."""

import numpy as np

from poetlab.skeleton import Skeleton

BEETLE = Skeleton(
    name="drawn-beetle",
    keypoints=("head", "thorax", "abdomen", "left_wing", "right_wing", "left_leg", "right_leg"),
    edges=(("head", "thorax"), ("thorax", "abdomen"), ("abdomen", "left_wing"), ("abdomen", "right_wing")),
    symmetries=(("left_wing", "right_wing"), ("left_leg", "right_leg")),
)

_SHAPE = np.array([[0.45, 0], [0.2, 0], [-0.2, 0], [-0.5, -0.14], [-0.5, 0.14], [0.15, -0.3], [0.15, 0.3]])
"""(k, 2) body lengths, forward and to the right of the middle."""

_CHANGES = 2.0
_RESPONSE = 0.08
_FULL_TURN = 12.0
_LEGS_SWAY = 0.06
_BODY_WIDTH = 0.35


def dart(
    rng: np.random.Generator,
    *,
    n_frames: int,
    n_animals: int,
    size: tuple[int, int],
    fps: float,
    body_length: float,
    top_speed: float = 6.0,
    sociability: float = 0.5,
) -> np.ndarray:
    """Let animals dart about in a picture of `size` (height, width) pixels.

    Args:
        rng: Source of everything that is random.
        n_frames: Number of frames.
        n_animals: Number of animals, all of the same shape and size.
        size: (height, width) in pixels.
        fps: Frames a second.
        body_length: Pixels.
        top_speed: Body lengths a second.
        sociability: Probability (0 to 1) that an animal's next goal is another animal.

    Returns:
        (frames, animals, k, 2) pixels, in the order of `BEETLE`.
    """
    corner = np.array([size[1], size[0]], dtype=float)
    position = rng.uniform(0.1, 0.9, (n_animals, 2)) * corner
    heading = rng.uniform(-np.pi, np.pi, n_animals)
    speed, wanted, strides = np.zeros((3, n_animals))
    goal = position.copy()
    poses = np.empty((n_frames, n_animals, len(_SHAPE), 2))
    for frame in range(n_frames):
        change = rng.random(n_animals) < _CHANGES / fps
        wanted = np.where(change, top_speed * body_length * rng.choice([0, 0.3, 1], n_animals), wanted)
        social = (rng.random(n_animals) < sociability)[:, None]
        companion = position[rng.permutation(n_animals)] + rng.normal(0, 0.3 * body_length, (n_animals, 2))
        places = np.where(social, companion, rng.uniform(0.05, 0.95, (n_animals, 2)) * corner)
        goal = np.where(change[:, None], places, goal)
        toward = goal - position
        turn = (np.arctan2(toward[:, 1], toward[:, 0]) - heading + np.pi) % (2 * np.pi) - np.pi
        heading = heading + np.clip(turn, -_FULL_TURN / fps, _FULL_TURN / fps)
        far = np.linalg.norm(toward, axis=1)
        speed = speed + (np.minimum(wanted, 5 * far) - speed) * (1 - np.exp(-1 / fps / _RESPONSE))
        ahead = np.stack([np.cos(heading), np.sin(heading)], axis=-1)
        position = _apart(position + speed[:, None] / fps * ahead, _BODY_WIDTH * body_length)
        position = np.clip(position, 0.03 * corner, 0.97 * corner)
        strides += speed / fps / body_length
        poses[frame] = position[:, None] + body_length * _shape(ahead, strides)
    return poses


def _apart(position: np.ndarray, least: float) -> np.ndarray:
    """(animals, 2) the places after animals nearer than `least` pixels have pushed each other away."""
    between = position[:, None] - position
    distance = np.maximum(np.linalg.norm(between, axis=-1), 1e-6)
    push = np.maximum(least - distance, 0) / 2 * (1 - np.eye(len(position)))
    return np.asarray(position + (between / distance[..., None] * push[..., None]).sum(1))


def _shape(ahead: np.ndarray, strides: np.ndarray) -> np.ndarray:
    """(animals, k, 2) body lengths from the middle, of animals that look `ahead` and have run so many body lengths."""
    shape = np.repeat(_SHAPE[None], len(ahead), axis=0)
    sway = _LEGS_SWAY * np.sin(2 * np.pi * 2 * strides)
    shape[:, -2, 0] += sway
    shape[:, -1, 0] -= sway
    aside = np.stack([-ahead[:, 1], ahead[:, 0]], axis=-1)
    return np.asarray(shape[..., :1] * ahead[:, None] + shape[..., 1:] * aside[:, None])
