"""`poetlab extract-frames`: exactly the frames that it says, shared evenly, and nothing half written or overwritten."""

import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from poetlab.drawn.tracks import draw_video
from poetlab.labels.frame_names import frame_of
from poetlab.video.reading import open_video

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two videos, one in a folder of its own."""
    folder = tmp_path_factory.mktemp("videos")
    (folder / "night").mkdir()
    draw_video(folder / "day.mp4", n_frames=60, n_animals=2, size=(64, 96), seed=1)
    draw_video(folder / "night" / "cam.mp4", n_frames=30, n_animals=1, size=(48, 64), seed=2)
    return folder


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "frames.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("method", ["kmeans", "uniform", "motion"])
def test_the_images_are_exactly_the_frames(run: Run, videos: Path, tmp_path: Path, method: str) -> None:
    outcome = run("extract-frames", videos, "-n", "9", "--method", method, "--output", tmp_path / "frames")
    assert outcome.status == 0
    assert "9 images -> " in outcome.text
    rows = rows_of(tmp_path / "frames")
    assert [row["video"] for row in rows] == ["day.mp4"] * 4 + ["cam.mp4"] * 5
    files = {str(path.relative_to(tmp_path / "frames")) for path in (tmp_path / "frames").rglob("*.*")}
    assert files == {"frames.csv", *(row["image"] for row in rows)}
    for path in (videos / "day.mp4", videos / "night" / "cam.mp4"):
        with open_video(path) as video:
            decoded = {frame.index: frame.image for frame in video}
        for row in (row for row in rows if row["video"] == path.name):
            assert frame_of(row["image"]) == (path.name, int(row["frame"]))
            with Image.open(tmp_path / "frames" / row["image"]) as image:
                np.testing.assert_array_equal(np.asarray(image.convert("RGB")), decoded[int(row["frame"])])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["frames"]


def test_nothing_is_overwritten(run: Run, videos: Path, tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "mine.txt").write_text("mine")
    outcome = run("extract-frames", videos, "-n", "2", "--output", tmp_path / "frames")
    assert outcome.fails_in_one_line("frames: exists; choose another --output")
    assert sorted(path.name for path in (tmp_path / "frames").iterdir()) == ["mine.txt"]


def test_fewer_frames_than_videos_and_than_wanted(run: Run, videos: Path, tmp_path: Path) -> None:
    assert run("extract-frames", videos, "-n", "1", "--output", tmp_path / "one").status == 0
    assert len(rows_of(tmp_path / "one")) == 1
    many = run("extract-frames", videos, "-n", "100", "--method", "uniform", "-o", tmp_path / "many")
    assert many.status == 0
    assert "note: it has no more, 50 were wanted" in many.text
    assert len(rows_of(tmp_path / "many")) == 50 + 30


def test_a_video_that_fails_stops_no_other(run: Run, videos: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    outcome = run("extract-frames", tmp_path / "broken.mp4", videos / "day.mp4", "-n", "4", "-o", tmp_path / "frames")
    assert outcome.status == 1
    assert "broken.mp4: not a video that can be read" in outcome.text
    assert "1 of 2 videos failed" in outcome.text
    assert [row["video"] for row in rows_of(tmp_path / "frames")] == ["day.mp4"] * 2


def test_wrong_input_is_one_line_and_leaves_nothing(run: Run, videos: Path, tmp_path: Path) -> None:
    output = ("-o", tmp_path / "frames")
    assert run("extract-frames", videos, "-n", "0", *output).fails_in_one_line("choose at least 1")
    assert run("extract-frames", videos, "-n", "2", "--method", "best", *output).fails_in_one_line("kmeans, uniform")
    assert run("extract-frames", tmp_path / "no.mp4", "-n", "2", *output).status == 1
    assert run("extract-frames", tmp_path, "-n", "2", *output).status == 1
    assert list(tmp_path.iterdir()) == []


CTRL_C_AFTER_THREE_IMAGES = """
import os, signal
import poetlab.frames.folder as frame_folder
from poetlab.cli.main import main

save_png, saved = frame_folder.save_png, []

def save_and_press_ctrl_c(image, path):
    if len(saved) == 3:
        os.kill(os.getpid(), signal.SIGINT)
    save_png(image, path)
    saved.append(path)

frame_folder.save_png = save_and_press_ctrl_c
main()
"""


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent as POSIX has it")
def test_a_stopped_run_goes_on_and_gives_the_same(run: Run, videos: Path, tmp_path: Path) -> None:
    """The command sends the signal to itself in the middle of its work, so that it comes there on any machine."""
    arguments = ("extract-frames", videos, "-n", "40", "--method", "uniform")
    assert run(*arguments, "-o", tmp_path / "whole").status == 0
    folder, partial = tmp_path / "frames", tmp_path / "frames.partial"
    command = [sys.executable, "-c", CTRL_C_AFTER_THREE_IMAGES, *map(str, arguments), "-o", str(folder)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 130
    assert "The same command goes on from there" in ended.stdout
    assert ended.stderr == ""
    assert not folder.exists()
    assert len(list(partial.rglob("*.png"))) == 3
    (some, *_) = partial.rglob("*.png")
    written = some.stat().st_mtime_ns
    other = run("extract-frames", videos, "-n", "41", "-o", folder)
    assert other.fails_in_one_line("left by a run with other videos or choices")
    (partial / "cut.png.partial").write_bytes(b"")  # as a killed run leaves it
    assert run(*arguments, "-o", folder).status == 0
    assert (folder / some.relative_to(partial)).stat().st_mtime_ns == written, "what was there is not made again"
    assert contents(folder) == contents(tmp_path / "whole")
    shutil.rmtree(folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["whole"]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
