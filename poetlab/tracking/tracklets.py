"""Tracklets: detections that surely belong to one animal, from one doubt to the next."""

from dataclasses import dataclass

import numpy as np

from poetlab.tracking.motion import Motion, Observed, correct, predict, start
from poetlab.tracking.sizes import SizeRecord

_BEGINNING = 8
"""Detections from which the motion at a tracklet's beginning is estimated."""


@dataclass(frozen=True, eq=False)
class Tracklet:
    """What is kept of a finished tracklet.

    Attributes:
        number: Counts tracklets from 0 in the order of their beginnings.
        first_frame: Frame of its first detection.
        last_frame: Frame of its last detection.
        first_time: Seconds.
        last_time: Seconds.
        weight: Sum of the detections' scores.
        sizes: (5,) `SizeRecord.sums` of the animal's sizes.
        head: The animal at its first detection, as judged from the detections that follow.
        tail: The animal at its last detection, as judged from those before.
    """

    number: int
    first_frame: int
    last_frame: int
    first_time: float
    last_time: float
    weight: float
    sizes: np.ndarray
    head: Motion
    tail: Motion


class OpenTracklet:
    """A tracklet that may still grow.

    Args:
        number: Counts tracklets from 0 in the order of their beginnings.
        in_doubt: Whether it begins where another one ended because it was in doubt who is who.
    """

    def __init__(self, number: int, *, in_doubt: bool) -> None:
        self.number = number
        self.in_doubt = in_doubt
        self.n_detections = 0
        self.last_time = np.nan
        self._weight = 0.0
        self._sizes = SizeRecord()
        self._first_frame = self._last_frame = -1
        self._beginning: list[tuple[float, Observed]] = []

    @property
    def is_known(self) -> bool:
        """Whether more is known of the animal than one detection, which may be a false one."""
        return self.n_detections > 1 or self.in_doubt

    def add(self, frame: int, time: float, score: float, size: float, observed: Observed) -> None:
        """Add a detection (one pose); `size` may be NaN."""
        if not self.n_detections:
            self._first_frame = frame
        if len(self._beginning) < _BEGINNING:
            self._beginning.append((time, observed))
        self.n_detections += 1
        self._last_frame, self.last_time = frame, time
        self._weight += score
        self._sizes.add(time, size)

    def finish(self, tail: Motion, spread: np.ndarray, speed: float) -> Tracklet:
        """Sum it up; `tail` is the animal at its last detection."""
        later, observed = self._beginning[-1]
        head = start(observed, spread, speed)
        for time, observed in reversed(self._beginning[:-1]):
            head = correct(predict(head, later - time, speed), observed, spread)
            later = time
        return Tracklet(
            number=self.number,
            first_frame=self._first_frame,
            last_frame=self._last_frame,
            first_time=self._beginning[0][0],
            last_time=self.last_time,
            weight=self._weight,
            sizes=self._sizes.sums,
            head=head.reversed_in_time().compact(),
            tail=tail.compact(),
        )
