"""An animal that was lost at a touch, and turns up just when the other one is missed."""

import numpy as np
import pytest

from poetlab.poses import Instances
from poetlab.skeleton import Skeleton
from poetlab.tracking.settings import TrackingSettings
from poetlab.tracking.track import track_detections

SKELETON = Skeleton("worm", ("head", "middle", "tail"))
POSE = np.array([[20.0, 0], [0, 0], [-20, 0]])
LOST, BACK, N_FRAMES = 20, 45, 70


def found_in(number: int) -> list[int]:
    """The first animal is hidden from frame 20 on; in frame 45 it is there again, and the second one is missed."""
    if number == BACK:
        return [0]
    return [1] if LOST <= number < BACK else [0, 1]


def frames(pixels_between: float) -> list[tuple[int, float, Instances]]:
    """Both walk to the right; the first one comes near the second, walks beside it for a while, and leaves it."""
    shown = []
    for number in range(N_FRAMES):
        below = [max(abs(number - 35) - 10, 0) * 2 + pixels_between, 0]
        poses = np.stack([POSE + np.array([2.0 * number, 50 + below[animal]]) for animal in found_in(number)])
        found = Instances(poses, np.ones(poses.shape[:2]), np.linspace(0.9, 0.8, len(poses)))
        shown.append((number, number / 25, found))
    return shown


@pytest.mark.parametrize("pixels_between", [8, 9, 10])
def test_it_is_not_taken_for_the_other_one(pixels_between: float) -> None:
    tracks = track_detections(frames(pixels_between), SKELETON, TrackingSettings(), 2)
    animals = np.concatenate([found_in(number) for number in range(N_FRAMES)])
    same = tracks.slots == animals
    assert same.all() or not same.any()
    assert (tracks.slots >= 0).all()


def test_the_joins_are_where_it_was_lost_and_where_it_could_be_switched() -> None:
    tracks = track_detections(frames(8), SKELETON, TrackingSettings(), 2)
    table = tracks.joins.to_table(tracks.individuals)
    lost, *_ = np.flatnonzero(table["last_frame"] == LOST - 1)
    assert table["first_frame"][lost] == BACK
    assert (np.diff(table["first_frame"]) >= 0).all()
    assert table["individual"].nunique() == 2
