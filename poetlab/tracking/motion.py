"""Where an animal's keypoints are going to be: a Kalman filter a keypoint, for many animals at once.

A keypoint's velocity is an Ornstein-Uhlenbeck process: it persists for a fraction of a second and then fades, so that a
prediction over a long gap stops instead of running away, and its uncertainty grows as a random walk's does. Lengths are
body lengths and times seconds throughout, so that nothing depends on the camera's frame rate or distance.
"""

from dataclasses import dataclass

import numpy as np

PERSISTENCE = 0.3
"""Seconds after which a velocity has faded to 1/e."""

_TAIL = 3.0
"""Degrees of freedom of the Student t distribution of deviations: one keypoint far off does not decide alone."""

_LOST = 4.0
"""Body lengths; an animal that was away long may be anywhere, so the uncertainty of its position ends here."""


@dataclass(frozen=True, eq=False)
class Motion:
    """The filtered keypoints of n animals; keypoints never seen have no meaning but `seen` false.

    Attributes:
        position: (n, k, 2) body lengths.
        velocity: (n, k, 2) body lengths a second.
        variance: (n, k, 3) of position, of position with velocity, and of velocity; the same for x and y.
        seen: (n, k) whether the keypoint was ever seen.
    """

    position: np.ndarray
    velocity: np.ndarray
    variance: np.ndarray
    seen: np.ndarray

    def __len__(self) -> int:
        return len(self.position)

    def take(self, which: np.ndarray | list[int]) -> "Motion":
        """Some of the animals: those of these numbers, in this order, or those where a mask is true."""
        return Motion(self.position[which], self.velocity[which], self.variance[which], self.seen[which])

    def each(self) -> "Motion":
        """The animals with an axis (n, 1, ...) inserted, so that each meets each of some poses."""
        return Motion(*(values[:, None] for values in (self.position, self.velocity, self.variance, self.seen)))

    def replaced(self, rows: np.ndarray, others: "Motion") -> "Motion":
        """The animals, those of some rows replaced by others."""
        copy = Motion(self.position.copy(), self.velocity.copy(), self.variance.copy(), self.seen.copy())
        copy.position[rows], copy.velocity[rows] = others.position, others.velocity
        copy.variance[rows], copy.seen[rows] = others.variance, others.seen
        return copy

    def compact(self) -> "Motion":
        """The same in half the memory."""
        position, velocity, variance = (
            values.astype(np.float32) for values in (self.position, self.velocity, self.variance)
        )
        return Motion(position, velocity, variance, self.seen)

    def reversed_in_time(self) -> "Motion":
        """The same animals in a film run backwards."""
        return Motion(self.position, -self.velocity, self.variance * np.array([1, -1, 1]), self.seen)


@dataclass(frozen=True, eq=False)
class Observed:
    """n poses as the filter sees them.

    Attributes:
        position: (n, k, 2) body lengths; 0 where missing.
        weight: (n, k) how far each keypoint is to be trusted, 0 to 1; 0 where missing.
    """

    position: np.ndarray
    weight: np.ndarray

    def __len__(self) -> int:
        return len(self.position)

    def take(self, which: np.ndarray | list[int]) -> "Observed":
        """Some of the poses: those of these numbers, in this order, or those where a mask is true."""
        return Observed(self.position[which], self.weight[which])


def concatenate(parts: list[Motion]) -> Motion:
    """Several groups of animals as one."""
    return Motion(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("position", "velocity", "variance", "seen")
        )
    )


def start(observed: Observed, spread: np.ndarray, speed: float) -> Motion:
    """Animals seen for the first time, moving anywhere at about `speed`.

    Args:
        observed: n poses.
        spread: (k,) body lengths by which the measured keypoints scatter.
        speed: Body lengths a second, standard deviation of each component of a velocity.
    """
    seen = observed.weight > 0
    variance = np.zeros((*seen.shape, 3))
    variance[..., 0] = spread**2
    variance[..., 2] = speed**2
    return Motion(observed.position, np.zeros_like(observed.position), variance, seen)


