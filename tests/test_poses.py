"""Arrays of poses: choosing instances, and the tidy table."""

import numpy as np
import pandas as pd
import pytest

from poetlab.poses import Instances, Poses
from poetlab.skeleton import Skeleton


@pytest.fixture
def instances() -> Instances:
    keypoints = np.arange(12.0).reshape(3, 2, 2)
    return Instances(
        keypoints, visibility=np.array([[0.9, 0.8], [0.7, 0.6], [0.5, 0.4]]), scores=np.array([0.9, 0.5, 0.1])
    )


@pytest.fixture
def poses() -> Poses:
    keypoints = np.arange(24.0).reshape(2, 2, 3, 2)
    visibility = np.linspace(0.1, 1, 12).reshape(2, 2, 3)
    scores = np.array([[0.9, 0.8], [0.7, 0.0]])
    keypoints[1, 1], visibility[1, 1] = np.nan, 0
    return Poses(
        skeleton=Skeleton("fly", ("head", "thorax", "abdomen")),
        individuals=("a", "b"),
        keypoints=keypoints,
        visibility=visibility,
        scores=scores,
        frames=np.array([5, 15]),
        times=np.array([0.2, 0.6]),
        size=(48, 64),
        fps=25.0,
        video="fly.mp4",
        model="run1",
        tracked=True,
    )


def test_the_best_instances_are_the_first(instances: Instances) -> None:
    best = instances.best(2)
    assert len(best) == 2
    np.testing.assert_array_equal(best.scores, [0.9, 0.5])
    np.testing.assert_array_equal(best.keypoints, instances.keypoints[:2])
    np.testing.assert_array_equal(best.visibility, instances.visibility[:2])


def test_moved_instances_are_the_same_poses_elsewhere(instances: Instances) -> None:
    before = instances.keypoints.copy()
    moved = instances.moved(10, -3)
    np.testing.assert_array_equal(moved.keypoints, before + np.array([10, -3]))
    np.testing.assert_array_equal(instances.keypoints, before)
    np.testing.assert_array_equal(moved.scores, instances.scores)
    assert moved.centers is None
    with_centers = Instances(before, instances.visibility, instances.scores, before[:, 0])
    np.testing.assert_array_equal(with_centers.moved(10, -3).centers, before[:, 0] + np.array([10, -3]))


def test_asking_for_more_instances_than_there_are_gives_all(instances: Instances) -> None:
    assert len(instances.best(7)) == 3
    assert len(instances.best(0)) == 0


def test_a_threshold_keeps_its_own_value(instances: Instances) -> None:
    kept = instances.above(0.5)
    np.testing.assert_array_equal(kept.scores, [0.9, 0.5])
    np.testing.assert_array_equal(kept.keypoints, instances.keypoints[:2])
    np.testing.assert_array_equal(kept.visibility, instances.visibility[:2])
    assert len(instances.above(0.95)) == 0


def test_the_table_has_one_row_a_frame_individual_and_keypoint(poses: Poses) -> None:
    table = poses.to_table()
    assert list(table.columns) == ["frame", "time", "individual", "keypoint", "x", "y", "visibility", "score"]
    assert len(table) == 2 * 2 * 3
    keys = table[["frame", "individual", "keypoint"]].astype(object)
    assert not keys.duplicated().any()


def test_every_row_of_the_table_is_one_entry_of_the_arrays(poses: Poses) -> None:
    for row in poses.to_table().itertuples():
        n = [5, 15].index(row.frame)
        i, k = poses.individuals.index(row.individual), poses.skeleton.keypoints.index(row.keypoint)
        np.testing.assert_array_equal([row.x, row.y], poses.keypoints[n, i, k])
        assert row.visibility == poses.visibility[n, i, k]
        assert row.score == poses.scores[n, i]
        assert row.time == poses.times[n]


def test_absent_individuals_have_no_positions_and_zeros(poses: Poses) -> None:
    table = poses.to_table()
    absent = table[(table["frame"] == 15) & (table["individual"] == "b")]
    assert len(absent) == 3
    assert absent[["x", "y"]].isna().to_numpy().all()
    assert (absent[["visibility", "score"]] == 0).to_numpy().all()


def test_names_in_the_table_keep_the_order_of_the_skeleton(poses: Poses) -> None:
    table = poses.to_table()
    assert isinstance(table["keypoint"].dtype, pd.CategoricalDtype)
    assert list(table["keypoint"].cat.categories) == ["head", "thorax", "abdomen"]
    assert list(table["individual"].cat.categories) == ["a", "b"]


def test_poses_without_frames_have_an_empty_table(poses: Poses) -> None:
    empty = Poses(
        **vars(poses)
        | {
            "keypoints": poses.keypoints[:0],
            "visibility": poses.visibility[:0],
            "scores": poses.scores[:0],
            "frames": poses.frames[:0],
            "times": poses.times[:0],
        }
    )
    assert poses.n_frames == 2
    assert empty.n_frames == 0
    assert len(empty.to_table()) == 0
    assert list(empty.to_table().columns) == list(poses.to_table().columns)
