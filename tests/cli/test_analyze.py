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


def test_the_video_is_found_again_wherever_it_was(
    run: Run, trained: Project, drawn_video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "flies").mkdir()
    shutil.copy(drawn_video, tmp_path / "flies")
    shutil.copytree(trained.path, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    assert run("analyze", "../flies/drawn.mp4").status == 0
    assert run("filter", "results/drawn.h5", "--max-gap", "3", "--output", "clean/late").status == 0
    (tmp_path / "moved").mkdir()
    for folder in ("flies", "project"):
        (tmp_path / folder).rename(tmp_path / "moved" / folder)
    monkeypatch.chdir(tmp_path)
    for result in ("results/drawn.h5", "clean/late/drawn.h5"):
        outcome = run("render", Path("moved/project") / result)
        assert outcome.status == 0
        assert "drawn_labeled.mp4" in outcome.text


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


def test_folders_are_mirrored_and_end_in_a_summary(
    run: Run, trained: Project, drawn_video: Path, tmp_path: Path
) -> None:
    recordings = tmp_path / "recordings"
    for name in ("day1/cam1.mp4", "day1/cam2.mp4", "day2/cam1.mp4"):
        (recordings / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(drawn_video, recordings / name)
    (recordings / "day1" / "notes.txt").write_text("nothing")
    (recordings / "day2" / "broken.mp4").write_bytes(drawn_video.read_bytes()[:2000])
    out = tmp_path / "out"
    arguments = ("analyze", recordings, f"{recordings}/day1/*.mp4", "--output", out, "--project", trained.path)
    outcome = run(*arguments, "--threshold", "0")
    assert outcome.status == 1
    written = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.*"))
    assert written == ["day1/cam1.h5", "day1/cam2.h5", "day2/cam1.h5"]
    assert "1 of 4 videos failed" in outcome.text
    table = outcome.text[outcome.text.index("animals") :]
    summary = [line.split() for line in table.splitlines() if line.endswith(("done", "failed"))]
    assert [line[-1] for line in summary] == ["done", "done", "failed", "done"]
    assert [line[1] for line in summary] == ["10", "10", "0", "10"]
    assert [line[-3:-1] for line in summary if line[-1] == "done"] == [
        ["1", "0"]
    ] * 3  # tracks that were seen, and joins


def test_a_part_of_a_video_is_chosen_by_options(run: Run, trained: Project, drawn_video: Path, tmp_path: Path) -> None:
    from poetlab.results.reading import read_poses

    arguments = ("analyze", drawn_video, "--output", tmp_path, "--project", trained.path)
    part = ("--start", "1", "--stop", "9", "--stride", "2", "--max-frames", "3", "--crop", "0,8,40,48")
    assert run(*arguments, *part).status == 0
    assert read_poses(tmp_path / "drawn.h5").frames.tolist() == [1, 3, 5]
    assert run(*arguments, *part).status == 0
    outcome = run(*arguments, "--crop", "0,8,40,48")
    assert outcome.status == 1
    assert "has results of other frames or of another crop" in outcome.text
    assert read_poses(tmp_path / "drawn.h5").frames.tolist() == [1, 3, 5]
    assert run(*arguments, "--overwrite", "--save-video", "--start", "4").status == 0
    assert len(list(open_video(tmp_path / "drawn_labeled.mp4"))) == 6


def test_parts_that_there_cannot_be_are_said_in_one_line(
    run: Run, trained: Project, drawn_video: Path, tmp_path: Path
) -> None:
    arguments = ("analyze", drawn_video, "--output", tmp_path, "--project", trained.path)
    assert run(*arguments, "--start", "-3").fails_in_one_line("start is -3")
    assert run(*arguments, "--stop", "0").fails_in_one_line("stop is 0")
    assert run(*arguments, "--stride", "0").fails_in_one_line("stride is 0")
    assert run(*arguments, "--crop", "1,2,3").fails_in_one_line("crop '1,2,3'", "640,480")
    outcome = run(*arguments, "--crop", "30,30,40,40")
    assert outcome.status == 1
    assert "the crop 30,30,40,40 reaches out of the frame, which is 64 x 64 pixels" in outcome.text
    outcome = run(*arguments, "--start", "10")
    assert outcome.status == 1
    assert "ends before frame 10" in outcome.text
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_keeps_what_is_done_and_the_next_run_goes_on(
    run: Run, trained: Project, drawn_video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from poetlab.results.writing import ResultsWriter

    append, counts = ResultsWriter.append, []

    def append_once(self: ResultsWriter, times: Any, detections: Any, frames: Any) -> None:
        append(self, times, detections, frames)
        raise KeyboardInterrupt

    def append_counted(self: ResultsWriter, times: Any, detections: Any, frames: Any) -> None:
        counts.append(len(frames))
        append(self, times, detections, frames)

    arguments = ("analyze", drawn_video, "--output", tmp_path, "--batch-size", "4", "--project", trained.path)
    monkeypatch.setattr(ResultsWriter, "append", append_once)
    outcome = run(*arguments)
    assert outcome.status == 130
    assert "what is finished is kept. The same command goes on from there" in outcome.text
    assert not (tmp_path / "drawn.h5").exists()
    monkeypatch.setattr(ResultsWriter, "append", append_counted)
    outcome = run(*arguments)
    assert outcome.status == 0
    assert counts == [4, 2]
    assert "went on after 4 frames" in outcome.text
    assert len(pd.read_hdf(tmp_path / "drawn.h5")) == 10
    assert [path.name for path in tmp_path.iterdir()] == ["drawn.h5"]
