"""The example scripts run as they are."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import poetlab
from poetlab.drawn.tracks import draw_video
from poetlab.poses import Instances
from poetlab.project import open_project
from poetlab.results.writing import ResultsWriter
from poetlab.skeleton import Skeleton

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"

pytestmark = pytest.mark.slow


def run_example(name: str, *arguments: str | Path) -> str:
    """What an example prints."""
    ended = subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments],
        env=os.environ | {"OMP_NUM_THREADS": "1"},  # a small network gains nothing from more
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_whole_job(tmp_path: Path, drawn_labels: Path) -> None:
    video = tmp_path / "drawn.mp4"
    draw_video(video, n_frames=6, n_animals=2, size=(64, 64), seed=2)
    small = ("--epochs", "1", "--batch-size", "4", "--image-size", "64")
    printed = run_example("whole_job.py", drawn_labels, video, "--project", tmp_path / "study", *small)
    assert printed.startswith("imported 12 images")
    assert "epoch 1: loss" in printed
    assert "of 6 frames" in printed
    results = tmp_path / "study" / "results"
    assert len(pd.read_hdf(results / "drawn.h5")) == len(pd.read_hdf(results / "drawn_filtered.h5")) == 6
    assert (results / "drawn_filtered_trajectories.png").is_file()


def test_known_animals(tmp_path: Path) -> None:
    printed = run_example("known_animals.py", tmp_path / "lizards", "--frames", "30")
    assert "lizards.h5" in printed
    poses = poetlab.read_poses(tmp_path / "lizards" / "lizards.h5")
    assert poses.tracked
    assert poses.individuals == ("ada", "bob", "cleo")
    assert np.isfinite(poses.keypoints[..., 0]).any(axis=(0, 2)).all()


def test_reading_results(tmp_path: Path) -> None:
    path = tmp_path / "walk.h5"
    write_walk(path)
    printed = run_example("read_results.py", path, "--keypoint", "head")
    assert "walk.mp4: 11 frames" in printed
    assert re.search(r"frames in which head is visible:\n.*\nindividual_1 +100.0%\nindividual_2 +90.9%", printed)
    assert re.search(r"median speed of head, pixels a second:\n.*\nindividual_1 +50.0\nindividual_2 +0.0", printed)
    assert "median distance of head between the first two, pixels: 22.5" in printed  # 0, 5, ... 45: the last is hidden


def test_a_custom_skeleton(tmp_path: Path) -> None:
    printed = run_example("custom_skeleton.py", tmp_path / "flies")
    assert "left_wing: in a mirror, right_wing" in printed
    skeleton = open_project(tmp_path / "flies").skeleton()
    assert ("left_foreleg", "right_foreleg") in skeleton.symmetries
    assert skeleton.sigmas[:2] == (0.03, 0.05)


def write_walk(path: Path) -> None:
    """A head that walks 5 pixels in each tenth of a second past another that rests, and is hidden once."""
    with ResultsWriter(
        path,
        skeleton=Skeleton("fly", ("tail", "head")),
        individuals=("individual_1", "individual_2"),
        size=(100, 200),
        fps=10.0,
        video="walk.mp4",
        video_fingerprint="0" * 16,
        model="001-poet-r18",
        tracked=True,
        settings={},
    ) as writer:
        for frame in range(11):
            walking, resting = [[0.0, 0.0], [3.0 * frame, 4.0 * frame]], [[99.0, 9.0], [0.0, 0.0]]
            visibility = np.array([[0.1, 0.9], [0.1, 0.2 if frame == 10 else 0.9]])
            instances = Instances(np.array([walking, resting]), visibility, np.array([0.9, 0.8]))
            writer.append([frame / 10], [instances], [frame])
        writer.finish()
