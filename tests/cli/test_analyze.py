"""`poetlab analyze` on several videos, good and bad."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from poetlab.project import Project, open_project
from poetlab.video.reading import open_video
from poetlab.workflow.training import train

Run = Callable[..., Any]
"""The fixture that runs a command."""


@pytest.fixture(scope="module")
def trained(labeled_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a network that has seen a little; its results are not to be relied on."""
    folder = shutil.copytree(labeled_project, tmp_path_factory.mktemp("trained") / "project")
    train(open_project(folder), epochs=1, device="cpu")
    return open_project(folder)


def test_a_failing_video_stops_no_other_and_the_exit_status_says_so(
    run: Run, trained: Project, drawn_video: Path, tmp_path: Path
) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("not a video")
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(drawn_video.read_bytes()[:2000])
    missing = tmp_path / "missing.mp4"
    out = tmp_path / "out"
    outcome = run("analyze", text, drawn_video, cut, missing, "--output", out, "--project", trained.path)
    assert outcome.status == 1
    assert "3 of 4 videos failed" in outcome.text
    assert "Traceback" not in outcome.text
    assert [path.name for path in out.iterdir()] == ["drawn.h5"]
    assert len(pd.read_hdf(out / "drawn.h5")) == 10


def test_finished_videos_are_skipped_until_overwrite(
    run: Run, trained: Project, drawn_video: Path, tmp_path: Path
) -> None:
    arguments = ("analyze", drawn_video, "--output", tmp_path, "--project", trained.path)
    assert run(*arguments).status == 0
    written = (tmp_path / "drawn.h5").stat().st_mtime_ns
    outcome = run(*arguments)
    assert outcome.status == 0
    assert "skipped" in outcome.text
    assert (tmp_path / "drawn.h5").stat().st_mtime_ns == written
    assert run(*arguments, "--overwrite").status == 0
    assert (tmp_path / "drawn.h5").stat().st_mtime_ns > written


def test_a_result_of_fewer_frames_is_not_taken_for_a_finished_one(
    run: Run, trained: Project, drawn_video: Path, tmp_path: Path
) -> None:
    arguments = ("analyze", drawn_video, "--output", tmp_path, "--project", trained.path)
    for limit, n_frames in (("4", 4), ("2", 4), ("6", 6), (None, 10), ("3", 10)):
        assert run(*arguments, *(("--max-frames", limit) if limit else ())).status == 0
        assert len(pd.read_hdf(tmp_path / "drawn.h5")) == n_frames


def test_two_videos_of_one_name_do_not_overwrite_each_other(
    run: Run, trained: Project, drawn_video: Path, tmp_path: Path
) -> None:
    from poetlab.drawn.tracks import draw_video

    other = tmp_path / "other" / "drawn.mp4"
    other.parent.mkdir()
    draw_video(other, n_frames=6, n_animals=2, size=(64, 64), seed=9)
    out = tmp_path / "out"
    for _ in range(2):
        assert run("analyze", drawn_video, other, "--output", out, "--project", trained.path).status == 0
    assert sorted(len(pd.read_hdf(path)) for path in out.iterdir()) == [6, 10]


def test_a_video_that_poetlab_did_not_label_is_not_overwritten(
    run: Run, trained: Project, drawn_video: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "drawn_labeled.mp4"
    mine.write_bytes(b"mine")
    outcome = run("analyze", drawn_video, "--output", tmp_path, "--save-video", "--project", trained.path)
    assert outcome.status == 1
    assert mine.read_bytes() == b"mine"


def test_a_labeled_video_never_shows_older_poses(run: Run, trained: Project, drawn_video: Path, tmp_path: Path) -> None:
    arguments = ("analyze", drawn_video, "--output", tmp_path, "--project", trained.path)
    labeled = tmp_path / "drawn_labeled.mp4"
    for more, n_frames in ((("--max-frames", "3", "--save-video"), 3), ((), None), (("--save-video",), 10)):
        assert run(*arguments, *more).status == 0
        assert (len(list(open_video(labeled))) if labeled.exists() else None) == n_frames


def test_a_snapshot_named_by_a_relative_path_is_known_by_its_run(
    run: Run, trained: Project, drawn_video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(trained.path)
    snapshot = Path("models") / "001-poet-r18" / "best.safetensors"
    assert run("analyze", drawn_video, "--output", tmp_path, "--snapshot", snapshot).status == 0
    assert pd.read_hdf(tmp_path / "drawn.h5").columns.get_level_values("scorer").unique().tolist() == ["001-poet-r18"]
    for name in ("", ".", "/"):
        assert run("evaluate", "--snapshot", name).fails_in_one_line("no snapshot")


def test_bad_numbers_are_said_in_one_line(run: Run, trained: Project, drawn_video: Path) -> None:
    arguments = ("analyze", drawn_video, "--project", trained.path)
    assert run(*arguments, "--threshold", "2").fails_in_one_line("threshold", "less than or equal to 1")
    assert run(*arguments, "--max-frames", "0").fails_in_one_line("max_frames")
    assert run(*arguments, "--snapshot", "nothing").fails_in_one_line("no snapshot 'nothing'", "001-poet-r18")
    assert run(*arguments, "--device", "cuda:99").fails_in_one_line("cuda:99", "not available")


def test_a_network_of_another_skeleton_is_refused(
    run: Run, trained: Project, drawn_video: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    run("init", other, "--skeleton", "macaque")
    best = trained.runs()[-1].best
    outcome = run("analyze", drawn_video, "--project", other, "--snapshot", best)
    assert outcome.fails_in_one_line("other keypoints", "--pretrained")
