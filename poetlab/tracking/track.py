"""Detections into individuals."""

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice, pairwise

import numpy as np

from poetlab.poses import Instances
from poetlab.results.joins import Joins, make_joins
from poetlab.skeleton import Skeleton
from poetlab.tracking.linking import Linker
from poetlab.tracking.scale import Scale, measure
from poetlab.tracking.settings import TrackingSettings
from poetlab.tracking.stitching import stitch
from poetlab.tracking.tracklets import Tracklet

_MEASURED_FRAMES = 500
"""Frames with detections from which body length and noise are measured."""

_LEAST_PRESENCE = 0.5

Frame = tuple[int, float, Instances]
"""Number of a frame, its time in seconds, and what was detected in it."""


@dataclass(frozen=True, eq=False)
class Tracks:
    """Which detection is which individual.

    Attributes:
        individuals: Names; no two detections of one frame have the same.
        slots: (detections,) position of each detection's individual in `individuals`, in the order in which the
            detections were given; -1 for one that belongs to none.
        joins: Where two stretches of detections were taken for one animal: where a switch could be.
        presence: Part of the frames with detections in which there is an individual that is seen more than once; 1
            if there is no detection.
    """

    individuals: tuple[str, ...]
    slots: np.ndarray
    joins: Joins
    presence: float = 1.0

    @property
    def n_seen(self) -> int:
        """Individuals that are ever seen; with a fixed number of names, there may be more names."""
        return len(np.unique(self.slots[self.slots >= 0]))

    @property
    def tell_apart(self) -> bool:
        """Whether the animals could be followed at all: not where frames are so far apart that nothing goes on."""
        return bool(self.individuals) and self.presence >= _LEAST_PRESENCE


def track_detections(
    frames: Iterable[Frame],
    skeleton: Skeleton,
    settings: TrackingSettings,
    n_individuals: int | None,
    on_frames: Callable[[int], None] | None = None,
) -> Tracks:
    """Give each animal one name throughout a video.

    Memory grows by one number a detection and a frame, and by little a tracklet, so it does not matter how long the
    video is.

    Args:
        frames: Frames in the order of time; those without a detection may be left out.
        skeleton: Names of the keypoint axis, and OKS sigmas.
        settings: Limits.
        n_individuals: How many animals there are; None for any number.
        on_frames: Called with the number of frames just linked.

    Returns:
        The individuals `individual_1` and so on, in the order in which they are first seen; with a fixed number
        exactly so many, also where fewer were ever found.
    """
    rest = _not_empty(frames, on_frames)
    first = list(islice(rest, _MEASURED_FRAMES))
    scale = measure(first, skeleton)
    linker = Linker(scale, settings.max_speed)
    numbers, firsts = array("i"), array("i")
    for frame, time, instances in chain(first, rest):
        firsts.append(len(numbers))
        numbers.extend(linker.add(frame, time, instances).tolist())
    tracklets = linker.finish()
    chains, margins = stitch(tracklets, n_individuals, scale, settings, linker.speed)
    if n_individuals is None:
        chains = [numbers for numbers in chains if _duration(numbers, tracklets, scale) >= settings.min_duration]
    n_names = len(chains) if n_individuals is None else n_individuals
    individuals = tuple(f"individual_{number}" for number in range(1, n_names + 1))
    slots = _slots(np.frombuffer(numbers, dtype=np.intc), tracklets, chains)
    joins = _joins(tracklets, chains, margins)
    return Tracks(individuals, slots, joins, _presence(slots, np.frombuffer(firsts, dtype=np.intc)))


def _joins(tracklets: list[Tracklet], chains: list[list[int]], margins: np.ndarray) -> Joins:
    """The places between the tracklets of each individual."""
    places = [
        (tracklets[after].first_frame, tracklets[before].last_frame, individual, float(margins[before]))
        for individual, numbers in enumerate(chains)
        for before, after in pairwise(numbers)
    ]
    return make_joins(places)


def _presence(slots: np.ndarray, firsts: np.ndarray) -> float:
    """`Tracks.presence`, from the slots and the places of each frame's first detection."""
    if not len(firsts):
        return 1.0
    times_seen = np.bincount(slots[slots >= 0], minlength=1)
    is_followed = (slots >= 0) & (times_seen[slots] > 1)
    return float(np.logical_or.reduceat(is_followed, firsts).mean())


def _not_empty(frames: Iterable[Frame], on_frames: Callable[[int], None] | None) -> Iterator[Frame]:
    """The frames in which something was detected."""
    for frame in frames:
        if len(frame[2]):
            yield frame
        if on_frames:
            on_frames(1)


def _duration(chain_of_tracklets: list[int], tracklets: list[Tracklet], scale: Scale) -> float:
    """Seconds in which an individual was followed."""
    parts = [tracklets[number] for number in chain_of_tracklets]
    return sum(part.last_time - part.first_time + scale.frame_interval for part in parts)


def _slots(numbers: np.ndarray, tracklets: list[Tracklet], chains: list[list[int]]) -> np.ndarray:
    """(detections,) slots, from the tracklets' numbers (-1 for none) and the tracklets of each slot."""
    slot_of = np.full(numbers.max(initial=-1) + 2, -1)  # the last one is for -1
    for slot, positions in enumerate(chains):
        slot_of[[tracklets[position].number for position in positions]] = slot
    return slot_of[numbers]
