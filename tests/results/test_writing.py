"""A result file is complete or absent."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from poetlab.errors import ResultsError
from poetlab.poses import Instances
from poetlab.results.reading import read_poses
from poetlab.results.writing import ResultsWriter

OpenWriter = Callable[..., ResultsWriter]

WRITER = """
import sys
import numpy as np
from poetlab.errors import ResultsError
from poetlab.poses import Instances
from poetlab.results.writing import ResultsWriter
from poetlab.skeleton import Skeleton

writer = ResultsWriter(
    sys.argv[1], skeleton=Skeleton("s", ("a", "b")), individuals=("c",), size=(4, 4), fps=25.0, video="v.mp4",
    video_fingerprint="f", model="m", tracked=False, settings={},
)

def append(index):
    writer.append([index / 25], [Instances(np.full((2, 2, 2), index), np.ones((2, 2)), np.ones(2))], [index])
"""

WRITE_ALL = (
    WRITER
    + """
with writer:
    for index in range(writer.n_frames, 50):
        append(index)
    writer.finish()
"""
)


def in_another_process(script: str, path: Path) -> "subprocess.CompletedProcess[str]":
    repository = Path(__file__).resolve().parents[2]
    environment = os.environ | {"PYTHONPATH": str(repository)}
    command = [sys.executable, "-c", script, str(path)]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_file_appears_only_when_finished(open_writer: OpenWriter, frames: list[Instances], tmp_path: Path):
    with open_writer() as writer:
        writer.append(np.arange(12) / 25, frames, np.arange(12))
        assert names_in(tmp_path) == ["video.h5.lock", "video.h5.partial"]
        writer.finish()
        assert names_in(tmp_path) == ["video.h5", "video.h5.lock"]
    assert names_in(tmp_path) == ["video.h5"]


def test_an_error_leaves_an_older_file_as_it_was(
    open_writer: OpenWriter, write_results: Callable[..., Path], frames: list[Instances], tmp_path: Path
):
    before = write_results(frames).read_bytes()

    def fail() -> None:
        with open_writer() as writer:
            writer.append(np.arange(12), frames, np.arange(12))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert names_in(tmp_path) == ["video.h5", "video.h5.partial"]
    assert (tmp_path / "video.h5").read_bytes() == before


def test_leaving_before_there_is_a_frame_leaves_nothing(open_writer: OpenWriter, tmp_path: Path):
    with open_writer() as writer:
        writer.append([], [], [])
        assert writer.last_frame is None
    assert names_in(tmp_path) == []


def test_a_video_without_frames_is_refused(open_writer: OpenWriter, tmp_path: Path):
    with pytest.raises(ResultsError, match="no frame was added"), open_writer() as writer:
        writer.finish()
    assert names_in(tmp_path) == []


def test_poses_of_another_skeleton_are_refused(
    open_writer: OpenWriter, make_instances: Callable[[int, int], Instances]
):
    with pytest.raises(ResultsError, match="skeleton's 4 keypoints"), open_writer() as writer:
        writer.append([0.0], [make_instances(2, 5)], [0])


@pytest.mark.parametrize(("n_times", "n_numbers"), [(11, 12), (12, 13)])
def test_a_time_and_a_number_for_each_frame_are_required(
    open_writer: OpenWriter, frames: list[Instances], n_times: int, n_numbers: int
):
    message = f"{n_times} times and {n_numbers} frame numbers for 12 frames"
    with pytest.raises(ResultsError, match=message), open_writer() as writer:
        writer.append(np.arange(n_times), frames, np.arange(n_numbers))


@pytest.mark.parametrize("numbers", [[4, 5], [2, 4], [6, 6], [-1, 7]])
def test_frames_must_follow_each_other(
    open_writer: OpenWriter, make_instances: Callable[[int, int], Instances], numbers: list[int]
):
    two = [make_instances(1, 4), make_instances(1, 4)]
    with open_writer() as writer:
        writer.append([0.0, 0.1], two, [3, 4])
        with pytest.raises(ResultsError, match="does not follow"):
            writer.append([0.2, 0.3], two, numbers)
        assert writer.n_frames == 2


def test_a_missing_folder_is_explained(open_writer: OpenWriter):
    with pytest.raises(ResultsError, match=r"the folder .* does not exist"):
        open_writer("missing/video.h5")


@pytest.mark.parametrize("free", [0, (1 << 20) + 100])
def test_a_disk_too_full_for_the_result_keeps_the_work(
    open_writer: OpenWriter,
    write_results: Callable[..., Path],
    frames: list[Instances],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    free: int,
):
    def finish() -> None:
        with open_writer() as writer:
            writer.append(np.arange(12) / 25, frames, np.arange(12))
            monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
            writer.finish()

    expected = write_results(frames, "expected.h5").read_bytes()
    with pytest.raises(ResultsError, match="the disk is full"):
        finish()
    assert names_in(tmp_path) == ["expected.h5", "video.h5.partial"]
    monkeypatch.undo()
    with open_writer() as writer:
        assert writer.n_frames == 12
        writer.finish()
    assert (tmp_path / "video.h5").read_bytes() == expected


WRITE_TO_A_FULL_DISK = (
    WRITER
    + """
import resource
with writer:
    resource.setrlimit(resource.RLIMIT_FSIZE, (2500, resource.RLIM_INFINITY))
    for index in range(50):
        try:
            append(index)
        except ResultsError as error:
            print(writer.n_frames, error)
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            append(index)
    writer.finish()
"""
)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system limits no file sizes")
def test_a_batch_that_does_not_fit_is_left_out_whole_and_can_be_added_again(tmp_path: Path):
    limited = in_another_process(WRITE_TO_A_FULL_DISK, tmp_path / "limited.h5")
    n_kept, message = limited.stdout.split(" ", 1)
    assert 0 < int(n_kept) < 50
    assert "File too large" in message
    assert message.count("\n") == 1
    unbroken = in_another_process(WRITE_ALL, tmp_path / "unbroken.h5")
    assert (limited.returncode, unbroken.returncode) == (0, 0)
    assert (tmp_path / "limited.h5").read_bytes() == (tmp_path / "unbroken.h5").read_bytes()


WRITE_AND_BE_KILLED = (
    WRITER
    + """
import os, signal
with writer:
    for index in range(50):
        append(index)
    os.kill(os.getpid(), signal.SIGKILL)
"""
)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_being_killed_leaves_no_file_that_looks_complete_and_no_lock(tmp_path: Path):
    killed = in_another_process(WRITE_AND_BE_KILLED, tmp_path / "video.h5")
    assert killed.returncode == -signal.SIGKILL
    assert names_in(tmp_path) == ["video.h5.lock", "video.h5.partial"]
    assert in_another_process(WRITE_ALL, tmp_path / "video.h5").returncode == 0
    assert names_in(tmp_path) == ["video.h5"]
    assert read_poses(tmp_path / "video.h5").n_frames == 50


def test_two_runs_cannot_write_one_file(open_writer: OpenWriter, frames: list[Instances], tmp_path: Path):
    with open_writer() as writer:
        writer.append(np.arange(12), frames, np.arange(12))
        second = in_another_process(WRITE_ALL, tmp_path / "video.h5")
        assert f"ResultsError: {tmp_path / 'video.h5'}: another run is writing this file" in second.stderr
        with pytest.raises(ResultsError, match="another run"):
            open_writer()
        writer.finish()
    assert read_poses(tmp_path / "video.h5").n_frames == 12
    assert names_in(tmp_path) == ["video.h5"]
