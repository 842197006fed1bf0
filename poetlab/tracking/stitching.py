"""Tracklets into individuals, over the whole video at once.

Every tracklet is followed by at most one other and follows at most one, so the cheapest way to chain them is a matching
of ends with beginnings, which `matching` solves exactly. That is done several times. Each time only those links are
made that are surer than what would have to take their place; the longer pieces that result show better how large each
animal is, which helps with the others. The last time, all links are made.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from poetlab.tracking.matching import match_fixed, match_unlimited
from poetlab.tracking.motion import Motion, Observed, concatenate, mismatch, predict
from poetlab.tracking.scale import Scale
from poetlab.tracking.settings import TrackingSettings
from poetlab.tracking.sizes import evidence
from poetlab.tracking.tracklets import Tracklet

_SURE = (6.0, 3.0, 1.5, 0.0)
"""In each round, how much more than a link its replacement has to cost for the link to be made."""

_PER_DETECTION = 3.0
"""Price of leaving out a detection of score 1."""

_WAIT = 0.5
"""Price of a pause between two pieces, for each doubling of its length in analyzed frames."""

_SUCCESSORS = 4
"""However long the pause, so many pieces an individual are considered as the next."""

_REACH = 1.0
"""Body lengths that two pieces may always be apart, however short the pause."""

_EMPHASIS = 2.0
"""How much more a deviation counts here than in linking, where the next frame may tell better."""

_AT_ONCE = 1 << 11


@dataclass(frozen=True, eq=False)
class _Pieces:
    """Tracklets, or chains of them, as arrays of n.

    Attributes:
        first_frames: (n,) number of the first frame.
        last_frames: (n,) number of the last frame.
        first_times: (n,) seconds.
        last_times: (n,) seconds.
        weights: (n,) sums of scores.
        sizes: (n, 5) sums of sizes as `SizeRecord` has them.
        heads: n animals at their first detection.
        tails: n animals at their last detection.
    """

    first_frames: np.ndarray
    last_frames: np.ndarray
    first_times: np.ndarray
    last_times: np.ndarray
    weights: np.ndarray
    sizes: np.ndarray
    heads: Motion
    tails: Motion

    def __len__(self) -> int:
        return len(self.weights)

    def joined(self, chains: list[list[int]]) -> "_Pieces":
        """Each chain as one piece."""
        first, last = (np.array([chain[end] for chain in chains]) for end in (0, -1))
        begins = np.cumsum([0, *(len(chain) for chain in chains[:-1])])
        members = np.concatenate(chains)
        return _Pieces(
            self.first_frames[first],
            self.last_frames[last],
            self.first_times[first],
            self.last_times[last],
            np.add.reduceat(self.weights[members], begins),
            np.add.reduceat(self.sizes[members], begins),
            self.heads.take(first),
            self.tails.take(last),
        )


def stitch(
    tracklets: Sequence[Tracklet], n_individuals: int | None, scale: Scale, settings: TrackingSettings, speed: float
) -> tuple[list[list[int]], np.ndarray]:
    """Chain tracklets into individuals.

    Args:
        tracklets: All tracklets of a video.
        n_individuals: How many chains there are at most; None for as many as it takes.
        scale: Body length and frame interval of the video.
        settings: Limits.
        speed: Body lengths a second that these animals typically have.

    Returns:
        The chains, those that begin first in front: positions in `tracklets`, in the order of time. Tracklets that
        fit no individual are in none. And for each tracklet, how much more the best exchange would have cost than
        its link to the next one of its chain; infinite where there is none.
    """
    margins = np.full(len(tracklets), np.inf)
    if not tracklets:
        return [], margins
    pieces = _collect(tracklets)
    chains = [[number] for number in range(len(tracklets))]
    for sure in _SURE:
        links = _possible_links(pieces, n_individuals, settings)
        costs = _costs(pieces, links, scale, settings, speed)
        links, costs = links[np.isfinite(costs)], costs[np.isfinite(costs)]
        price = _PER_DETECTION * pieces.weights
        if n_individuals is None:
            following = match_unlimited(links, costs, price)
        else:
            following = match_fixed(links, costs, price, n_individuals)
        is_last = sure <= 0
        margin = _margins(following, links, costs)
        if not is_last:  # what was left out is kept, on its own
            following = np.where((margin >= sure) & (following != np.arange(len(following))), following, -1)
        linked = np.flatnonzero((following >= 0) & (following != np.arange(len(following))))
        margins[[chains[position][-1] for position in linked]] = margin[linked]
        groups = _follow(following, pieces.first_frames)
        chains = [[member for position in group for member in chains[position]] for group in groups]
        if not is_last:
            pieces = pieces.joined(groups)
    return chains, margins


def _collect(tracklets: Sequence[Tracklet]) -> _Pieces:
    first_times, last_times = (np.array([getattr(t, name) for t in tracklets]) for name in ("first_time", "last_time"))
    return _Pieces(
        first_frames=np.array([tracklet.first_frame for tracklet in tracklets]),
        last_frames=np.array([tracklet.last_frame for tracklet in tracklets]),
        first_times=first_times,
        last_times=last_times,
        weights=np.array([tracklet.weight for tracklet in tracklets]),
        sizes=np.stack([tracklet.sizes for tracklet in tracklets]),
        heads=concatenate([tracklet.head for tracklet in tracklets]),
        tails=concatenate([tracklet.tail for tracklet in tracklets]),
    )


def _possible_links(pieces: _Pieces, n_individuals: int | None, settings: TrackingSettings) -> np.ndarray:
    """(m, 2) pairs of a piece and one that may follow it: all soon after, and the next ones however late."""
    by_start = np.argsort(pieces.first_frames, kind="stable")
    starts, start_times = pieces.first_frames[by_start], pieces.first_times[by_start]
    first = np.searchsorted(starts, pieces.last_frames, side="right")
    last = np.searchsorted(start_times, pieces.last_times + settings.max_gap, side="right")
    if n_individuals is not None:
        last = np.minimum(np.maximum(last, first + _SUCCESSORS * n_individuals), len(starts))
    n_links = np.maximum(last - first, 0)
    one = np.repeat(np.arange(len(starts)), n_links)
    rank = np.arange(n_links.sum()) - np.repeat(np.cumsum(n_links) - n_links, n_links)
    return np.stack([one, by_start[np.repeat(first, n_links) + rank]], axis=1)


def _costs(pieces: _Pieces, links: np.ndarray, scale: Scale, settings: TrackingSettings, speed: float) -> np.ndarray:
    """(m,) price of each link: mismatch of motion and size, and the pause; infinite for too far a jump."""
    parts = [
        _motion_costs(pieces, links[begin : begin + _AT_ONCE], scale, settings, speed)
        for begin in range(0, len(links), _AT_ONCE)
    ]
    return np.concatenate([np.empty(0), *parts]) + evidence(links[:, 0], links[:, 1], pieces.sizes)


def _motion_costs(
    pieces: _Pieces, links: np.ndarray, scale: Scale, settings: TrackingSettings, speed: float
) -> np.ndarray:
    """(m,) the mismatch of predictions from both sides of the pause."""
    one, other = links.T
    pause = pieces.first_times[other] - pieces.last_times[one]
    before, after = pieces.tails.take(one), pieces.heads.take(other)
    there, far = _mismatch(predict(before, pause, speed), after, scale.spread)
    back, _ = _mismatch(predict(after.reversed_in_time(), pause, speed), before, scale.spread)
    n_frames = (pieces.first_frames[other] - pieces.last_frames[one]) / scale.stride
    cost = (there + back) / 2 + _WAIT * np.log2(n_frames)
    return np.where(far <= _REACH + settings.max_speed * pause, cost, np.inf)


def _mismatch(motion: Motion, other: Motion, spread: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    observed = Observed(other.position, other.seen.astype(float))
    return mismatch(motion, observed, spread, variance=other.variance[..., 0], emphasis=_EMPHASIS)


def _margins(following: np.ndarray, links: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """(n,) how much more it would cost to give a piece another follower; infinite where it has none.

    For each link that was not made, what is compared is to make it, to undo the two links that it excludes, and to
    link what these leave over.
    """
    n = len(following)
    follower = np.where(following == np.arange(n), -1, following)
    leader = np.full(n, -1)
    leader[follower[follower >= 0]] = np.flatnonzero(follower >= 0)
    order = np.argsort(links[:, 0] * n + links[:, 1])
    keys, prices = (links[:, 0] * n + links[:, 1])[order], costs[order]

    def price(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """Costs of links; 0 for an end of a chain, infinite for what cannot be."""
        key = one * n + other
        place = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
        known = np.where(keys[place] == key, prices[place], np.inf)
        return np.where((one < 0) | (other < 0), 0.0, known)

    margin = np.full(n, np.inf)
    one, other = links[follower[links[:, 0]] != links[:, 1]].T
    if len(one):
        replaced, displaced = follower[one], leader[other]
        extra = price(one, other) + price(displaced, replaced) - price(one, replaced) - price(displaced, other)
        np.minimum.at(margin, one, extra)
        np.minimum.at(margin, displaced[displaced >= 0], extra[displaced >= 0])
    return margin


def _follow(following: np.ndarray, first_frames: np.ndarray) -> list[list[int]]:
    """The chains, those that begin first in front; without those that follow themselves, which are left out."""
    followers = set(following.tolist())
    chains = []
    for first in np.argsort(first_frames, kind="stable").tolist():
        if first in followers:
            continue
        chain = [first]
        while following[chain[-1]] >= 0:
            chain.append(int(following[chain[-1]]))
        chains.append(chain)
    return chains
