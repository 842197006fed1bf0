"""What is written to a result file is read back from it."""

import math
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

import poetlab
from poetlab.poses import Instances
from poetlab.results.reading import iter_detections, read_attributes, read_detections, read_poses, read_table
from poetlab.results.writing import ResultsWriter
from poetlab.skeleton import Skeleton

WriteResults = Callable[..., Path]


def best_in_order(instances: Instances, n: int) -> Instances:
    order = np.argsort(-instances.scores, kind="stable")[:n]
    return Instances(instances.keypoints[order], instances.visibility[order], instances.scores[order])


def assert_slots_hold_the_best(path: Path, frames: list[Instances]) -> None:
    poses = read_poses(path)
    n_slots = len(poses.individuals)
    for index, instances in enumerate(frames):
        best = best_in_order(instances, n_slots)
        n = len(best)
        np.testing.assert_array_equal(poses.keypoints[index, :n], best.keypoints)
        np.testing.assert_array_equal(poses.visibility[index, :n], best.visibility)
        np.testing.assert_array_equal(poses.scores[index, :n], best.scores)
        assert np.isnan(poses.keypoints[index, n:]).all()
        assert (poses.visibility[index, n:] == 0).all()
        assert (poses.scores[index, n:] == 0).all()


def assert_every_detection_is_kept(path: Path, frames: list[Instances]) -> None:
    for found, instances in zip(read_detections(path), frames, strict=True):
        expected = best_in_order(instances, len(instances))
        np.testing.assert_array_equal(found.keypoints, expected.keypoints)
        np.testing.assert_array_equal(found.visibility, expected.visibility)
        np.testing.assert_array_equal(found.scores, expected.scores)


def test_poses_and_detections(write_results: WriteResults, frames: list[Instances], skeleton: Skeleton):
    path = write_results(frames)
    assert_slots_hold_the_best(path, frames)
    assert_every_detection_is_kept(path, frames)
    poses = read_poses(path)
    assert poses.skeleton == skeleton
    assert poses.individuals == ("zoe", "adam")
    assert poses.size == (480, 640)
    assert (poses.fps, poses.video, poses.model, poses.tracked) == (29.97, "video.mp4", "poet_r50", True)
    np.testing.assert_array_equal(poses.times, np.arange(len(frames)) / 25)


@given(data=st.data())
@settings(max_examples=25)
def test_any_poses_in_any_batches(data: st.DataObject):
    names = st.text("abZ_ é3-", min_size=1, max_size=8).filter(str.strip)
    keypoints = tuple(data.draw(st.lists(names, min_size=1, max_size=4, unique=True)))
    individuals = tuple(data.draw(st.lists(names, min_size=1, max_size=4, unique=True)))
    counts = data.draw(st.lists(st.integers(0, 6), min_size=1, max_size=12))
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    frames = [
        Instances(
            rng.normal(0, 1000, (n, len(keypoints), 2)).astype(np.float32),
            rng.random((n, len(keypoints)), np.float32),
            rng.choice(np.float32([0.1, 0.5, 0.9]), n),
        )
        for n in counts
    ]
    times = np.sort(rng.uniform(0, 100, len(frames)))
    batch_ends = sorted(data.draw(st.lists(st.integers(0, len(frames)), max_size=3)))
    limits = [0, *batch_ends, len(frames)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.h5"
        facts: dict[str, Any] = {"size": (1, 2), "fps": 1.0, "video": "v", "video_fingerprint": "f", "model": "m"}
        facts |= {"skeleton": Skeleton("s", keypoints), "individuals": individuals, "tracked": False, "settings": {}}
        with ResultsWriter(path, **facts) as writer:
            for start, end in pairwise(limits):
                writer.append(times[start:end], frames[start:end], range(start, end))
            writer.finish()
        assert_slots_hold_the_best(path, frames)
        assert_every_detection_is_kept(path, frames)
        np.testing.assert_array_equal(read_poses(path).times, times)
        table = pd.read_hdf(path)
        assert list(table.columns.get_level_values("bodyparts").unique()) == list(keypoints)
        assert list(table.columns.get_level_values("individuals").unique()) == list(individuals)


def test_more_detections_than_are_handled_at_once(
    write_results: WriteResults, make_instances: Callable[[int, int], Instances]
):
    frames = [make_instances(20, 4) for _ in range(1000)]
    path = write_results(frames)
    assert_slots_hold_the_best(path, frames)


def test_attributes(write_results: WriteResults, frames: list[Instances], skeleton: Skeleton):
    attributes = read_attributes(write_results(frames, settings={"threshold": 0.3, "path": Path("x")}, tracked=False))
    assert attributes == {
        "poetlab_version": poetlab.__version__,
        "format_version": 2,
        "video": "video.mp4",
        "video_fingerprint": "0123456789abcdef",
        "model": "poet_r50",
        "model_digest": "",
        "skeleton": skeleton.to_dict(),
        "individuals": ["zoe", "adam"],
        "fps": 29.97,
        "height": 480,
        "width": 640,
        "tracked": 0,
        "settings": {"threshold": 0.3, "path": "x"},
        "n_frames": 12,
        "problems": [],
    }


def test_problems_and_further_facts(open_writer: Callable[..., ResultsWriter], frames: list[Instances], tmp_path: Path):
    with open_writer(fps=float("nan")) as writer:
        writer.append(np.arange(len(frames)), frames, np.arange(len(frames)))
        writer.finish(["frame 3 is damaged"], device="NVIDIA H100", seconds=12.5)
    attributes = read_attributes(tmp_path / "video.h5")
    assert attributes["problems"] == ["frame 3 is damaged"]
    assert attributes["device"] == "NVIDIA H100"
    assert attributes["seconds"] == 12.5
    assert math.isnan(attributes["fps"])
    assert math.isnan(read_poses(tmp_path / "video.h5").fps)


def test_tidy_table(write_results: WriteResults, frames: list[Instances]):
    path = write_results(frames)
    table = read_table(path)
    assert len(table) == 12 * 2 * 4
    row = table[(table.frame == 3) & (table.individual == "adam") & (table.keypoint == "head")].iloc[0]
    second = best_in_order(frames[3], 2)
    assert (row.x, row.y) == tuple(second.keypoints[1, 2])
    assert row.visibility == second.visibility[1, 2]
    assert row.score == second.scores[1]
    assert row.time == 3 / 25


def test_further_facts_of_any_kind(open_writer: Callable[..., ResultsWriter], frames: list[Instances], tmp_path: Path):
    with open_writer() as writer:
        writer.append(np.arange(len(frames)), frames, np.arange(len(frames)))
        writer.finish(tracking={"max_gap": 3, "method": None}, notes=["[a]", "{b"], crop=None, whole=True, title="{c}")
    attributes = read_attributes(tmp_path / "video.h5")
    assert attributes["tracking"] == {"max_gap": 3, "method": None}
    assert attributes["notes"] == ["[a]", "{b"]
    assert attributes["crop"] is None
    assert attributes["whole"] == 1
    assert attributes["title"] == "{c}"


def test_frames_keep_their_numbers_in_the_video(
    open_writer: Callable[..., ResultsWriter], frames: list[Instances], tmp_path: Path
):
    numbers = np.arange(10, 46, 3)
    with open_writer() as writer:
        writer.append(numbers / 25, frames, numbers)
        writer.finish()
    path = tmp_path / "video.h5"
    assert_every_detection_is_kept(path, frames)
    assert_slots_hold_the_best(path, frames)
    poses = read_poses(path)
    np.testing.assert_array_equal(poses.frames, numbers)
    np.testing.assert_array_equal(poses.times, numbers / 25)
    assert pd.read_hdf(path).index.tolist() == numbers.tolist()
    assert read_table(path)["frame"].unique().tolist() == numbers.tolist()
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["poetlab/frames"], numbers)
        stored = file["poetlab/detections/frames"][:].tolist()
    assert stored == [number for number, found in zip(numbers, frames, strict=True) for _ in range(len(found))]


