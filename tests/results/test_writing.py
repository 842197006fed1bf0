"""A result file is complete or absent."""

import os
import shutil
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from poetlab.errors import ResultsError
from poetlab.poses import Instances
from poetlab.results.reading import read_poses
from poetlab.results.writing import ResultsWriter

OpenWriter = Callable[..., ResultsWriter]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_file_appears_only_when_finished(open_writer: OpenWriter, frames: list[Instances], tmp_path: Path):
    with open_writer() as writer:
        writer.append(np.arange(12) / 25, frames, np.arange(12))
        assert names_in(tmp_path) == ["video.h5.partial"]
        writer.finish()
        assert names_in(tmp_path) == ["video.h5"]
    assert names_in(tmp_path) == ["video.h5"]


def test_an_error_leaves_an_older_file_and_nothing_else(
    open_writer: OpenWriter, write_results: Callable[..., Path], frames: list[Instances], tmp_path: Path
):
    before = write_results(frames).read_bytes()

    def fail() -> None:
        with open_writer() as writer:
            writer.append(np.arange(12) / 25, frames, np.arange(12))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert names_in(tmp_path) == ["video.h5"]
    assert (tmp_path / "video.h5").read_bytes() == before


def test_leaving_without_finish_keeps_nothing(open_writer: OpenWriter, frames: list[Instances], tmp_path: Path):
    with open_writer() as writer:
        writer.append(np.arange(12) / 25, frames, np.arange(12))
    assert names_in(tmp_path) == []


OTHER_PROCESS = """
import os, signal, sys
import numpy as np
from poetlab.poses import Instances
from poetlab.results.writing import ResultsWriter
from poetlab.skeleton import Skeleton

writer = ResultsWriter(
    sys.argv[1], skeleton=Skeleton("s", ("a",)), individuals=("b",), size=(4, 4), fps=25.0, video="v.mp4",
    video_fingerprint="f", model="m", tracked=False, settings={},
)
with writer:
    for index in range(50):
        writer.append([index / 25], [Instances(np.zeros((1, 1, 2)), np.ones((1, 1)), np.ones(1))])
    os.kill(os.getpid(), signal.SIGKILL)
"""


def write_in_another_process(path: Path) -> "subprocess.CompletedProcess[str]":
    repository = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", OTHER_PROCESS, str(path)]
    environment = os.environ | {"PYTHONPATH": str(repository)}
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_being_killed_leaves_no_file_that_looks_complete(
    tmp_path: Path, write_results: Callable[..., Path], frames: list[Instances]
):
    killed = write_in_another_process(tmp_path / "video.h5")
    assert killed.returncode == -signal.SIGKILL
    assert names_in(tmp_path) == ["video.h5.partial"]
    write_results(frames)
    assert names_in(tmp_path) == ["video.h5"]
    assert read_poses(tmp_path / "video.h5").n_frames == 12


def test_two_runs_cannot_write_one_file(open_writer: OpenWriter, frames: list[Instances], tmp_path: Path):
    with open_writer() as writer:
        writer.append(np.arange(12) / 25, frames, np.arange(12))
        second = write_in_another_process(tmp_path / "video.h5")
        assert "ResultsError" in second.stderr
        assert "another run" in second.stderr
        writer.finish()
    assert read_poses(tmp_path / "video.h5").n_frames == 12


def test_memory_does_not_grow_while_streaming(open_writer: OpenWriter, make_instances: Callable[[int, int], Instances]):
    batch = [make_instances(50, 4) for _ in range(8)]
    batch_bytes = sum(i.keypoints.nbytes + i.visibility.nbytes + i.scores.nbytes for i in batch)
    with open_writer() as writer:
        writer.append(np.arange(8), batch)
        tracemalloc.start()
        try:
            for _ in range(200):
                writer.append(np.arange(8), batch)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 10 * batch_bytes


def test_a_video_without_frames_is_refused(open_writer: OpenWriter, tmp_path: Path):
    with pytest.raises(ResultsError, match="no frame was added"), open_writer() as writer:
        writer.finish()
    assert names_in(tmp_path) == []


def test_poses_of_another_skeleton_are_refused(
    open_writer: OpenWriter, make_instances: Callable[[int, int], Instances]
):
    with pytest.raises(ResultsError, match="skeleton's 4 keypoints"), open_writer() as writer:
        writer.append([0.0], [make_instances(2, 5)])


def test_a_time_for_each_frame_is_required(open_writer: OpenWriter, frames: list[Instances]):
    with pytest.raises(ResultsError, match="11 times for 12 frames"), open_writer() as writer:
        writer.append(np.arange(11), frames)


def test_a_missing_folder_is_explained(open_writer: OpenWriter):
    with pytest.raises(ResultsError, match=r"the folder .* does not exist"):
        open_writer("missing/video.h5")


@pytest.mark.parametrize("free", [0, (1 << 20) + 100])
def test_a_disk_that_is_nearly_full_is_not_written_to(
    open_writer: OpenWriter, frames: list[Instances], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int
):
    with open_writer() as writer:
        writer.append(np.arange(12) / 25, frames, np.arange(12))
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
        with pytest.raises(ResultsError, match="the disk is full"):
            writer.append(np.arange(12) / 25, frames, np.arange(12))
    assert names_in(tmp_path) == []


def test_a_full_disk_is_explained(
    open_writer: OpenWriter, frames: list[Instances], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with open_writer() as writer:
        writer.append(np.arange(12) / 25, frames, np.arange(12))
        monkeypatch.setattr(h5py.File, "flush", fail)
        with pytest.raises(ResultsError, match="No space left on device"):
            writer.append(np.arange(12) / 25, frames, np.arange(12))
    assert names_in(tmp_path) == []
