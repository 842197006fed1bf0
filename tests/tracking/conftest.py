"""Drawn recordings, and how tracking does on them."""

from collections.abc import Callable

import numpy as np
import pytest

from poetlab.drawn.detections import DrawnDetections
from poetlab.results.detections import DetectionBlock, join_instances
from poetlab.results.pose_blocks import fill_gaps, place_in_slots
from poetlab.tracking.figures import TrackingFigures, tracking_figures
from poetlab.tracking.identities import Identities, identities_of_blocks
from poetlab.tracking.settings import TrackingSettings
from poetlab.tracking.track import Tracks, track_detections

Frames = list[tuple[int, float, object]]


@pytest.fixture
def frames_of() -> Callable[[DrawnDetections], Frames]:
    """Detections as tracking takes them."""
    return lambda drawn: list(zip(range(len(drawn.frames)), drawn.animals.times.tolist(), drawn.frames, strict=True))


@pytest.fixture
def track(frames_of: Callable[[DrawnDetections], Frames]) -> Callable[..., tuple[Tracks, TrackingFigures]]:
    """`track(drawn, settings=...)`: track drawn detections, knowing how many animals there are, and compare."""

    def track_(drawn: DrawnDetections, settings: TrackingSettings | None = None) -> tuple[Tracks, TrackingFigures]:
        animals = drawn.animals
        n_animals = animals.keypoints.shape[1]
        settings = settings or TrackingSettings()
        tracks = track_detections(frames_of(drawn), animals.skeleton, settings, n_animals)
        names = tuple(f"animal_{number}" for number in range(n_animals))
        truth = Identities(names, np.arange(len(animals.times)), animals.keypoints)
        counts = np.array([len(instances) for instances in drawn.frames])
        block = DetectionBlock(truth.frames, animals.times, counts, join_instances(drawn.frames))
        poses = fill_gaps(place_in_slots([block], tracks.slots, n_animals), settings.fill_gap)
        found = identities_of_blocks(tracks.individuals, poses, truth.frames)
        return tracks, tracking_figures(truth, found, animals.skeleton)

    return track_
