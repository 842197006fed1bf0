"""Each signal is large where what it is named after happens, and nowhere else."""

import numpy as np
import pytest

from poetlab.frames.ranking import combine_ranks, part_surer, reasons_for
from poetlab.frames.signals import (
    WORDS,
    body_length,
    extra_animals,
    jump,
    low_score,
    measure_results,
    missing_animals,
    unsure_visibility,
)
from poetlab.poses import Poses
from poetlab.skeleton import Skeleton

N_FRAMES = 9
NO_JUMP = [np.nan, *np.zeros(7), np.nan]
"""Of the first and the last frame nothing is known."""
SHAPE = np.array([[0.0, 0.0], [3.0, 4.0]])
"""A pose 5 pixels long."""


def make_poses(*, tracked: bool = True) -> Poses:
    """Two animals that move by 2 pixels a frame, far from each other, of which the network is sure."""
    way = 2.0 * np.arange(N_FRAMES)[:, None, None]
    keypoints = np.stack([SHAPE + way, SHAPE + np.array([200, 0]) + way], axis=1)
    return Poses(
        Skeleton("fly", ("head", "tail"), (("head", "tail"),)),
        ("ada", "bob"),
        keypoints,
        np.ones((N_FRAMES, 2, 2)),
        np.full((N_FRAMES, 2), 0.9),
        np.arange(N_FRAMES),
        np.arange(N_FRAMES) / 25,
        (300, 300),
        25.0,
        "video.mp4",
        "net",
        tracked,
    )


def remove(poses: Poses, frame: int, individual: int) -> None:
    poses.keypoints[frame, individual] = np.nan
    poses.visibility[frame, individual] = 0
    poses.scores[frame, individual] = 0


def test_scores_count_in_the_mean_of_the_animals_that_were_found() -> None:
    poses = make_poses()
    poses.scores[3, 1] = 0.3
    remove(poses, 5, 0)
    expected = np.full(N_FRAMES, 0.1)
    expected[3] = (0.1 + 0.7) / 2
    assert low_score(poses) == pytest.approx(expected)


def test_of_a_frame_without_animals_only_their_number_is_known() -> None:
    poses = make_poses()
    remove(poses, 4, 0)
    remove(poses, 4, 1)
    assert np.isnan([low_score(poses)[4], unsure_visibility(poses)[4], jump(poses)[4]]).all()
    unsure = combine_ranks(measure_results(poses, (poses.scores > 0).sum(axis=1), 2))
    assert unsure.argmax() == 4, "a frame in which all animals are missed is no sure one"


def test_visibilities_near_a_half_are_unsure_and_others_are_not() -> None:
    poses = make_poses()
    poses.visibility[2, 0] = 0.5, 0.75
    poses.visibility[6, 1] = 0.0
    expected = np.zeros(N_FRAMES)
    expected[2] = (1 + 0.5) / 2 / 2
    assert unsure_visibility(poses) == pytest.approx(expected)


@pytest.mark.parametrize("tracked", [True, False])
def test_steady_motion_is_no_jump(tracked: bool) -> None:
    assert jump(make_poses(tracked=tracked)) == pytest.approx(NO_JUMP, nan_ok=True)


@pytest.mark.parametrize("tracked", [True, False])
def test_a_jump_is_measured_in_body_lengths(tracked: bool) -> None:
    poses = make_poses(tracked=tracked)
    poses.keypoints[4, 1] += [0, 10]
    found = jump(poses)
    assert found[4] == pytest.approx(2)
    assert found[[3, 5]] == pytest.approx([1, 1])
    assert found[[1, 2, 6, 7]] == pytest.approx(np.zeros(4))


def test_one_keypoint_that_jumps_counts() -> None:
    poses = make_poses()
    poses.keypoints[4, 0, 1] += [0, 10]
    assert jump(poses)[4] == pytest.approx(np.sqrt(100 / 2) / 5)


@pytest.mark.parametrize("tracked", [True, False])
@pytest.mark.parametrize("frame", [3, 4, 5])
def test_a_keypoint_that_cannot_be_seen_does_not_jump(frame: int, tracked: bool) -> None:
    """Where it is, is a guess; a person could not label it."""
    poses = make_poses(tracked=tracked)
    poses.keypoints[frame, 0, 1] += [0, 10]
    poses.visibility[frame, 0, 1] = 0.4
    assert jump(poses) == pytest.approx(NO_JUMP, nan_ok=True)


def test_slots_that_change_places_are_no_jump_but_names_that_do_are() -> None:
    slots, named = make_poses(tracked=False), make_poses()
    for poses in (slots, named):
        poses.keypoints[5:] = poses.keypoints[5:, ::-1].copy()
    assert jump(slots) == pytest.approx(NO_JUMP, nan_ok=True)
    assert jump(named)[4] == pytest.approx(20, rel=0.01)


