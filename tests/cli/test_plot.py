"""`poetlab plot`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from poetlab.poses import Instances
from poetlab.results.writing import ResultsWriter
from poetlab.skeleton import Skeleton

Run = Callable[..., Any]
"""The fixture that runs a command."""


def write_results(path: Path, *, tracked: bool) -> Path:
    with ResultsWriter(
        path,
        skeleton=Skeleton("fly", ("head", "tail")),
        individuals=("ada", "bob"),
        size=(100, 200),
        fps=10.0,
        video="video.mp4",
        video_fingerprint="0" * 16,
        model="m",
        tracked=tracked,
        settings={},
    ) as writer:
        for frame in range(30):
            keypoints = np.array([[[6.0 * frame, 10], [50, 50]], [[90, 20], [95, 25]]])
            writer.append([frame / 10], [Instances(keypoints, np.full((2, 2), 0.8), np.array([0.9, 0.7]))], [frame])
        writer.finish()
    return path


def test_tracked_results_have_four_pictures(run: Run, tmp_path: Path):
    outcome = run("plot", write_results(tmp_path / "a.h5", tracked=True))
    assert outcome.status == 0
    assert "note" not in outcome.text
    pictures = sorted(tmp_path.glob("*.png"))
    assert [path.name for path in pictures] == [
        f"a_{name}.png" for name in ("likelihood", "presence", "speed", "trajectories")
    ]
    for path in pictures:
        with Image.open(path) as image:
            assert min(image.size) > 100


def test_pictures_that_need_identities_are_left_out_of_slots(run: Run, tmp_path: Path):
    outcome = run("plot", write_results(tmp_path / "a.h5", tracked=False), "--output", tmp_path / "out")
    assert outcome.status == 0
    assert outcome.text.count("not tracked, so a slot is not one animal: no trajectories, speed, presence") == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a_likelihood.png"]


def test_a_failing_result_stops_no_other(run: Run, tmp_path: Path):
    (tmp_path / "other").mkdir()
    files = [write_results(folder / "a.h5", tracked=True) for folder in (tmp_path, tmp_path / "other")]
    outcome = run("plot", tmp_path / "no.h5", *files, files[0], "--output", tmp_path / "out")
    assert outcome.status == 1
    assert "2 of 4 results failed" in outcome.text
    assert "no such result file" in outcome.text
    assert "another of these results has its name" in outcome.text
    assert len(list((tmp_path / "out").glob("*.png"))) == 4
    assert len(list((tmp_path / "out" / "other").glob("*.png"))) == 4
