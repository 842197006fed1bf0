"""Tracking: animals that are known, and everything that goes wrong in finding them."""

from collections.abc import Callable
from pathlib import Path
from time import process_time

import h5py
import numpy as np
import pytest

from poetlab.drawn.detections import (
    FALSE,
    DrawnAnimals,
    DrawnDetections,
    Faults,
    darting_animals,
    detect,
    wandering_animals,
)
from poetlab.drawn.scenario import Scenario
from poetlab.poses import Instances
from poetlab.skeleton import Skeleton
from poetlab.tracking.settings import TrackingSettings
from poetlab.tracking.track import Tracks, track_detections

USUAL_FAULTS = Faults(missed=0.1, false=0.02, noise=2)


def wanderers(seed: int, **choices: object) -> DrawnAnimals:
    """Five lizards that cross, touch, leave the picture and come back."""
    facts = {"n_frames": 2000, "n_animals": 5, "size": (384, 384), "fps": 25.0}
    scenario = Scenario(body_length=0.17, roaming=0.6, sociability=0.4)
    return wandering_animals(seed, **(facts | {"scenario": scenario} | choices))


def read_flies(path: Path) -> DrawnAnimals:
    """The labelled flies of SLEAP's file, by their tracks."""
    with h5py.File(path) as file:
        frames, instances, points = file["frames"][:], file["instances"][:], file["points"][:]
    n_frames, k = len(frames), int(instances["point_id_end"][0] - instances["point_id_start"][0])
    keypoints = np.full((n_frames, 2, k, 2), np.nan)
    frame_of = {int(frame["frame_id"]): int(frame["frame_idx"]) for frame in frames}
    for instance in instances:
        found = points[int(instance["point_id_start"]) : int(instance["point_id_end"])]
        pose = np.where(found["visible"][:, None], np.stack([found["x"], found["y"]], axis=1), np.nan)
        keypoints[frame_of[int(instance["frame_id"])], instance["track"]] = pose
    skeleton = Skeleton("fly", tuple(f"point_{number}" for number in range(k)))
    return DrawnAnimals(skeleton, keypoints, np.arange(n_frames) / 30, 100.0, (1024, 1024))


@pytest.mark.shared_data
@pytest.mark.parametrize("seed", [None, 0, 1, 2, 3, 4])
def test_two_flies_keep_their_identities_for_1000_frames(shared_data: Path, track: Callable, seed: int | None) -> None:
    flies = read_flies(shared_data / "flies_clip13" / "tracks_first1000.slp")
    faults = Faults() if seed is None else Faults(missed=0.1, noise=1)
    tracks, figures = track(detect(flies, faults, seed or 0))
    assert tracks.individuals == ("individual_1", "individual_2")
    assert figures.n_frames == 1000
    assert figures.switches == 0
    assert figures.idf1_of_found == 1
    assert figures.n_missed == pytest.approx(0 if seed is None else 200, abs=50)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [*range(5), 300, 301, 302])  # no threshold was chosen with the last three in view
def test_five_alike_animals_keep_their_names(track: Callable, seed: int) -> None:
    animals = wanderers(seed)
    gone = ~np.isfinite(animals.keypoints).any((2, 3))
    assert gone.any()  # they do leave
    tracks, figures = track(detect(animals, USUAL_FAULTS, seed))
    assert len(tracks.individuals) == 5
    assert figures.idf1_of_found >= 0.98


def test_beetles_that_dart_and_touch_keep_their_names(track: Callable) -> None:
    beetles = darting_animals(0, n_frames=1000, n_animals=2, size=(200, 200), fps=30, body_length=50)
    faults = Faults(missed=0.1, false=0.02, noise=1, duplicates=0.05, missing_keypoints=0.1)
    _, figures = track(detect(beetles, faults, 0))
    assert figures.idf1_of_found >= 0.99


@pytest.mark.slow
def test_a_frame_of_five_animals_takes_about_a_millisecond_however_long_the_video(frames_of: Callable) -> None:
    drawn = detect(wanderers(0), USUAL_FAULTS, 0)
    seconds = {}
    for n_frames in (500, 2000):
        begin = process_time()
        track_detections(frames_of(drawn)[:n_frames], drawn.animals.skeleton, TrackingSettings(), 5)
        seconds[n_frames] = (process_time() - begin) / n_frames
    assert seconds[2000] < 0.0015
    assert seconds[2000] < 1.5 * seconds[500]


@pytest.fixture(scope="module")
def drawn() -> DrawnDetections:
    """A short recording with every fault."""
    faults = Faults(missed=0.1, false=0.1, noise=2, duplicates=0.1, missing_keypoints=0.1, hidden_seconds=0.5)
    return detect(wanderers(3, n_frames=200, n_animals=3), faults, 3)


def test_no_name_is_used_twice_in_a_frame(drawn: DrawnDetections, track: Callable) -> None:
    tracks, _ = track(drawn)
    assert len(tracks.slots) == sum(map(len, drawn.frames))
    ends = np.cumsum([len(instances) for instances in drawn.frames])
    for slots in np.split(tracks.slots, ends[:-1]):
        used = slots[slots >= 0]
        assert len(set(used)) == len(used)
        assert (used < 3).all()


def test_few_false_detections_and_no_duplicate_get_names(drawn: DrawnDetections, track: Callable) -> None:
    tracks, _ = track(drawn)
    is_false = drawn.identities == FALSE
    assert is_false.sum() > 30
    assert (tracks.slots[is_false] >= 0).mean() < 0.2
    assert (tracks.slots[~is_false] >= 0).mean() > 0.85


