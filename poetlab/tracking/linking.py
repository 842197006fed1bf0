"""Detections into tracklets, frame after frame, in one pass and in constant memory."""

import numpy as np

from poetlab.poses import Instances
from poetlab.tracking.assignment import NO_LINKS, WORST_LINK, Links, find_duplicates, find_links
from poetlab.tracking.motion import Observed, concatenate, correct, mismatch, predict, start
from poetlab.tracking.scale import Scale
from poetlab.tracking.tracklets import OpenTracklet, Tracklet

_COAST = 0.3
"""Seconds for which an unseen animal is waited for."""

_COAST_FRAMES = 3
_REMEMBERED = 2.0
"""Seconds for which an animal that is waited for no more may still be the one that is seen."""

_REACH = 1.0
"""Body lengths that the parts of an animal may always be off, however short the time."""

_FIRST_SPEED, _SLOWEST, _FASTEST = 3.0, 1.0, 30.0
_FIRST_COST = 1.0
_ADAPTATION = 0.02


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
        self._usual_cost = _FIRST_COST
        self._scale = scale
        self._max_speed = max_speed
        self._coast = max(_COAST, (_COAST_FRAMES + 0.5) * scale.frame_interval)
        self._n_tracklets = 0
        self._time = np.nan
        self._open: list[OpenTracklet] = []
        self._motion = start(scale.observe(_nobody(len(scale.spread))), scale.spread, self.speed)
        self._tails = self._motion
        self._lost, self._lost_times = self._motion, np.empty(0)

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
        if len(self._lost):
            self._lost = predict(self._lost, time - self._time, self.speed)
        self._time = time
        self._give_up()
        is_duplicate = find_duplicates(observed, scores, self._scale.spread)
        links = self._link(observed, is_duplicate)
        self._go_on(links, observed)
        new = np.setdiff1d(np.flatnonzero(~is_duplicate), links.detections)
        rows = np.concatenate([links.rows, self._begin(observed.take(new))])
        sizes = self._scale.meter.measure(observed)
        for row, detection in zip(rows, np.concatenate([links.detections, new]), strict=True):
            tracklet = self._open[row]
            tracklet.add(frame, time, float(scores[detection]), float(sizes[detection]), observed.take([detection]))
            numbers[usable[detection]] = tracklet.number
        return numbers

    def finish(self) -> list[Tracklet]:
        """End what is still open, and return all tracklets."""
        for row in range(len(self._open)):
            self._end(row)
        self._open = []
        return self.finished

    def _link(self, observed: Observed, is_duplicate: np.ndarray) -> Links:
        """The links of least total mismatch; what would have to be faster than any animal is impossible."""
        if not (self._open and len(observed)):
            return NO_LINKS
        cost, distance = mismatch(self._motion.each(), observed, self._scale.spread)
        unseen = self._time - np.array([tracklet.last_time for tracklet in self._open])
        cost[distance > _REACH + self._max_speed * unseen[:, None]] = WORST_LINK
        is_known = np.array([tracklet.is_known for tracklet in self._open])
        links = find_links(cost, is_duplicate, is_known, self._cost_of_lost(observed), self._usual_cost)
        if len(links.rows):
            usual = float(np.median(cost[links.rows, links.detections]))
            self._usual_cost += _ADAPTATION * (usual - self._usual_cost)
        self._learn_speed(links, observed)
        return links

    def _cost_of_lost(self, observed: Observed) -> np.ndarray:
        """(n,) how badly each pose agrees with the best of the animals that were lost lately."""
        cost, distance = mismatch(self._lost.each(), observed, self._scale.spread)
        cost[distance > _REACH + self._max_speed * (self._time - self._lost_times[:, None])] = WORST_LINK
        return np.asarray(cost.min(0, initial=WORST_LINK))

    def _learn_speed(self, links: Links, observed: Observed) -> None:
        """Expect more speed where animals deviate more than predicted, and less where they deviate less."""
        known = np.array([self._open[row].n_detections > 2 for row in links.rows], bool)
        if not known.any():
            return
        motion, poses = self._motion.take(links.rows[known]), observed.take(links.detections[known])
        weight = poses.weight * motion.seen
        squared = ((poses.position - motion.position) ** 2).sum(-1)
        expected = 2 * (self._scale.spread**2 + motion.variance[..., 0])
        surprise = (np.minimum(squared / expected, 4) * weight).sum() / max(weight.sum(), 1e-9)
        self.speed = float(np.clip(self.speed * np.exp(_ADAPTATION * (surprise - 1)), _SLOWEST, _FASTEST))

    def _go_on(self, links: Links, observed: Observed) -> None:
        """Let the linked tracklets go on; those in doubt end, and others begin in their places."""
        for row in links.rows[links.doubtful].tolist():
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
        """End the tracklets that were not seen for too long, and remember for a while where they were going."""
        lately = self._time - self._lost_times < _REMEMBERED
        self._lost, self._lost_times = self._lost.take(lately), self._lost_times[lately]
        lost = np.array([self._time - tracklet.last_time > self._coast for tracklet in self._open], bool)
        if not lost.any():
            return
        for row in np.flatnonzero(lost).tolist():
            self._end(row)
        known = [row for row in np.flatnonzero(lost).tolist() if self._open[row].is_known]
        self._lost = concatenate([self._lost, self._motion.take(known)])
        self._lost_times = np.append(self._lost_times, [self._open[row].last_time for row in known])
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


def _nobody(n_keypoints: int) -> Instances:
    return Instances(np.empty((0, n_keypoints, 2)), np.empty((0, n_keypoints)), np.empty(0))
