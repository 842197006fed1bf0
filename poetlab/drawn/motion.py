"""How drawn animals get about: smooth paths from goal to goal, with pauses, now and then to one another."""

from dataclasses import dataclass

import numpy as np

from poetlab.drawn.scenario import Scenario

# Lengths are in body lengths.
_STEP = 0.05
_HISTORY = 3.0
_SHARPEST_CURVE = 2.0
_REACHED = 0.7
_PATIENCE = 4.0


@dataclass(frozen=True, eq=False)
class Walk:
    """The paths of several animals' snouts, and how far along it each animal is in each frame.

    Attributes:
        times: (frames,) seconds.
        lengths: (animals,) pixels from snout to tail base.
        path: (points, animals, 2) pixels (x, y); begins before the first frame.
        distances: (points, animals) pixels along the path, from its beginning.
        travelled: (frames, animals) pixels along the path, from its beginning.
    """

    times: np.ndarray
    lengths: np.ndarray
    path: np.ndarray
    distances: np.ndarray
    travelled: np.ndarray

    def behind(self, body_lengths: np.ndarray) -> np.ndarray:
        """Where the animals were so many body lengths (m,) ago: (frames, animals, m, 2) pixels.

        A body that follows its snout along the path bends as an animal does that turns.
        """
        points = np.empty((*self.travelled.shape, len(body_lengths), 2))
        for animal, length in enumerate(self.lengths):
            wanted = self.travelled[:, animal, None] - body_lengths * length
            for axis in range(2):
                along = np.interp(wanted.ravel(), self.distances[:, animal], self.path[:, animal, axis])
                points[:, animal, :, axis] = along.reshape(wanted.shape)
        return points


def wander(
    rng: np.random.Generator, *, n_frames: int, n_animals: int, size: tuple[int, int], fps: float, scenario: Scenario
) -> Walk:
    """Let animals wander in and around a picture of `size` (height, width) pixels for `n_frames` frames."""
    spread = scenario.length_spread
    typical_length = scenario.body_length * min(size)
    lengths = typical_length * rng.uniform(1 - spread, 1 + spread, n_animals)
    times = np.arange(n_frames) / fps
    speeds = _speeds(rng, times, n_animals) * scenario.speed

    n_between = max(1, int(np.ceil(scenario.speed / fps / _STEP)))
    n_before = int(np.ceil(_HISTORY / _STEP))
    before = np.full((n_before, n_animals), _STEP)
    during = np.repeat(speeds[1:] / fps / n_between, n_between, axis=0)
    strides = np.concatenate([before, during]) * lengths

    path = _walk(rng, strides, lengths, _arena(size, typical_length * scenario.roaming), scenario.sociability)
    distances = np.concatenate([np.zeros((1, n_animals)), np.cumsum(strides, axis=0)])
    return Walk(times, lengths, path, distances, travelled=distances[n_before::n_between])


def _speeds(rng: np.random.Generator, times: np.ndarray, n_animals: int) -> np.ndarray:
    """(frames, animals) parts of the top speed: waves of several seconds, cut off at rest and at full speed."""
    periods = rng.uniform(2, 11, (4, n_animals))
    phases = rng.uniform(0, 2 * np.pi, (4, n_animals))
    waves = np.sin(2 * np.pi * times[:, None, None] / periods + phases)
    return np.clip(0.5 + 0.35 * waves.sum(axis=1), 0, 1)


def _arena(size: tuple[int, int], margin: float) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest (x, y) of a goal; shrinks to the picture's center at most."""
    corner = np.array([size[1] - 1.0, size[0] - 1.0])
    low = np.minimum(-margin, corner / 2)
    return low, corner - low


def _walk(
    rng: np.random.Generator,
    strides: np.ndarray,
    lengths: np.ndarray,
    arena: tuple[np.ndarray, np.ndarray],
    sociability: float,
) -> np.ndarray:
    """Steer each animal toward its goal, in curves no sharper than it can bend: (points, animals, 2) pixels."""
    n_animals = len(lengths)
    position = rng.uniform(arena[0], arena[1], (n_animals, 2))
    heading = rng.uniform(-np.pi, np.pi, n_animals)
    curvature = np.zeros(n_animals)
    goal = position.copy()
    patience = np.zeros(n_animals)
    path = [position]
    for stride in strides:
        toward = goal - position
        patience = patience - stride
        over = (np.hypot(*toward.T) < _REACHED * lengths) | (patience < 0)
        if over.any():
            goal[over] = _choose_goals(rng, position, arena, sociability)[over]
            patience[over] = _PATIENCE * lengths[over]
            toward = goal - position
        turn = (np.arctan2(toward[:, 1], toward[:, 0]) - heading + np.pi) % (2 * np.pi) - np.pi
        wanted = np.clip(2 * turn, -_SHARPEST_CURVE, _SHARPEST_CURVE) / lengths
        curvature = curvature + (wanted - curvature) * np.minimum(1, stride / (0.25 * lengths))
        heading = heading + curvature * stride
        position = position + stride[:, None] * np.stack([np.cos(heading), np.sin(heading)], axis=-1)
        path.append(position)
    return np.stack(path)


def _choose_goals(
    rng: np.random.Generator, position: np.ndarray, arena: tuple[np.ndarray, np.ndarray], sociability: float
) -> np.ndarray:
    """(animals, 2) a place in the arena, or where another animal is now."""
    n_animals = len(position)
    places = rng.uniform(arena[0], arena[1], (n_animals, 2))
    if n_animals == 1:
        return places
    others = (np.arange(n_animals) + rng.integers(1, n_animals, n_animals)) % n_animals
    sociable = rng.random(n_animals) < sociability
    return np.where(sociable[:, None], position[others], places)
