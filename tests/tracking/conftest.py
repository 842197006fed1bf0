"""Drawn recordings, and how tracking does on them."""

from collections.abc import Callable

import numpy as np
import pytest

from poetlab.drawn.detections import DrawnDetections
from poetlab.tracking.figures import TrackingFigures, tracking_figures
from poetlab.tracking.identities import Identities, identities_of_tracks
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
        tracks = track_detections(frames_of(drawn), animals.skeleton, settings or TrackingSettings(), n_animals)
        names = tuple(f"animal_{number}" for number in range(n_animals))
        truth = Identities(names, np.arange(len(animals.times)), animals.keypoints)
        found = identities_of_tracks(frames_of(drawn), tracks, truth.frames)
        return tracks, tracking_figures(truth, found, animals.skeleton)

    return track_
