"""Detections into tracklets, frame after frame, in one pass and in constant memory."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from poetlab.poses import Instances
from poetlab.tracking.motion import Motion, Observed, concatenate, correct, mismatch, predict, start
from poetlab.tracking.scale import Scale
from poetlab.tracking.tracklets import OpenTracklet, Tracklet

_WORST_LINK = 8.0
"""Mismatch from which a detection is rather another animal's."""

_DOUBT = 1.5
"""If it costs less than this to exchange two animals, it is left to stitching who is who."""

_GOOD_LINK = 5.0
"""Mismatch up to which a link is beyond doubt where there is no other."""

_GOOD_SECOND = 4.0
"""The same for the link of a first detection, which may have been a false one, with a second."""

_DUPLICATE = 0.5
"""OKS, its falloff doubled since both scatter, from which two detections are of one animal unless two were there."""

_WORST_DUPLICATE = 3.0
"""Mismatch up to which a duplicate may be an animal of its own."""

_COAST = 0.3
"""Seconds for which an unseen animal is waited for."""

_COAST_FRAMES = 3
_REACH = 1.0
"""Body lengths that the parts of an animal may always be off, however short the time."""

_FIRST_SPEED, _SLOWEST, _FASTEST = 3.0, 1.0, 30.0
_ADAPTATION = 0.02


@dataclass(frozen=True, eq=False)
class _Links:
    """Which open tracklets (rows) go on with which detections, and which of these links are in doubt."""

    rows: np.ndarray
    detections: np.ndarray
    doubtful: np.ndarray


class Linker:
    """Links detections to tracklets.

    Args:
        scale: Body length and frame interval of the video.
        max_speed: Body lengths a second; faster than any animal moves.

    Attributes:
        finished: Tracklets that have ended.
        speed: Body lengths a second that animals of this video typically have; learned as the video goes on.
    """

    def __init__(self, scale: Scale, max_speed: float) -> None:
        self.finished: list[Tracklet] = []
        self.speed = _FIRST_SPEED
        self._scale = scale
        self._max_speed = max_speed
        self._coast = max(_COAST, (_COAST_FRAMES + 0.5) * scale.frame_interval)
        self._n_tracklets = 0
        self._time = np.nan
        self._open: list[OpenTracklet] = []
        self._motion = start(scale.observe(_nobody(len(scale.spread))), scale.spread, self.speed)
        self._tails = self._motion

    def add(self, frame: int, time: float, instances: Instances) -> np.ndarray:
        """Link a frame's detections.

        Returns:
            (n,) number of each detection's tracklet; -1 for a duplicate, and for one without any keypoint.
        """
        numbers = np.full(len(instances), -1)
        observed = self._scale.observe(instances)
        usable = np.flatnonzero(observed.weight.any(-1))
        observed, scores = observed.take(usable), instances.scores[usable]
        if self._open:
            self._motion = predict(self._motion, time - self._time, self.speed)
        self._time = time
        is_duplicate = _duplicates(observed, scores, self._scale.spread)
        links = self._link(observed, is_duplicate)
        self._go_on(links, observed)
        new = np.setdiff1d(np.flatnonzero(~is_duplicate), links.detections)
        rows = np.concatenate([links.rows, self._begin(observed.take(new))])
        sizes = self._scale.meter.measure(observed)
        for row, detection in zip(rows, np.concatenate([links.detections, new]), strict=True):
            tracklet = self._open[row]
            tracklet.add(frame, time, float(scores[detection]), float(sizes[detection]), observed.take([detection]))
            numbers[usable[detection]] = tracklet.number
        self._give_up()
        return numbers

    def finish(self) -> list[Tracklet]:
        """End what is still open, and return all tracklets."""
        for row in range(len(self._open)):
            self._end(row)
        self._open = []
        return self.finished

    def _link(self, observed: Observed, is_duplicate: np.ndarray) -> _Links:
        """The links of least total mismatch."""
        nothing = np.empty(0, int)
        if not (self._open and len(observed)):
            return _Links(nothing, nothing, nothing.astype(bool))
        cost, distance = mismatch(self._motion.each(), observed, self._scale.spread)
        unseen = self._time - np.array([tracklet.last_time for tracklet in self._open])
        cost[(cost >= _WORST_LINK) | (distance > _REACH + self._max_speed * unseen[:, None])] = _WORST_LINK
        rows, detections = _cheapest(np.where(is_duplicate, _WORST_LINK, cost), _WORST_LINK)
        left = cost.copy()
        left[rows], left[:, ~is_duplicate] = _WORST_LINK, _WORST_LINK
        rows, detections = (np.concatenate(two) for two in zip((rows, detections), _cheapest(left, _WORST_DUPLICATE)))
        is_known = np.array([tracklet.n_detections > 1 or tracklet.in_doubt for tracklet in self._open])
        rivals = np.setdiff1d(np.flatnonzero(is_known), rows)
        shared = _shared(cost, rows, detections, rivals, is_duplicate)
        doubtful = shared | (cost[rows, detections] > np.where(is_known[rows], _GOOD_LINK, _GOOD_SECOND))
        self._learn_speed(rows, detections, observed)
        return _Links(rows, detections, doubtful)

    def _learn_speed(self, rows: np.ndarray, detections: np.ndarray, observed: Observed) -> None:
        """Expect more speed where animals deviate more than predicted, and less where they deviate less."""
        known = np.array([self._open[row].n_detections > 2 for row in rows], bool)
        if not known.any():
            return
        motion, poses = self._motion.take(rows[known]), observed.take(detections[known])
        weight = poses.weight * motion.seen
        squared = ((poses.position - motion.position) ** 2).sum(-1)
        expected = 2 * (self._scale.spread**2 + motion.variance[..., 0])
        surprise = (np.minimum(squared / expected, 4) * weight).sum() / max(weight.sum(), 1e-9)
        self.speed = float(np.clip(self.speed * np.exp(_ADAPTATION * (surprise - 1)), _SLOWEST, _FASTEST))

    def _go_on(self, links: _Links, observed: Observed) -> None:
        """Let the linked tracklets go on; those in doubt end, and others begin in their places."""
        for row in links.rows[links.doubtful]:
            self._end(row, in_doubt=True)
            self._open[row] = self._new_tracklet(in_doubt=True)
        motion = correct(self._motion.take(links.rows), observed.take(links.detections), self._scale.spread)
        self._motion = self._motion.replaced(links.rows, motion)
        self._tails = self._tails.replaced(links.rows, motion)

    def _begin(self, observed: Observed) -> np.ndarray:
        """Open a tracklet for each pose; returns their rows."""
        first = len(self._open)
        if len(observed):
            motion = start(observed, self._scale.spread, self.speed)
            self._motion = concatenate([self._motion, motion])
            self._tails = concatenate([self._tails, motion])
            self._open += [self._new_tracklet() for _ in range(len(observed))]
        return np.arange(first, len(self._open))

    def _give_up(self) -> None:
        """End the tracklets that were not seen for too long."""
        lost = np.array([self._time - tracklet.last_time > self._coast for tracklet in self._open], bool)
        if not lost.any():
            return
        for row in np.flatnonzero(lost):
            self._end(row)
        self._motion, self._tails = self._motion.take(~lost), self._tails.take(~lost)
        self._open = [self._open[row] for row in np.flatnonzero(~lost)]

    def _new_tracklet(self, *, in_doubt: bool = False) -> OpenTracklet:
        self._n_tracklets += 1
        return OpenTracklet(self._n_tracklets - 1, in_doubt=in_doubt)

    def _end(self, row: int, *, in_doubt: bool = False) -> None:
        tracklet = self._open[row]
        if tracklet.n_detections == 1 and not (in_doubt or tracklet.in_doubt):
            return  # what is seen in one frame alone is no animal
        self.finished.append(tracklet.finish(self._tails.take([row]), self._scale.spread, self.speed))


