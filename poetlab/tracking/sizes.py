"""How large an animal is: what tells animals apart that look alike and have been out of sight.

A pose's size is the mean logarithm of its bones' lengths, each relative to what is usual in the video and weighted by
how little it varies, so that what bends counts little.
"""

from dataclasses import dataclass

import numpy as np

from poetlab.skeleton import Skeleton
from poetlab.tracking.motion import Observed

_MEMORY = 1.0
"""Seconds after which a posture, and with it the error of a size, is another one."""

_FLOOR = 0.005
"""Standard deviation that the mean size of an animal in one part of a video has at least."""

_LEAST_SEEN = 0.5
"""Part of all bones' trust below which a size is unknown."""

_SHORT = 4.0
"""How much more the mean size in a part of a second varies than that in a whole one."""

_MOST = 10.0
"""Sizes alone never say more than this."""

_NORMAL_FROM_QUARTILES = 1.349


@dataclass(frozen=True, eq=False)
class SizeMeter:
    """What sizes are measured with.

    Attributes:
        pairs: (p, 2) keypoints at the ends of each bone.
        usual: (p,) logarithm of a bone's usual length.
        trust: (p,) weight of each bone.
    """

    pairs: np.ndarray
    usual: np.ndarray
    trust: np.ndarray

    def measure(self, observed: Observed) -> np.ndarray:
        """(n,) logarithm of each pose's size, 0 for the usual one; NaN where too little can be seen."""
        logs, known = _log_lengths(observed, self.pairs)
        weight = known * self.trust
        total = weight.sum(-1)
        enough = (total > 0) & (total >= _LEAST_SEEN * self.trust.sum())
        return np.where(enough, (weight * (logs - self.usual)).sum(-1) / np.where(enough, total, 1), np.nan)


class SizeRecord:
    """The sizes of one animal over some time, in a few numbers.

    Attributes:
        sums: (5,) number of sizes, their sum, number of whole seconds, sum of the mean sizes in each of these, and
            the sum of these means' squares.
    """

    def __init__(self) -> None:
        self.sums = np.zeros(5)
        self._begin = np.nan
        self._n_now = 0
        self._sum_now = 0.0

    def add(self, time: float, size: float) -> None:
        """Add a size; NaN for unknown."""
        if np.isnan(size):
            return
        if not time - self._begin < _MEMORY:
            self._end_second()
            self._begin = time
        self._n_now += 1
        self._sum_now += size
        self.sums[:2] += 1, size

    def _end_second(self) -> None:
        if self._n_now:
            mean = self._sum_now / self._n_now
            self.sums[2:] += 1, mean, mean**2
        self._n_now, self._sum_now = 0, 0.0


def calibrate(observed: Observed, skeleton: Skeleton) -> SizeMeter:
    """Learn from some poses which lengths are usual, and how much they vary."""
    pairs = np.array(skeleton.edge_indices or np.stack(np.triu_indices(skeleton.n_keypoints, 1), axis=1).tolist())
    pairs = pairs.reshape(-1, 2)
    logs, known = _log_lengths(observed, pairs)
    usual, trust = np.zeros(len(pairs)), np.zeros(len(pairs))
    for bone in range(len(pairs)):
        lengths = logs[known[:, bone], bone]
        if len(lengths) > 3:
            low, usual[bone], high = np.quantile(lengths, [0.25, 0.5, 0.75])
            trust[bone] = 1 / max((high - low) / _NORMAL_FROM_QUARTILES, _FLOOR) ** 2
    return SizeMeter(pairs, usual, trust)


def evidence(one: np.ndarray, other: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """(m,) how much less likely it is that two parts of tracks are of one animal than of any two, as a logarithm.

    Args:
        one: (m,) numbers of the earlier parts.
        other: (m,) numbers of the later parts.
        sums: (n, 5) `SizeRecord.sums` of each part.
    """
    count, total, n_seconds, of_means, of_squares = sums.T
    known = count > 0
    if (n_seconds > 1).sum() < 2:
        return np.zeros(len(one))
    mean = total / np.maximum(count, 1)
    scatter = of_squares - of_means**2 / np.maximum(n_seconds, 1)
    within = scatter.sum() / np.maximum(n_seconds - 1, 0).sum()
    variance = within / np.maximum(n_seconds, 1) * np.where(n_seconds, 1, _SHORT) + _FLOOR**2
    long = n_seconds > 1
    by_chance = variance[long].mean() * (1 + 2 * np.sqrt(2 / (long.sum() - 1)))  # with two standard errors
    between = max(float(np.var(mean[long], ddof=1) - by_chance), 0.0)
    difference = (mean[one] - mean[other]) ** 2
    same = variance[one] + variance[other]
    any_two = same + 2 * between
    surprise = (difference / same - difference / any_two + np.log(same / any_two)) / 2
    return np.where(known[one] & known[other], np.minimum(surprise, _MOST), 0.0)


def _log_lengths(observed: Observed, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, p) logarithms of bones' lengths, and whether they are known."""
    start, end = pairs.T
    length = np.linalg.norm(observed.position[:, start] - observed.position[:, end], axis=-1)
    known = (observed.weight[:, start] > 0) & (observed.weight[:, end] > 0) & (length > 0)
    return np.log(np.where(known, length, 1.0)), known
