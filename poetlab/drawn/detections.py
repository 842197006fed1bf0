"""What a network finds of drawn animals, faults and all, without any picture: for tests of tracking."""

from dataclasses import dataclass

import numpy as np

from poetlab.drawn.animals import LIZARD, bodies_on
from poetlab.drawn.darting import BEETLE, dart
from poetlab.drawn.motion import wander
from poetlab.drawn.scenario import Scenario
from poetlab.poses import Instances
from poetlab.skeleton import Skeleton

FALSE = -1
"""Identity of a false detection."""


@dataclass(frozen=True, eq=False)
class DrawnAnimals:
    """Where drawn animals are; the animal axis is the identity.

    Attributes:
        skeleton: Names of the keypoint axis.
        keypoints: (frames, animals, k, 2) pixels; NaN out of the picture.
        times: (frames,) seconds.
        body_length: Pixels from one end of an animal to the other.
        size: (height, width) of the picture in pixels.
    """

    skeleton: Skeleton
    keypoints: np.ndarray
    times: np.ndarray
    body_length: float
    size: tuple[int, int]


@dataclass(frozen=True)
class Faults:
    """How a network fails. Defaults: not at all.

    Attributes:
        missed: Probability that it misses an animal, in each frame anew.
        false: False detections anywhere in the picture, as a part of all detections.
        noise: Standard deviation of each coordinate in pixels.
        duplicates: Probability that it finds an animal twice, the second time with the same noise again.
        missing_keypoints: Probability that a keypoint is not found (NaN).
        hidden_seconds: Longest time for which it sees only one of two animals that touch; 0 for never.
        touch: Body lengths between the middles of two animals that touch.
    """

    missed: float = 0.0
    false: float = 0.0
    noise: float = 0.0
    duplicates: float = 0.0
    missing_keypoints: float = 0.0
    hidden_seconds: float = 0.0
    touch: float = 0.5


@dataclass(frozen=True, eq=False)
class DrawnDetections:
    """Detections with known identities.

    Attributes:
        animals: The truth.
        frames: One `Instances` a frame.
        identities: (detections,) the animal of each, in the order of frames; `FALSE` for none.
    """

    animals: DrawnAnimals
    frames: tuple[Instances, ...]
    identities: np.ndarray


def wandering_animals(
    seed: int, *, n_frames: int, n_animals: int, size: tuple[int, int], fps: float, scenario: Scenario
) -> DrawnAnimals:
    """The lizards of drawn videos: smooth paths; they cross, touch and, with enough roaming, leave the picture."""
    rng = np.random.default_rng(seed)
    walk = wander(rng, n_frames=n_frames, n_animals=n_animals, size=size, fps=fps, scenario=scenario)
    length = 2 * scenario.body_length * min(size)  # the tail is as long as the body
    return DrawnAnimals(LIZARD, _in_picture(bodies_on(walk, rng).keypoints, size), walk.times, length, size)


def darting_animals(
    seed: int,
    *,
    n_frames: int,
    n_animals: int,
    size: tuple[int, int],
    fps: float,
    body_length: float,
    top_speed: float = 6.0,
    sociability: float = 0.5,
) -> DrawnAnimals:
    """Stiff beetles, all alike, that start, stop and turn suddenly and touch much."""
    keypoints = dart(
        np.random.default_rng(seed),
        n_frames=n_frames,
        n_animals=n_animals,
        size=size,
        fps=fps,
        body_length=body_length,
        top_speed=top_speed,
        sociability=sociability,
    )
    return DrawnAnimals(BEETLE, _in_picture(keypoints, size), np.arange(n_frames) / fps, body_length, size)


def detect(animals: DrawnAnimals, faults: Faults, seed: int) -> DrawnDetections:
    """Find drawn animals as a network with these faults does; an animal with fewer than 2 keypoints is not found."""
    rng = np.random.default_rng(seed)
    is_found = np.isfinite(animals.keypoints).all(-1).sum(-1) >= 2
    is_found &= rng.random(is_found.shape) >= faults.missed
    is_found &= ~_hidden(animals, faults, rng)
    frames, identities = [], []
    for keypoints, found in zip(animals.keypoints, is_found, strict=True):
        here = np.flatnonzero(found)
        here = np.concatenate([here, here[rng.random(len(here)) < faults.duplicates]])
        n_false = rng.poisson(faults.false / (1 - faults.false) * len(keypoints))
        poses = np.concatenate([keypoints[here], _false_poses(animals, n_false, rng)])
        poses = poses + rng.normal(0, faults.noise, poses.shape)
        poses[rng.random(poses.shape[:2]) < faults.missing_keypoints] = np.nan
        scores = np.concatenate([rng.uniform(0.6, 1, len(here)), rng.uniform(0.5, 0.9, n_false)])
        order = np.argsort(-scores)
        visibility = np.isfinite(poses[..., 0]) * 0.9
        frames.append(Instances(poses, visibility, scores).take(order))
        identities.append(np.concatenate([here, np.full(n_false, FALSE)])[order])
    return DrawnDetections(animals, tuple(frames), np.concatenate(identities))


def _in_picture(keypoints: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The keypoints, NaN where they are out of the picture."""
    last = np.array([size[1] - 1, size[0] - 1])
    inside = np.all((keypoints >= 0) & (keypoints <= last), axis=-1, keepdims=True)
    return np.where(inside, keypoints, np.nan)


def _hidden(animals: DrawnAnimals, faults: Faults, rng: np.random.Generator) -> np.ndarray:
    """(frames, animals) whether an animal cannot be seen because it touches another one."""
    n_frames, n_animals = animals.keypoints.shape[:2]
    hidden = np.zeros((n_frames, n_animals), bool)
    if not faults.hidden_seconds:
        return hidden
    known = np.isfinite(animals.keypoints)
    middles = np.where(known, animals.keypoints, 0).sum(2) / np.maximum(known.sum(2), 1)
    middles[~known.any((2, 3))] = np.nan
    interval = animals.times[1] - animals.times[0]
    for one in range(n_animals):
        for other in range(one):
            near = np.linalg.norm(middles[:, one] - middles[:, other], axis=1) < faults.touch * animals.body_length
            for begin in np.flatnonzero(near[1:] & ~near[:-1]) + 1:
                n_hidden = int(rng.uniform(0, faults.hidden_seconds) / interval)
                hidden[begin : begin + n_hidden, one if rng.random() < 0.5 else other] = True
    return hidden


def _false_poses(animals: DrawnAnimals, n: int, rng: np.random.Generator) -> np.ndarray:
    """(n, k, 2) poses that some animal has at some time, turned around and put anywhere."""
    poses = np.empty((n, *animals.keypoints.shape[2:]))
    for number in range(n):
        frame, animal = rng.integers(animals.keypoints.shape[0]), rng.integers(animals.keypoints.shape[1])
        pose = animals.keypoints[frame, animal]
        middle = np.nan_to_num(pose).mean(0)
        angle = rng.uniform(0, 2 * np.pi)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        poses[number] = (pose - middle) @ turn.T + rng.uniform(0, 1, 2) * (animals.size[1], animals.size[0])
    return poses