def predict(motion: Motion, seconds: float | np.ndarray, speed: float) -> Motion:
    """The animals some time later.

    Args:
        motion: n animals.
        seconds: How much later; one number, or (n,).
        speed: Body lengths a second, standard deviation of each component of a velocity.
    """
    lapse = np.asarray(seconds, dtype=float) / PERSISTENCE
    if lapse.ndim:
        lapse = lapse[:, None]
    fade = np.exp(-lapse)
    travel = PERSISTENCE * (1 - fade)
    of_position, of_both, of_velocity = np.moveaxis(motion.variance, -1, 0)
    variance = np.empty_like(motion.variance)
    wander = (speed * PERSISTENCE) ** 2 * np.maximum(2 * lapse - 3 + 4 * fade - fade**2, 0)
    variance[..., 0] = of_position + 2 * travel * of_both + travel**2 * of_velocity + wander
    variance[..., 1] = fade * (of_both + travel * of_velocity) + speed**2 * PERSISTENCE * (1 - fade) ** 2
    variance[..., 2] = fade**2 * of_velocity + speed**2 * (1 - fade**2)
    position = motion.position + travel[..., None] * motion.velocity
    return Motion(position, fade[..., None] * motion.velocity, variance, motion.seen)


def correct(motion: Motion, observed: Observed, spread: np.ndarray) -> Motion:
    """The predicted animals, corrected by one pose each; a keypoint that deviates more than the others counts less."""
    both = motion.seen & (observed.weight > 0)
    innovation = np.where(both[..., None], observed.position - motion.position, 0)
    noise = spread**2 / np.maximum(observed.weight, 0.1)
    deviation = (innovation**2).sum(-1) / (motion.variance[..., 0] + noise)
    usual = (deviation * both).sum(-1, keepdims=True) / np.maximum(both.sum(-1, keepdims=True), 1)
    total = motion.variance[..., 0] + noise * (1 + deviation / _TAIL) / (1 + usual / _TAIL)
    gain = np.where(both[..., None], motion.variance[..., :2] / total[..., None], 0)
    position = motion.position + gain[..., :1] * innovation
    velocity = motion.velocity + gain[..., 1:] * innovation
    variance = motion.variance - gain[..., [0, 0, 1]] * motion.variance[..., [0, 1, 1]]
    return _follow(Motion(position, velocity, variance, motion.seen | both), motion, observed, both, spread)


def _follow(corrected: Motion, before: Motion, observed: Observed, both: np.ndarray, spread: np.ndarray) -> Motion:
    """Let keypoints that are missing now move with the rest of the body, and begin those that are new."""
    if both.all():
        return corrected
    n_both = np.maximum(both.sum(-1), 1)[:, None, None]
    shift = (corrected.position - before.position).sum(1, keepdims=True) / n_both
    drift = (corrected.velocity * both[..., None]).sum(1, keepdims=True) / n_both
    new = (~before.seen & (observed.weight > 0))[..., None]
    fresh = np.stack(np.broadcast_arrays(spread**2, 0, corrected.variance[..., 2].mean(-1, keepdims=True)), axis=-1)
    known = both[..., None]
    position = np.where(known, corrected.position, np.where(new, observed.position, before.position + shift))
    velocity = np.where(known, corrected.velocity, drift)
    variance = np.where(new, fresh, corrected.variance)
    return Motion(position, velocity, variance, before.seen | new[..., 0])


def mismatch(
    motion: Motion, observed: Observed, spread: np.ndarray, variance: np.ndarray | float = 0.0, emphasis: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """How badly predicted animals and poses agree, pair by pair (shapes broadcast), and how far they are apart.

    The logarithm of OKS is minus half the mean of squared distances, each relative to the keypoint's falloff. This is
    the same with the falloff widened by the uncertainty of the prediction, with the price of that uncertainty, and
    with the heavy tails of a Student t distribution.

    Args:
        motion: Predicted animals, (..., k).
        observed: Poses, (..., k).
        spread: (k,) body lengths by which the measured keypoints scatter: OKS's falloff.
        variance: Square body lengths, of the poses' own uncertainty.
        emphasis: Weight of the deviation, relative to that of the prediction's uncertainty.

    Returns:
        Mismatch (...), 0 for the best there can be, and mean distance (...) in body lengths; infinite where the two
        have no keypoint in common.
    """
    weight = observed.weight * motion.seen
    total = weight.sum(-1)
    common = np.maximum(total, 1e-9)
    squared = ((observed.position - motion.position) ** 2).sum(-1)
    falloff = spread**2 + np.minimum(motion.variance[..., 0] + variance, _LOST**2)
    deviation = emphasis * (1 + _TAIL / 2) * np.log1p(squared / falloff / _TAIL) + np.log(falloff / spread**2)
    cost = (weight * deviation).sum(-1) / common
    distance = (weight * np.sqrt(squared)).sum(-1) / common
    return np.where(total > 0, cost, np.inf), np.where(total > 0, distance, np.inf)