def test_neither_scale_nor_frame_rate_matters(drawn: DrawnDetections, frames_of: Callable) -> None:
    skeleton, settings = drawn.animals.skeleton, TrackingSettings()
    expected = track_detections(frames_of(drawn), skeleton, settings, 3)
    larger = [
        (frame, time, Instances(found.keypoints * 8 + 100, found.visibility, found.scores))
        for frame, time, found in frames_of(drawn)
    ]
    np.testing.assert_array_equal(track_detections(larger, skeleton, settings, 3).slots, expected.slots)


def test_frames_that_were_not_analyzed_are_no_gaps(drawn: DrawnDetections, frames_of: Callable) -> None:
    frames = frames_of(drawn)
    every_tenth = [(10 * number, 10 * time, found) for number, time, found in frames]
    alone = [(number, 10 * time, found) for number, time, found in frames]
    skeleton, settings = drawn.animals.skeleton, TrackingSettings()
    strided, expected = (track_detections(each, skeleton, settings, 3) for each in (every_tenth, alone))
    np.testing.assert_array_equal(strided.slots, expected.slots)


def test_animals_that_cannot_be_followed_are_said_not_to_be_told_apart(
    drawn: DrawnDetections, frames_of: Callable
) -> None:
    def track_every(stride: int) -> Tracks:
        return track_detections(frames_of(drawn)[::stride], drawn.animals.skeleton, TrackingSettings(), 3)

    assert track_every(1).tell_apart
    assert track_every(1).presence > 0.95
    assert not track_every(50).tell_apart
    assert not track_every(1000).tell_apart, "a single frame"
    assert track_detections([], drawn.animals.skeleton, TrackingSettings(), 3).tell_apart, "nothing is lost"


def test_the_same_detections_give_the_same_tracks(drawn: DrawnDetections, frames_of: Callable) -> None:
    skeleton, settings = drawn.animals.skeleton, TrackingSettings()
    one, other = (track_detections(iter(frames_of(drawn)), skeleton, settings, 3) for _ in range(2))
    np.testing.assert_array_equal(one.slots, other.slots)


def test_a_fixed_number_of_individuals_is_that_number_whatever_is_found(drawn: DrawnDetections) -> None:
    skeleton = drawn.animals.skeleton
    empty = drawn.frames[0].take(slice(0))
    tracks = track_detections([(0, 0.0, empty), (1, 0.04, empty)], skeleton, TrackingSettings(), 2)
    assert (tracks.individuals, len(tracks.slots)) == (("individual_1", "individual_2"), 0)
    assert len(track_detections([], skeleton, TrackingSettings(), 4).individuals) == 4
    nothing = Instances(np.full((1, skeleton.n_keypoints, 2), np.nan), np.zeros((1, skeleton.n_keypoints)), np.ones(1))
    assert track_detections([(0, 0.0, nothing)] * 2, skeleton, TrackingSettings(), 1).slots.tolist() == [-1, -1]


def crossing(pause: float) -> tuple[list[tuple[int, float, Instances]], Skeleton]:
    """One animal that walks, is away for some seconds, and walks on."""
    skeleton = Skeleton("worm", ("head", "middle", "tail"))
    pose = np.array([[[20.0, 0], [0, 0], [-20, 0]]])
    frames = []
    for number in range(50):
        time = number / 25 + (pause if number >= 25 else 0)
        shown = Instances(pose + np.array([time * 10, 50]), np.ones((1, 3)), np.ones(1))
        frames.append((round(time * 25), time, shown))
    return frames, skeleton


@pytest.mark.parametrize(("pause", "n"), [(0.0, 1), (1.0, 1), (5.0, 2)])
def test_an_unlimited_number_of_individuals_ends_a_name_after_the_longest_gap(pause: float, n: int) -> None:
    frames, skeleton = crossing(pause)
    settings = TrackingSettings(unlimited=True, max_gap=2)
    assert len(track_detections(frames, skeleton, settings, None).individuals) == n
    assert track_detections(frames, skeleton, settings, 1).slots.tolist() == [0] * 50


@pytest.mark.parametrize("n_empty", [0, 700])
def test_animals_may_come_late(n_empty: int) -> None:
    frames, skeleton = crossing(0.0)
    empty = frames[0][2].take(slice(0))
    before = [(number, number / 25, empty) for number in range(n_empty)]
    later = [(number + n_empty, time + n_empty / 25, found) for number, time, found in frames]
    assert track_detections(before + later, skeleton, TrackingSettings(), 1).slots.tolist() == [0] * 50


def test_what_is_seen_too_shortly_gets_no_name_of_its_own() -> None:
    frames, skeleton = crossing(0.0)
    tracks = track_detections(frames, skeleton, TrackingSettings(unlimited=True, min_duration=3), None)
    assert (tracks.individuals, set(tracks.slots.tolist())) == ((), {-1})


def test_no_animal_is_faster_than_allowed() -> None:
    frames, skeleton = crossing(0.0)
    jumped = [
        (number, time, Instances(found.keypoints + (400 if number >= 25 else 0), found.visibility, found.scores))
        for number, time, found in frames
    ]
    unlimited = TrackingSettings(unlimited=True)
    assert len(track_detections(jumped, skeleton, unlimited, None).individuals) == 2
    assert (track_detections(jumped, skeleton, TrackingSettings(max_speed=1), 1).slots >= 0).sum() == 25


def test_progress_is_told_frame_by_frame(drawn: DrawnDetections, frames_of: Callable) -> None:
    told: list[int] = []
    track_detections(frames_of(drawn), drawn.animals.skeleton, TrackingSettings(), 3, told.append)
    assert sum(told) == 200