def test_detections_one_frame_after_another(
    open_writer: Callable[..., ResultsWriter], make_instances: Callable[[int, int], Instances], tmp_path: Path
):
    frames = [make_instances(n % 4, 4) for n in range(1300)]  # more than are read at once
    numbers = np.arange(0, 2600, 2)
    with open_writer() as writer:
        writer.append(numbers / 25, frames, numbers)
        writer.finish()
    found = list(iter_detections(tmp_path / "video.h5"))
    assert [number for number, _, _ in found] == numbers.tolist()
    assert [time for _, time, _ in found] == (numbers / 25).tolist()
    for (_, _, instances), expected in zip(found, frames, strict=True):
        np.testing.assert_array_equal(instances.keypoints, best_in_order(expected, 4).keypoints)
    with h5py.File(tmp_path / "video.h5", "r+") as file:
        assert file["poetlab/detections/frames"].shape == (sum(map(len, frames)),)


def test_files_of_version_1_still_open(write_results: WriteResults, frames: list[Instances]):
    path = write_results(frames)
    new = read_poses(path)
    with h5py.File(path, "r+") as file:
        del file["poetlab/frames"]
        del file["poetlab"].attrs["json_attributes"]
        del file["poetlab"].attrs["model_digest"]
        file["poetlab"].attrs["format_version"] = 1
    old = read_poses(path)
    for name in ("keypoints", "visibility", "scores", "frames", "times"):
        np.testing.assert_array_equal(getattr(old, name), getattr(new, name))
    assert (old.skeleton, old.individuals) == (new.skeleton, new.individuals)
    assert_every_detection_is_kept(path, frames)
    assert read_attributes(path)["settings"] == {"score_threshold": 0.5}


def test_plain_arrays_for_any_hdf5_reader(write_results: WriteResults, frames: list[Instances]):
    with h5py.File(write_results(frames)) as file:
        group = file["poetlab"]
        assert group["times"].shape == (12,)
        assert group["scores"].shape == (12, 2)
        assert group["bboxes"].shape == (12, 2, 4)
        assert group["detections/frames"][:].tolist() == [i for i, f in enumerate(frames) for _ in range(len(f))]


def test_bboxes_are_around_visible_keypoints(write_results: WriteResults):
    keypoints = np.array([[[10, 20], [30, 80], [50, 40], [500, 500]], [[1, 2], [3, 4], [5, 6], [7, 8]]], np.float32)
    visibility = np.array([[0.9, 0.5, 0.7, 0.4], [0.1, 0.2, 0.3, 0.4]], np.float32)
    with h5py.File(write_results([Instances(keypoints, visibility, np.array([0.9, 0.8], np.float32))])) as file:
        bboxes = file["poetlab/bboxes"][:]
    np.testing.assert_array_equal(bboxes, [[[10, 20, 40, 60], [np.nan] * 4]])
