"""`poetlab render` on result files of a drawn video."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from poetlab.drawn.tracks import DrawnTracks, draw_video
from poetlab.poses import Instances
from poetlab.results.writing import ResultsWriter
from poetlab.video.fingerprint import fingerprint
from poetlab.video.reading import open_video

Run = Callable[..., Any]
"""The fixture that runs a command."""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DrawnTracks]:
    """A video of two animals, and where they are."""
    path = tmp_path_factory.mktemp("drawn") / "lizards.mp4"
    return path, draw_video(path, n_frames=12, n_animals=2, size=(96, 128), seed=4)


def write_results(path: Path, drawn: tuple[Path, DrawnTracks], *, tracked: bool = True, stride: int = 1) -> Path:
    video, tracks = drawn
    rows = range(0, len(tracks.keypoints), stride)
    with ResultsWriter(
        path,
        skeleton=tracks.skeleton,
        individuals=("ada", "bob"),
        size=tracks.size,
        fps=tracks.fps,
        video=video.name,
        video_fingerprint=fingerprint(video),
        model="drawn",
        tracked=tracked,
        settings={},
    ) as writer:
        found = [Instances(tracks.keypoints[row, ..., :2], np.ones((2, 12)), np.array([0.9, 0.8])) for row in rows]
        writer.append([row / tracks.fps for row in rows], found, list(rows))
        writer.finish()
    return path


def n_frames_of(path: Path) -> int:
    with open_video(path) as video:
        return sum(1 for _ in video)


def test_the_video_beside_the_results_is_drawn(run: Run, drawn: tuple[Path, DrawnTracks], tmp_path: Path):
    shutil.copy(drawn[0], tmp_path)
    outcome = run("render", write_results(tmp_path / "lizards.h5", drawn))
    assert outcome.status == 0
    assert "lizards.h5: 12 frames -> " in outcome.text
    assert "not tracked" not in outcome.text
    assert n_frames_of(tmp_path / "lizards_labeled.mp4") == 12
    again = run("render", tmp_path / "lizards.h5")
    assert again.status == 1
    assert "exists; --overwrite replaces it" in again.text
    assert run("render", tmp_path / "lizards.h5", "--overwrite", "--no-names", "--trail", "0").status == 0


def test_a_video_may_be_named_or_be_in_a_folder(
    run: Run, drawn: tuple[Path, DrawnTracks], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    results = write_results(tmp_path / "lizards.h5", drawn)
    other = tmp_path / "videos" / "a" / "lizards.mp4"
    other.parent.mkdir(parents=True)
    draw_video(other, n_frames=3, n_animals=1, size=(96, 128), seed=9)
    (tmp_path / "videos" / "b").mkdir()
    shutil.copy(drawn[0], tmp_path / "videos" / "b")
    assert run("render", results, "--videos", "videos", "--output", "out", "--start", "2", "--stop", "6").status == 0
    assert n_frames_of(tmp_path / "out" / "lizards_labeled.mp4") == 4
    shutil.copy(drawn[0], tmp_path / "renamed.mp4")
    assert run("render", results, "--video", "renamed.mp4").status == 0
    assert n_frames_of(tmp_path / "lizards_labeled.mp4") == 12


def test_another_video_is_refused(
    run: Run, drawn: tuple[Path, DrawnTracks], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    results = write_results(tmp_path / "lizards.h5", drawn)
    missing = run("render", results)
    assert missing.status == 1
    assert "lizards.mp4: the video is not beside" in missing.text
    draw_video(tmp_path / "lizards.mp4", n_frames=12, n_animals=1, size=(96, 128), seed=9)
    for arguments, words in (((), "but is another"), (("--video", "lizards.mp4"), "not the video of")):
        outcome = run("render", results, *arguments)
        assert outcome.status == 1
        assert words in outcome.text
        assert "Traceback" not in outcome.text
    assert run("render", results, "--video", "a.mp4", "--videos", ".").fails_in_one_line("not both")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lizards.h5", "lizards.mp4"]


def test_a_failing_result_stops_no_other(run: Run, drawn: tuple[Path, DrawnTracks], tmp_path: Path):
    results = write_results(tmp_path / "lizards.h5", drawn, stride=3, tracked=False)
    outcome = run("render", tmp_path / "no.h5", results, results, "--video", drawn[0])
    assert outcome.status == 1
    assert "2 of 3 results failed" in outcome.text
    assert "no such result file" in outcome.text
    assert "another of these results is drawn there" in outcome.text
    assert "not tracked, so there are scores" in outcome.text
    assert n_frames_of(tmp_path / "lizards_labeled.mp4") == 4


def test_folders_of_results_are_mirrored(run: Run, drawn: tuple[Path, DrawnTracks], tmp_path: Path):
    days = [tmp_path / day for day in ("monday", "tuesday")]
    for day in days:
        day.mkdir()
    results = [write_results(day / "cage.h5", drawn, stride=6, tracked=False) for day in days]
    assert run("render", *results, "--video", drawn[0], "--output", tmp_path / "out").status == 0
    assert [n_frames_of(tmp_path / "out" / day.name / "cage_labeled.mp4") for day in days] == [2, 2]


CTRL_C_WHEN_HALF_WRITTEN = """
import os, signal
from poetlab.cli.main import main
from poetlab.video.writing import VideoWriter

append = VideoWriter._append

def append_and_press_ctrl_c(writer, *arguments):
    append(writer, *arguments)
    if os.path.exists("lizards_labeled.mp4.partial"):
        os.kill(os.getpid(), signal.SIGINT)

VideoWriter._append = append_and_press_ctrl_c
main()
"""


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent as POSIX has it")
def test_ctrl_c_leaves_no_half_file(tmp_path: Path):
    """The command sends the signal to itself in the middle of its work, so that it comes there on any machine."""
    video = tmp_path / "lizards.mp4"  # long enough for the encoder to write before it has all frames
    write_results(
        tmp_path / "lizards.h5", (video, draw_video(video, n_frames=100, n_animals=2, size=(96, 128), seed=4))
    )
    command = [sys.executable, "-c", CTRL_C_WHEN_HALF_WRITTEN, "render", "lizards.h5"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 130
    assert "stopped; " in ended.stdout
    assert ended.stderr == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lizards.h5", "lizards.mp4"]
