"""Threshold, filling and smoothing, against brute force and scipy."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydantic import ValidationError
from scipy.interpolate import PchipInterpolator
from scipy.signal import savgol_filter

from poetlab.errors import ResultsError
from poetlab.filtering import FilterSettings, filter_poses
from poetlab.poses import Poses
from poetlab.skeleton import Skeleton

NAN = np.nan


def make_poses(x: Any, times: Any = None, visibility: Any = None, **changes: Any) -> Poses:
    """One animal with one keypoint that moves along x, and along y twice as far."""
    x = np.asarray(x, np.float64)
    n_frames = len(x)
    frames = np.arange(n_frames)
    seen = ~np.isnan(x)
    facts = {
        "skeleton": Skeleton("dot", ("dot",)),
        "individuals": ("ada",),
        "keypoints": np.stack([x, 2 * x], axis=-1)[:, None, None].astype(np.float32),
        "visibility": (seen if visibility is None else np.asarray(visibility))[:, None, None].astype(np.float32),
        "scores": seen[:, None].astype(np.float32),
        "frames": frames,
        "times": frames / 25 if times is None else np.asarray(times, np.float64),
        "size": (100, 200),
        "fps": 25.0,
        "video": "video.mp4",
        "model": "m",
        "tracked": True,
    }
    return Poses(**(facts | changes))


def filtered_x(poses: Poses, **settings: Any) -> list[float]:
    """The x of the dot, once y is known to have been treated alike."""
    positions = filter_poses(poses, FilterSettings(**settings)).keypoints[:, 0, 0].astype(np.float64)
    np.testing.assert_allclose(positions[:, 1], 2 * positions[:, 0], rtol=1e-5)
    return positions[:, 0].tolist()


def positions(min_size: int = 1) -> st.SearchStrategy[np.ndarray]:
    """The x of a few frames, many of them missing."""
    values = st.one_of(st.just(NAN), st.integers(0, 1000).map(float))
    return st.integers(min_size, 40).flatmap(lambda n: arrays(np.float64, n, elements=values))


def rising_times(n: int) -> st.SearchStrategy[np.ndarray]:
    """Times that are one to three units apart."""
    return arrays(np.float64, n, elements=st.integers(1, 3).map(float)).map(lambda steps: np.cumsum(steps) / 10)


def test_unlikely_keypoints_become_missing_and_keep_their_visibility():
    poses = make_poses([1, 2, 3, 4], visibility=[0.2, 0.5, 0.6, 0.49])
    new = filter_poses(poses, FilterSettings(threshold=0.5))
    np.testing.assert_array_equal(new.keypoints[:, 0, 0, 0], [NAN, 2, 3, NAN])
    np.testing.assert_array_equal(new.visibility, poses.visibility)
    np.testing.assert_array_equal(new.scores, poses.scores)


def test_short_gaps_are_filled_and_long_ones_and_the_ends_are_not():
    x = [NAN, 10, NAN, 20, NAN, NAN, 50, NAN, NAN, NAN, 90, NAN]
    assert filtered_x(make_poses(x), max_gap=2) == pytest.approx(
        [NAN, 10, 15, 20, 30, 40, 50, NAN, NAN, NAN, 90, NAN], nan_ok=True
    )


def test_gaps_are_filled_over_time_and_not_over_rows():
    assert filtered_x(make_poses([0, NAN, 10, 20, 30], times=[0, 0.03, 0.1, 0.2, 0.3]), max_gap=1)[1] == pytest.approx(
        3
    )


def test_a_gap_that_lasted_longer_than_its_rows_is_as_long_as_it_lasted():
    """Damaged frames have no row, but the time goes on."""
    poses = make_poses([0, 1, NAN, 3, 4, 5], times=[0, 0.1, 0.2, 0.9, 1.0, 1.1])
    assert np.isnan(filtered_x(poses, max_gap=3)[2])
    assert not np.isnan(filtered_x(poses, max_gap=7)[2])


@given(st.data(), st.integers(1, 6), st.sampled_from(["linear", "cubic"]))
def test_filling_is_that_of_brute_force_and_scipy(data: st.DataObject, max_gap: int, fill: str):
    x = data.draw(positions())
    times = data.draw(rising_times(len(x)))
    found = filtered_x(make_poses(x, times=times), max_gap=max_gap, fill=fill)
    known = np.flatnonzero(~np.isnan(x))
    step = np.median(np.diff(times)) if len(times) > 1 else 1
    for row in range(len(x)):
        before, after = known[known < row], known[known > row]
        expected = x[row]
        if np.isnan(x[row]) and len(before) and len(after):
            a, b = before[-1], after[0]
            if np.round((times[b] - times[a]) / step) - 1 <= max_gap:
                part = (times[row] - times[a]) / (times[b] - times[a])
                line = x[a] + part * (x[b] - x[a])
                expected = line if fill == "linear" else PchipInterpolator(times[known], x[known])(times[row])
                assert min(x[a], x[b]) - 1e-6 <= expected <= max(x[a], x[b]) + 1e-6
        assert found[row] == pytest.approx(expected, rel=1e-5, abs=1e-4, nan_ok=True)


def runs(x: np.ndarray, times: np.ndarray) -> list[list[int]]:
    """Rows of known positions that follow each other without a jump in time."""
    step = np.median(np.diff(times)) if len(times) > 1 else 1
    found: list[list[int]] = []
    for row in range(len(x)):
        if np.isnan(x[row]):
            continue
        if found and found[-1][-1] == row - 1 and times[row] - times[row - 1] <= 1.5 * step:
            found[-1].append(row)
        else:
            found.append([row])
    return found


@given(st.data(), st.sampled_from([3, 5, 9]))
def test_the_median_is_that_of_each_run_mirrored_at_its_ends(data: st.DataObject, window: int):
    x = data.draw(positions())
    times = data.draw(rising_times(len(x)))
    expected = x.copy()
    for run in runs(x, times):
        mirrored = np.pad(x[run], window // 2, mode="symmetric")
        expected[run] = [np.median(mirrored[i : i + window]) for i in range(len(run))]
    np.testing.assert_allclose(filtered_x(make_poses(x, times=times), smooth="median", window=window), expected)


@given(st.data(), st.sampled_from([(3, 1), (5, 2), (7, 3)]))
def test_savgol_is_scipys_on_each_run_that_is_long_enough(data: st.DataObject, window_and_order: tuple[int, int]):
    window, order = window_and_order
    x = data.draw(positions())
    times = data.draw(rising_times(len(x)))
    expected = x.copy()
    for run in runs(x, times):
        if len(run) >= window:
            expected[run] = savgol_filter(x[run], window, order)
    found = filtered_x(make_poses(x, times=times), smooth="savgol", window=window, order=order)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-3)


@given(st.data(), st.sampled_from([None, "median", "savgol"]), st.sampled_from([0.0, 0.5]), st.integers(0, 3))
def test_nothing_is_invented_outside_of_filled_gaps(
    data: st.DataObject, smooth: str | None, threshold: float, max_gap: int
):
    x = data.draw(positions())
    poses = make_poses(x, visibility=data.draw(arrays(np.float64, len(x), elements=st.sampled_from([0.1, 0.9]))))
    found = np.array(filtered_x(poses, threshold=threshold, smooth=smooth, max_gap=max_gap))
    known = ~np.isnan(x) & (poses.visibility[:, 0, 0] >= threshold)
    between = np.logical_or.accumulate(known) & np.logical_or.accumulate(known[::-1])[::-1]
    assert np.isnan(found[~between]).all()
    assert not np.isnan(found[known]).any()
    if not max_gap:
        np.testing.assert_array_equal(~np.isnan(found), known)
    if known.any():  # a median or a line never leaves the range of what is known
        inside = found[~np.isnan(found)]
        assert smooth == "savgol" or (x[known].min() <= inside.min() and inside.max() <= x[known].max())


def test_a_straight_way_stays_as_it_is():
    x = np.arange(20) * 3.0
    for settings in ({"smooth": "savgol"}, {"smooth": "savgol", "window": 9, "order": 3}):
        np.testing.assert_allclose(filtered_x(make_poses(x), **settings), x, atol=1e-4)


def test_each_individual_and_keypoint_is_for_itself():
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(0, 100, (30, 2, 3, 2)).astype(np.float32)
    keypoints[rng.random(keypoints.shape[:3]) < 0.2] = NAN
    shape = keypoints.shape[:3]
    settings = FilterSettings(max_gap=2, smooth="median")
    several = replace(
        make_poses(np.arange(30)),
        skeleton=Skeleton("three", ("a", "b", "c")),
        individuals=("ada", "bob"),
        keypoints=keypoints,
        visibility=np.ones(shape),
        scores=np.ones(shape[:2]),
    )
    found = filter_poses(several, settings).keypoints
    for individual, keypoint in np.ndindex(2, 3):
        alone = make_poses(np.arange(30), keypoints=keypoints[:, individual, keypoint][:, None, None])
        np.testing.assert_array_equal(found[:, individual, keypoint], filter_poses(alone, settings).keypoints[:, 0, 0])


def test_poses_given_are_not_changed_and_keep_their_type():
    poses = make_poses([1, NAN, 3, 7, 2])
    before = poses.keypoints.copy()
    new = filter_poses(poses, FilterSettings(threshold=0.5, max_gap=1, smooth="median"))
    np.testing.assert_array_equal(poses.keypoints, before)
    assert new.keypoints.dtype == np.float32


def test_slots_may_have_a_threshold_and_nothing_over_time():
    poses = make_poses([1, 2, 3])
    slots = replace(
        poses,
        individuals=("slot_1", "slot_2"),
        tracked=False,
        **{name: np.repeat(getattr(poses, name), 2, axis=1) for name in ("keypoints", "visibility", "scores")},
    )
    assert filter_poses(slots, FilterSettings(threshold=0.5)).keypoints.shape == (3, 2, 1, 2)
    for settings in (FilterSettings(max_gap=1), FilterSettings(smooth="median")):
        with pytest.raises(ResultsError, match=r"video\.mp4 are not tracked.*track it first"):
            filter_poses(slots, settings)
    assert filtered_x(replace(poses, tracked=False), smooth="median", window=3) == [
        1,
        2,
        3,
    ]  # one animal has no such problem


@pytest.mark.parametrize(
    "wrong", [{"window": 4}, {"window": 1}, {"smooth": "savgol", "order": 5}, {"threshold": 2}, {"fill": "spline"}]
)
def test_settings_that_do_not_fit(wrong: dict[str, Any]):
    with pytest.raises(ValidationError):
        FilterSettings(**wrong)
