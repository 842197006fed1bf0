"""NWB with ndx-pose."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pynwb
import pytest

from poetlab.errors import ResultsError
from poetlab.poses import Poses
from poetlab.results.exporting.nwb import nwb_files
from poetlab.skeleton import Skeleton

MakePoses = Callable[..., Poses]


def write(poses: Poses, folder: Path) -> list[Path]:
    for name, write_file in nwb_files(poses, "video").items():
        write_file(poses, folder / name)
    return [folder / name for name in nwb_files(poses, "video")]


def test_pynwb_reads_a_file_an_individual(make_poses: MakePoses, tmp_path: Path):
    poses = make_poses()
    paths = write(poses, tmp_path)
    assert [path.name for path in paths] == ["video_zoe.nwb", "video_adam.nwb"]
    for number, (path, individual) in enumerate(zip(paths, poses.individuals, strict=True)):
        with pynwb.NWBHDF5IO(path, mode="r") as reader:
            file = reader.read()
            assert file.identifier == path.stem
            assert file.subject.subject_id == individual
            assert file.session_start_time.year == 1970
            estimation = file.processing["behavior"]["PoseEstimation"]
            assert estimation.scorer == "001-poet-r18"
            assert estimation.source_software == "poetlab"
            assert tuple(estimation.nodes[:]) == poses.skeleton.keypoints
            assert tuple(map(tuple, estimation.edges[:])) == poses.skeleton.edge_indices
            assert estimation.source_video.external_file[0] == "video.mp4"
            assert tuple(estimation.source_video.dimension[:]) == (640, 480)
            for index, name in enumerate(poses.skeleton.keypoints):
                series = estimation[name]
                np.testing.assert_array_equal(series.data[:], poses.keypoints[:, number, index])
                np.testing.assert_array_equal(series.confidence[:], poses.visibility[:, number, index])
                np.testing.assert_array_equal(series.timestamps[:], poses.times)
                assert series.unit == "pixels"
                assert "center of the top-left pixel" in series.reference_frame


def test_the_files_are_valid(make_poses: MakePoses, tmp_path: Path):
    for path in write(make_poses(), tmp_path):
        assert pynwb.validate(path=str(path)) == []


def test_a_slot_is_no_subject(make_poses: MakePoses, tmp_path: Path):
    for path in write(make_poses(individuals=("slot_1", "slot_2"), tracked=False), tmp_path):
        with pynwb.NWBHDF5IO(path, mode="r") as reader:
            file = reader.read()
            assert file.subject is None
            assert "not tracked" in file.session_description
    (path,) = write(make_poses(individuals=("slot_1",), tracked=False), tmp_path)
    with pynwb.NWBHDF5IO(path, mode="r") as reader:
        assert reader.read().subject.subject_id == "slot_1"


def test_times_of_some_frames_are_not_given_as_those_of_the_video(make_poses: MakePoses, tmp_path: Path):
    poses = make_poses(frames=5 * np.arange(12))
    with pynwb.NWBHDF5IO(write(poses, tmp_path)[0], mode="r") as reader:
        estimation = reader.read().processing["behavior"]["PoseEstimation"]
        assert estimation.source_video is None
        np.testing.assert_array_equal(estimation["head"].timestamps[:], poses.times)


def test_names_that_nwb_cannot_hold(make_poses: MakePoses, tmp_path: Path):
    poses = make_poses()
    named = replace(poses, skeleton=Skeleton("fly", ("a/b", "a:c", "head", "tail")), individuals=("a/1", "b:2"))
    paths = write(named, tmp_path)
    assert [path.name for path in paths] == ["video_a_1.nwb", "video_b_2.nwb"]
    with pynwb.NWBHDF5IO(paths[0], mode="r") as reader:
        estimation = reader.read().processing["behavior"]["PoseEstimation"]
        assert list(estimation.nodes[:]) == ["a_b", "a_c", "head", "tail"]
        assert estimation["a_b"].description == "position of a/b"
    with pytest.raises(ResultsError, match="two keypoints have one name"):
        write(replace(poses, skeleton=Skeleton("fly", ("a/b", "a:b", "head", "tail"))), tmp_path)
    with pytest.raises(ResultsError, match="individuals' names"):
        nwb_files(replace(poses, individuals=("a/1", "a:1")), "video")


def test_movement_reads_and_merges_the_individuals(
    make_poses: MakePoses, in_movement: Callable[..., Any], tmp_path: Path
):
    import xarray
    from movement.io import load_dataset, load_poses

    poses = make_poses()
    paths = write(poses, tmp_path)
    for load in (load_poses.from_nwb_file, lambda path: load_dataset(path, source_software="NWB")):
        dataset = xarray.merge([load(path) for path in paths], join="outer", compat="no_conflicts")
        np.testing.assert_allclose(dataset.time, poses.times)
        found = in_movement(dataset)
        rows = [found.individuals.index(f"video_{name}") for name in poses.individuals]
        columns = [found.keypoints.index(name) for name in poses.skeleton.keypoints]
        np.testing.assert_allclose(found.position[:, rows][:, :, columns], poses.keypoints, rtol=1e-6)
        np.testing.assert_allclose(found.confidence[:, rows][:, :, columns], poses.visibility, rtol=1e-6)