def _duplicates(observed: Observed, scores: np.ndarray, spread: np.ndarray) -> np.ndarray:
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
    cost: np.ndarray, rows: np.ndarray, detections: np.ndarray, rivals: np.ndarray, is_duplicate: np.ndarray
) -> np.ndarray:
    """(n,) whether a link could as well be another one.

    Args:
        cost: (tracklets, detections) mismatch; what is impossible costs as much as no link.
        rows: (n,) linked tracklets.
        detections: (n,) the detections they are linked to.
        rivals: Tracklets that are not linked, but could be.
        is_duplicate: (detections,) whether a detection is another one's duplicate.
    """
    chosen = cost[rows, detections]
    exchanged = cost[np.ix_(rows, detections)]
    extra = exchanged + exchanged.T - chosen - chosen[:, None]
    extra[(exchanged >= _WORST_LINK) | (exchanged.T >= _WORST_LINK)] = np.inf
    np.fill_diagonal(extra, np.inf)
    free = np.setdiff1d(np.flatnonzero(~is_duplicate), detections)
    taken = cost[np.ix_(rivals, detections)].min(0, initial=np.inf)
    left = cost[np.ix_(rows, free)].min(1, initial=np.inf)
    other = np.minimum(taken, left)
    return np.asarray((extra < _DOUBT).any(1) | ((other < _WORST_LINK) & (other - chosen < _DOUBT)))


def _nobody(n_keypoints: int) -> Instances:
    return Instances(np.empty((0, n_keypoints, 2)), np.empty((0, n_keypoints)), np.empty(0))
