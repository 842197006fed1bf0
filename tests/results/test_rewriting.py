"""New result files out of finished ones."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from poetlab.errors import ResultsError
from poetlab.poses import Instances
from poetlab.results.reading import iter_detections, read_attributes, read_poses
from poetlab.results.rewriting import rewrite_results, write_poses
from poetlab.results.writing import ResultsWriter

NUMBERS = np.arange(4, 28, 2)


@pytest.fixture
def source(open_writer: Callable[..., ResultsWriter], frames: list[Instances], tmp_path: Path) -> Path:
    """Results of every other frame; of 25 detections."""
    with open_writer("source.h5", tracked=False) as writer:
        writer.append(NUMBERS / 25, frames, NUMBERS)
        writer.finish(["a problem"])
    return tmp_path / "source.h5"


def test_individuals_by_detection(source: Path, tmp_path: Path):
    before = source.read_bytes()
    detections = list(iter_detections(source))
    rng = np.random.default_rng(3)
    slots = np.concatenate([rng.permutation(np.array([0, 1, 2, -1, -1])[: len(d)]) for _, _, d in detections])
    path = tmp_path / "tracked.h5"
    names = ("ann", "bob", "cyd")
    rewrite_results(source, path, individuals=names, slots=slots, tracked=True, tracking={"max_gap": 5})
    poses = read_poses(path)
    assert (poses.individuals, poses.tracked) == (names, True)
    np.testing.assert_array_equal(poses.frames, NUMBERS)
    detection = 0
    for row, (_, _, found) in enumerate(detections):
        places = slots[detection : detection + len(found)]
        detection += len(found)
        for individual in range(3):
            if individual in places:
                one = found.take(places == individual)
                np.testing.assert_array_equal(poses.keypoints[row, individual], one.keypoints[0])
                np.testing.assert_array_equal(poses.visibility[row, individual], one.visibility[0])
                assert poses.scores[row, individual] == one.scores[0]
            else:
                assert np.isnan(poses.keypoints[row, individual]).all()
                assert poses.scores[row, individual] == 0
    assert source.read_bytes() == before
    assert_same_detections(source, path)
    attributes, earlier = read_attributes(path), read_attributes(source)
    assert attributes.pop("tracking") == {"max_gap": 5}
    assert attributes == earlier | {"tracked": 1, "individuals": list(names)}
    columns = pd.read_hdf(path).columns.get_level_values("individuals").unique()
    assert columns.tolist() == list(names)


def assert_same_detections(one: Path, other: Path) -> None:
    with h5py.File(one) as first, h5py.File(other) as second:
        for name in ("frames", "times", *(f"detections/{part}" for part in first["poetlab/detections"])):
            np.testing.assert_array_equal(first["poetlab"][name], second["poetlab"][name])


def test_slots_by_score_give_the_source_again(source: Path, tmp_path: Path):
    slots = np.concatenate(
        [np.where(np.arange(len(d)) < 2, np.arange(len(d)), -1) for _, _, d in iter_detections(source)]
    )
    rewrite_results(source, tmp_path / "again.h5", individuals=("zoe", "adam"), slots=slots, tracked=False)
    assert (tmp_path / "again.h5").read_bytes() == source.read_bytes()


def test_nobody_found_still_has_a_column(source: Path, tmp_path: Path):
    rewrite_results(source, tmp_path / "nobody.h5", individuals=("a",), slots=np.full(24, -1), tracked=True)
    poses = read_poses(tmp_path / "nobody.h5")
    assert np.isnan(poses.keypoints).all()
    assert pd.read_hdf(tmp_path / "nobody.h5").shape == (12, 12)
    assert_same_detections(source, tmp_path / "nobody.h5")


def test_no_names_at_all_are_refused(source: Path, tmp_path: Path):
    with pytest.raises(ResultsError, match="at least one individual"):
        rewrite_results(source, tmp_path / "new.h5", individuals=(), slots=np.full(24, -1), tracked=True)
    assert [path.name for path in tmp_path.iterdir()] == ["source.h5"]


@pytest.mark.parametrize("slots", [np.zeros(3, int), np.full(24, 2), np.full(24, -2)])
def test_slots_that_do_not_fit_are_refused(source: Path, tmp_path: Path, slots: np.ndarray):
    with pytest.raises(ResultsError, match="has 24 detections; give each a slot from -1 to 1"):
        rewrite_results(source, tmp_path / "new.h5", individuals=("a", "b"), slots=slots, tracked=True)
    assert [path.name for path in tmp_path.iterdir()] == ["source.h5"]


def test_two_detections_of_one_individual_in_one_frame_are_refused(source: Path, tmp_path: Path):
    with pytest.raises(ResultsError, match="frame 8: two detections have the same individual"):
        rewrite_results(source, tmp_path / "new.h5", individuals=("a",), slots=np.zeros(24, int), tracked=True)
    assert [path.name for path in tmp_path.iterdir()] == ["source.h5"]


def test_changed_poses(source: Path, tmp_path: Path):
    poses = read_poses(source)
    keypoints = poses.keypoints + 1
    keypoints[3, 1, 2] = np.nan
    changed = replace(poses, keypoints=keypoints)
    write_poses(tmp_path / "changed.h5", changed, like=source, filtering={"max_gap": 2})
    found = read_poses(tmp_path / "changed.h5")
    for name in ("keypoints", "visibility", "scores", "frames", "times"):
        np.testing.assert_array_equal(getattr(found, name), getattr(changed, name))
    assert found.individuals == poses.individuals
    assert_same_detections(source, tmp_path / "changed.h5")
    assert read_attributes(tmp_path / "changed.h5") == read_attributes(source) | {"filtering": {"max_gap": 2}}
    with h5py.File(tmp_path / "changed.h5") as file:
        bboxes = file["poetlab/bboxes"][:]
    seen = np.isfinite(keypoints).all(axis=-1) & (poses.visibility >= 0.5)
    for row, individual in np.ndindex(seen.shape[:2]):
        points = keypoints[row, individual][seen[row, individual]]
        expected = [np.nan] * 4 if not len(points) else [*points.min(axis=0), *np.ptp(points, axis=0)]
        np.testing.assert_allclose(bboxes[row, individual], expected, rtol=1e-6)


def test_unchanged_poses_give_the_source_again(source: Path, tmp_path: Path):
    write_poses(tmp_path / "same.h5", read_poses(source), like=source)
    assert (tmp_path / "same.h5").read_bytes() == source.read_bytes()


def test_poses_of_other_frames_are_refused(source: Path, tmp_path: Path):
    poses = read_poses(source)
    other = replace(poses, frames=poses.frames + 1)
    with pytest.raises(ResultsError, match="is of other frames"):
        write_poses(tmp_path / "new.h5", other, like=source)


def test_a_file_is_replaced_only_where_that_is_asked_for(source: Path):
    poses = read_poses(source)
    before = source.read_bytes()
    changed = replace(poses, keypoints=poses.keypoints + 1)
    with pytest.raises(ResultsError, match=r"source\.h5: exists"):
        write_poses(source, changed, like=source)
    assert source.read_bytes() == before
    write_poses(source, changed, like=source, overwrite=True)
    np.testing.assert_array_equal(read_poses(source).keypoints, changed.keypoints)


def test_a_missing_folder_is_explained(source: Path, tmp_path: Path):
    with pytest.raises(ResultsError, match=r"the folder .*missing does not exist"):
        write_poses(tmp_path / "missing" / "new.h5", read_poses(source), like=source)


def test_a_file_that_is_being_written_is_left_alone(
    open_writer: Callable[..., ResultsWriter], source: Path, tmp_path: Path
):
    with open_writer("busy.h5"), pytest.raises(ResultsError, match="another run"):
        write_poses(tmp_path / "busy.h5", read_poses(source), like=source)
