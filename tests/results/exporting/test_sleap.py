"""SLEAP's analysis HDF5 and .slp."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import sleap_io

from poetlab.drawn.tracks import draw_video
from poetlab.poses import Poses
from poetlab.results.exporting import writers
from poetlab.results.exporting.sleap import write_analysis, write_slp
from poetlab.skeleton import Skeleton

MakePoses = Callable[..., Poses]
any_part_size = pytest.mark.parametrize("keypoints_at_once", [8, 1 << 18])


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Poses], tuple[Path, Path]]:
    def write_both(poses: Poses) -> tuple[Path, Path]:
        analysis, slp = tmp_path / "video.analysis.h5", tmp_path / "video.predictions.slp"
        write_analysis(poses, analysis)
        write_slp(poses, slp)
        return analysis, slp

    return write_both


def seen(poses: Poses, values: np.ndarray) -> np.ndarray:
    """Values of keypoints, NaN where those have no position."""
    return np.where(np.isnan(poses.keypoints).any(axis=-1), np.nan, values)


def positions_and_scores(labels: Any) -> np.ndarray:
    return labels.numpy(return_confidence=True)


@any_part_size
def test_sleap_io_reads_both_as_the_same_poses(
    make_poses: MakePoses, write: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, keypoints_at_once: int
):
    monkeypatch.setattr(writers, "_ROWS_AT_ONCE", keypoints_at_once)
    poses = make_poses()
    analysis, slp = write(poses)
    expected = np.concatenate([poses.keypoints, seen(poses, poses.visibility)[..., None]], axis=-1)
    from_slp = sleap_io.load_slp(slp, open_videos=False)
    found = positions_and_scores(from_slp)
    np.testing.assert_allclose(found[..., :2], expected[..., :2], rtol=1e-6)
    np.testing.assert_allclose(seen(poses, found[..., 2]), expected[..., 2], rtol=1e-6)
    from_analysis = sleap_io.load_analysis_h5(analysis)
    np.testing.assert_allclose(positions_and_scores(from_analysis), expected, rtol=1e-6)
    for labels in (from_slp, from_analysis):
        assert [track.name for track in labels.tracks] == ["zoe", "adam"]
        for frame in labels.labeled_frames:
            for instance in frame.instances:
                individual = poses.individuals.index(instance.track.name)
                assert instance.score == poses.scores[frame.frame_idx, individual]


def test_the_skeleton_and_the_video_go_along(make_poses: MakePoses, write: Callable[..., Any]):
    poses = make_poses()
    analysis, slp = write(poses)
    for labels in (sleap_io.load_slp(slp, open_videos=False), sleap_io.load_analysis_h5(analysis)):
        skeleton = labels.skeleton
        assert tuple(skeleton.node_names) == poses.skeleton.keypoints
        assert tuple(map(tuple, skeleton.edge_names)) == poses.skeleton.edges
        assert [set(pair.nodes) for pair in skeleton.symmetries] == [{skeleton["wingL"], skeleton["wingR"]}]
        assert skeleton.name == "fly"
        assert labels.video.filename == "video.mp4"
        assert tuple(labels.video.backend_metadata["shape"]) == (12, 480, 640, 3)
        assert labels.provenance["model"] == "001-poet-r18"


def test_a_video_of_unknown_rate(make_poses: MakePoses, write: Callable[..., Any]):
    _, slp = write(make_poses(fps=np.nan))
    with h5py.File(slp) as file:
        for line in file["videos_json"]:
            assert "NaN" not in line.decode()
    assert sleap_io.load_slp(slp, open_videos=False).video.fps is None


def test_images_are_found_where_the_video_lies_beside(make_poses: MakePoses, write: Callable[..., Any], tmp_path: Path):
    draw_video(tmp_path / "video.mp4", n_frames=12, n_animals=2, size=(64, 96), seed=2)
    _, slp = write(make_poses(size=(64, 96)))
    labels = sleap_io.load_slp(slp)
    assert labels[1].image.shape == (64, 96, 3)
    labels.video.close()


def test_every_analyzed_frame_is_in_the_slp(make_poses: MakePoses, write: Callable[..., Any]):
    frames = 7 + 5 * np.arange(12)
    _, slp = write(make_poses(frames=frames))
    labels = sleap_io.load_slp(slp, open_videos=False)
    assert [frame.frame_idx for frame in labels.labeled_frames] == frames.tolist()
    assert [len(frame.instances) for frame in labels.labeled_frames] == [0, 2, 2, 1, *[2] * 7, 0]


@any_part_size
def test_analysis_has_sleaps_datasets_and_axes(
    make_poses: MakePoses, write: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, keypoints_at_once: int
):
    monkeypatch.setattr(writers, "_ROWS_AT_ONCE", keypoints_at_once)
    frames = 7 + 5 * np.arange(12)
    poses = make_poses(frames=frames)
    analysis, _ = write(poses)
    n_frames = frames[-1] + 1
    with h5py.File(analysis) as file:
        assert {name: file[name].shape for name in file} == {
            "tracks": (2, 2, 4, n_frames),
            "track_occupancy": (n_frames, 2),
            "point_scores": (2, 4, n_frames),
            "instance_scores": (2, n_frames),
            "tracking_scores": (2, n_frames),
            "track_names": (2,),
            "node_names": (4,),
            "edge_names": (2, 2),
            "edge_inds": (2, 2),
            "labels_path": (),
            "video_path": (),
            "video_ind": (),
            "provenance": (),
        }
        tracks = file["tracks"][:].transpose(3, 0, 2, 1)
        np.testing.assert_array_equal(tracks[frames], poses.keypoints)
        assert np.isnan(np.delete(tracks, frames, axis=0)).all()
        np.testing.assert_array_equal(file["point_scores"][:].transpose(2, 0, 1)[frames], seen(poses, poses.visibility))
        present = poses.scores > 0
        np.testing.assert_array_equal(file["track_occupancy"][:][frames], present)
        assert file["track_occupancy"][:].sum() == present.sum()
        np.testing.assert_array_equal(file["instance_scores"][:].T[frames], np.where(present, poses.scores, np.nan))
        assert np.isnan(file["tracking_scores"]).all()


def test_slots_are_no_tracks(make_poses: MakePoses, write: Callable[..., Any]):
    poses = make_poses(individuals=("slot_1", "slot_2"), tracked=False)
    analysis, slp = write(poses)
    labels = sleap_io.load_slp(slp, open_videos=False)
    assert labels.tracks == []
    assert all(instance.track is None for frame in labels.labeled_frames for instance in frame.instances)
    assert sum(len(frame.instances) for frame in labels.labeled_frames) == (poses.scores > 0).sum()
    with h5py.File(analysis) as file:  # it has no other place for more than one animal
        assert [name.decode() for name in file["track_names"]] == ["slot_1", "slot_2"]


def test_one_animal_needs_no_track(make_poses: MakePoses, write: Callable[..., Any]):
    analysis, slp = write(make_poses(individuals=("slot_1",), tracked=False))
    with h5py.File(analysis) as file:
        assert len(file["track_names"]) == 0
    for labels in (sleap_io.load_slp(slp, open_videos=False), sleap_io.load_analysis_h5(analysis)):
        assert labels.tracks == []
        assert {len(frame.instances) for frame in labels.labeled_frames} <= {0, 1}


def test_a_skeleton_without_edges(make_poses: MakePoses, write: Callable[..., Any]):
    poses = make_poses()
    analysis, slp = write(replace(poses, skeleton=Skeleton("bare", poses.skeleton.keypoints)))
    for labels in (sleap_io.load_slp(slp, open_videos=False), sleap_io.load_analysis_h5(analysis)):
        assert labels.skeleton.edges == []
        assert labels.skeleton.symmetries == []


@pytest.mark.parametrize("individuals", [("zoe", "adam"), ("zoe",)])
def test_movement_reads_both(
    make_poses: MakePoses, write: Callable[..., Any], in_movement: Callable[..., Any], individuals: tuple[str, ...]
):
    from movement.io import load_dataset, load_poses

    poses = make_poses(individuals=individuals)
    for path in write(poses):
        for dataset in (
            load_poses.from_sleap_file(path, fps=25),
            load_dataset(path, source_software="SLEAP", fps=25),
        ):
            found = in_movement(dataset)
            assert found.individuals == list(individuals)
            assert found.keypoints == list(poses.skeleton.keypoints)
            np.testing.assert_allclose(found.position, poses.keypoints, rtol=1e-6)
            np.testing.assert_allclose(seen(poses, found.confidence), seen(poses, poses.visibility), rtol=1e-6)


@pytest.mark.shared_data
def test_tracks_of_sleap_come_back_as_they_were(shared_data: Path, write: Callable[..., Any], make_poses: MakePoses):
    labels = sleap_io.load_slp(shared_data / "flies_clip13" / "tracks_first1000.slp", open_videos=False)
    values = labels.numpy(return_confidence=True)
    poses = make_poses(
        n_frames=len(values),
        individuals=tuple(track.name for track in labels.tracks),
        skeleton=Skeleton("fly", tuple(labels.skeleton.node_names), tuple(map(tuple, labels.skeleton.edge_names))),
        keypoints=values[..., :2].astype(np.float32),
        visibility=np.nan_to_num(values[..., 2]),
    )
    analysis, slp = write(poses)
    for copy in (sleap_io.load_slp(slp, open_videos=False), sleap_io.load_analysis_h5(analysis)):
        assert [track.name for track in copy.tracks] == [track.name for track in labels.tracks]
        assert copy.skeleton.edge_inds == labels.skeleton.edge_inds
        np.testing.assert_allclose(copy.numpy(), values[..., :2], atol=1e-4)
