"""Speeds of individuals."""

from dataclasses import replace

import numpy as np
import pytest

from poetlab.plots.speed import speeds
from poetlab.poses import Poses
from poetlab.skeleton import Skeleton


def make_poses(n_frames: int, stride: int = 1) -> Poses:
    """Two animals of three keypoints; the first walks 5 pixels a frame to the lower right, the second stands."""
    keypoints = np.zeros((n_frames, 2, 3, 2), np.float32)
    keypoints[:, 0] += np.arange(n_frames)[:, None, None] * np.array([3.0, 4.0]) * stride
    keypoints += np.array([[0, 0], [10, 0], [0, 30]])
    frames = np.arange(n_frames) * stride
    present = np.ones((n_frames, 2))
    visibility = np.ones((n_frames, 2, 3), np.float32)
    facts = {"size": (100, 100), "fps": 10.0, "video": "v", "model": "m", "tracked": True}
    skeleton = Skeleton("s", ("a", "b", "c"))
    return Poses(skeleton, ("ada", "bob"), keypoints, visibility, present, frames, frames / 10, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize("stride", [1, 4])
def test_speed_is_pixels_a_second(stride: int):
    found = speeds(make_poses(6, stride))
    assert np.isnan(found[0]).all()
    np.testing.assert_allclose(found[1:], [[50, 0]] * 5, rtol=1e-5)


def test_a_keypoint_that_is_hidden_does_not_move_the_center():
    poses = make_poses(8)
    poses.visibility[2:5, :, 2] = 0.1
    poses.keypoints[6, :, 1] = np.nan
    np.testing.assert_allclose(speeds(poses)[1:], [[50, 0]] * 7, rtol=1e-5)


def test_gaps_are_not_bridged():
    poses = make_poses(8)
    poses.keypoints[3, 0] = np.nan
    poses.visibility[5, 1] = 0.2
    found = speeds(poses)
    assert np.flatnonzero(np.isnan(found[:, 0])).tolist() == [0, 3, 4]
    assert np.flatnonzero(np.isnan(found[:, 1])).tolist() == [0, 5, 6]
    kept = np.array([0, 1, 2, 5, 6, 7])  # frames 3 and 4 are missing altogether
    names = ("keypoints", "visibility", "scores", "frames", "times")
    fewer = replace(make_poses(8), **{name: getattr(make_poses(8), name)[kept] for name in names})
    assert np.flatnonzero(np.isnan(speeds(fewer)[:, 0])).tolist() == [0, 3]


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(0)
    poses = make_poses(500)
    poses = replace(poses, keypoints=rng.normal(size=poses.keypoints.shape), visibility=rng.uniform(size=(500, 2, 3)))
    at_once = speeds(poses)
    monkeypatch.setattr("poetlab.plots.speed._ROWS_AT_ONCE", 7)
    np.testing.assert_array_equal(speeds(poses), at_once)
    assert np.isfinite(at_once).any()


def test_a_single_frame_has_no_speed():
    assert np.isnan(speeds(make_poses(1))).all()
