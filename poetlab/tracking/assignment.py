"""Which tracklet goes on with which detection of a frame, and how sure that is."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from poetlab.tracking.motion import Observed

WORST_LINK = 8.0
"""Mismatch from which a detection is rather another animal's."""

_GOOD_LINK = 5.0
"""Mismatch up to which a link is beyond doubt where there is no other."""

_GOOD_SECOND = 4.0
"""The same for the link of a first detection, which may have been a false one, with a second."""

_GOOD_NEAR_LOST = 2.5
"""The same, beyond what is usual, where an animal that was lost lately could be: it may be back just when the other
one is missed. Beyond the usual, since animals that dart never fit their predictions as well as those that walk."""

_DOUBT = 1.5
"""If it costs less than this to exchange two animals, it is left to stitching who is who."""

_DUPLICATE = 0.5
"""OKS, its falloff doubled since both scatter, from which two detections are of one animal unless two were there."""

_WORST_DUPLICATE = 3.0
"""Mismatch up to which a duplicate may be an animal of its own."""


@dataclass(frozen=True, eq=False)
class Links:
    """Which tracklets (rows) go on with which detections, and which of these links are in doubt; all (n,)."""

    rows: np.ndarray
    detections: np.ndarray
    doubtful: np.ndarray


NO_LINKS = Links(np.empty(0, int), np.empty(0, int), np.empty(0, bool))


def find_links(
    cost: np.ndarray,
    is_duplicate: np.ndarray,
    is_known: np.ndarray,
    cost_of_lost: np.ndarray | None = None,
    usual_cost: float = 1.0,
) -> Links:
    """The links of least total mismatch.

    Duplicates are for those tracklets that would otherwise have none: where two animals were, two may be on top of
    each other.

    Args:
        cost: (tracklets, detections) mismatch; at least `WORST_LINK` where a link is impossible.
        is_duplicate: (detections,) whether a detection is another one's duplicate.
        is_known: (tracklets,) whether more is known of a tracklet than one detection, which may have been false.
        cost_of_lost: (detections,) least mismatch with an animal that is linked no more but may come back; None
            where there is none.
        usual_cost: Mismatch of most links in this video.
    """
    cost = np.minimum(cost, WORST_LINK)
    rows, detections = _cheapest(np.where(is_duplicate, WORST_LINK, cost), WORST_LINK)
    left = cost.copy()
    left[rows] = WORST_LINK
    left[:, ~is_duplicate] = WORST_LINK
    more_rows, more_detections = _cheapest(left, _WORST_DUPLICATE)
    rows, detections = np.concatenate([rows, more_rows]), np.concatenate([detections, more_detections])
    rivals = np.setdiff1d(np.flatnonzero(is_known), rows)
    taken = cost[np.ix_(rivals, detections)].min(0, initial=np.inf)
    good = np.where(is_known[rows], _GOOD_LINK, _GOOD_SECOND)
    if cost_of_lost is not None:
        taken = np.minimum(taken, cost_of_lost[detections])
        near_lost = np.minimum(good, usual_cost + _GOOD_NEAR_LOST)
        good = np.where(cost_of_lost[detections] < WORST_LINK, near_lost, good)
    shared = _shared(cost, rows, detections, taken, is_duplicate)
    doubtful = shared | (cost[rows, detections] > good)
    return Links(rows, detections, doubtful)


def find_duplicates(observed: Observed, scores: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """(n,) whether a detection is nearly that of another one with a higher score."""
    n = len(observed)
    if n < 2:
        return np.zeros(n, bool)
    weight = observed.weight[:, None] * observed.weight
    squared = ((observed.position[:, None] - observed.position) ** 2).sum(-1)
    similarity = (np.exp(-squared / (2 * (2 * spread) ** 2)) * weight).sum(-1) / np.maximum(weight.sum(-1), 1e-9)
    order = np.arange(n)
    surer = (scores > scores[:, None]) | ((scores == scores[:, None]) & (order < order[:, None]))
    return np.asarray(((similarity > _DUPLICATE) & surer).any(-1))


def _cheapest(cost: np.ndarray, worst: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the assignment of least cost, less what costs at least `worst`."""
    rows, columns = linear_sum_assignment(cost)
    good = cost[rows, columns] < worst
    return rows[good], columns[good]


def _shared(
    cost: np.ndarray, rows: np.ndarray, detections: np.ndarray, taken: np.ndarray, is_duplicate: np.ndarray
) -> np.ndarray:
    """(n,) whether a link could as well be another one.

    Args:
        cost: (tracklets, detections) mismatch; what is impossible costs as much as no link.
        rows: (n,) linked tracklets.
        detections: (n,) the detections they are linked to.
        taken: (n,) least mismatch of the detections with animals that are not linked, but could be.
        is_duplicate: (detections,) whether a detection is another one's duplicate.
    """
    chosen = cost[rows, detections]
    exchanged = cost[np.ix_(rows, detections)]
    extra = exchanged + exchanged.T - chosen - chosen[:, None]
    extra[(exchanged >= WORST_LINK) | (exchanged.T >= WORST_LINK)] = np.inf
    np.fill_diagonal(extra, np.inf)
    free = np.setdiff1d(np.flatnonzero(~is_duplicate), detections)
    left = cost[np.ix_(rows, free)].min(1, initial=np.inf)
    other = np.minimum(taken, left)
    return np.asarray((extra < _DOUBT).any(1) | ((other < WORST_LINK) & (other - chosen < _DOUBT)))