def test_an_animal_that_was_away_does_not_jump() -> None:
    poses = make_poses()
    remove(poses, 4, 0)
    assert jump(poses) == pytest.approx(NO_JUMP, nan_ok=True)


@pytest.mark.parametrize("n_frames", [1, 2])
def test_few_frames_have_no_jump(n_frames: int) -> None:
    poses = make_poses()
    parts = {name: getattr(poses, name)[:n_frames] for name in ("keypoints", "visibility", "times")}
    short = Poses(**{**vars(poses), **parts})
    assert np.isnan(jump(short)).all()


def test_missing_and_extra_animals() -> None:
    counts = np.array([2, 1, 2, 4, 0])
    assert missing_animals(counts, 2).tolist() == [0, 1, 0, 0, 2]
    assert extra_animals(counts, 2).tolist() == [0, 0, 0, 2, 0]


def test_the_body_length_is_the_median_and_needs_no_whole_pose() -> None:
    poses = make_poses()
    assert body_length(poses) == pytest.approx(5)
    poses.keypoints[:5] = np.nan
    assert body_length(poses) == pytest.approx(5)
    poses.keypoints[:] = np.nan
    assert body_length(poses) == 1


def test_every_signal_has_words() -> None:
    assert {*measure_results(make_poses(), np.full(N_FRAMES, 2), 2), "layers"} == set(WORDS)


def test_ranks_have_no_units_and_equal_frames_share_a_place() -> None:
    large, small = np.array([100.0, 300, 200]), np.array([0.1, 0.3, 0.2])
    assert combine_ranks({"a": large}) == pytest.approx(combine_ranks({"a": small}))
    assert combine_ranks({"a": large, "b": np.zeros(3)}) == pytest.approx([0.25, 0.75, 0.5])
    assert combine_ranks({"a": np.array([0.0, 0, 1, 1])}) == pytest.approx([1 / 6, 1 / 6, 5 / 6, 5 / 6])
    assert combine_ranks({"a": np.array([7.0])}) == pytest.approx([0.5])


def test_a_signal_that_is_not_known_is_no_place_at_the_end() -> None:
    known = np.array([3.0, 1, 2])
    assert combine_ranks({"a": np.array([3.0, np.nan, 1, 2])}) == pytest.approx([1, 1 / 2, 0, 1 / 2])
    assert part_surer(np.array([3.0, np.nan, 1, 2]))[[0, 2, 3]] == pytest.approx(part_surer(known))
    assert np.isnan(part_surer(np.array([3.0, np.nan]))[1])
    assert combine_ranks({"a": np.full(3, np.nan)}) == pytest.approx([0.5] * 3)


@pytest.mark.parametrize("signal", ["low_score", "visibility", "jump", "missing", "extra"])
def test_every_signal_moves_a_frame_up(signal: str) -> None:
    """The same poses, but for what one frame is unsure of."""
    poses, counts = make_poses(), np.full(N_FRAMES, 2)
    before = combine_ranks(measure_results(poses, counts, 2))
    if signal == "low_score":
        poses.scores[4, 0] = 0.2
    elif signal == "visibility":
        poses.visibility[4, 0] = 0.6
    elif signal == "jump":
        poses.keypoints[4, 0] += [0, 10]
    elif signal == "missing":
        remove(poses, 4, 1)
        counts[4] = 1
    else:
        counts[4] = 3
    measured = measure_results(poses, counts, 2)
    assert np.nanargmax(measured[signal]) == 4
    after = combine_ranks(measured)
    assert after[4] > before[4]
    assert after.argmax() == 4


def test_the_part_that_is_surer_leaves_out_equal_frames() -> None:
    assert part_surer(np.array([0.0, 0, 5, 1])).tolist() == [0, 0, 0.75, 0.5]


def test_reasons_are_what_stands_out_the_clearest_first() -> None:
    values = {"low_score": 0.7, "jump": 1.5, "missing": 0.0, "visibility": 0.2, "layers": 0.05}
    surer = {"low_score": 0.8, "jump": 0.99, "missing": 0.9, "visibility": 0.5, "layers": 0.76}
    first, second, third = reasons_for(values, surer)
    assert first == "an animal jumps (1.50 body lengths)"
    assert second == "scores of only 0.30 in the mean"
    assert third == "the decoder's layers disagree (5.0% of the animal's length)"


def test_if_nothing_stands_out_the_strongest_is_the_reason() -> None:
    assert reasons_for({"extra": 1.0, "jump": 0.1}, {"extra": 0.6, "jump": 0.3}) == (
        "more animals than usual (1 too many)",
    )
    assert reasons_for({"extra": 0.0}, {"extra": 0.0}) == ()
