"""`poetlab track`: what it prints, and its exit status."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from poetlab.results.reading import read_attributes

Run = Callable[..., Any]
MakeResult = Callable[..., Path]


def test_a_table_of_what_became_of_each(
    run: Run, make_result: MakeResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_result(tmp_path / "a.h5")
    make_result(tmp_path / "b.h5")
    outcome = run("track", "a.h5", "b.h5", "--individuals", "2", "-o", "out")
    assert outcome.status == 0
    assert "a.h5 -> out/a.h5" in outcome.text
    assert "individuals" in outcome.text
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.h5", "b.h5"]
    assert read_attributes(tmp_path / "out" / "a.h5")["tracked"] == 1


def test_figures_are_shown_where_there_are_labels(run: Run, make_result: MakeResult, tmp_path: Path) -> None:
    result = make_result(tmp_path / "video.h5")
    assert run("track", result).status == 0
    outcome = run("track", result, "--labels", tmp_path / "video_tracked.h5", "--overwrite")
    assert outcome.status == 0
    assert "HOTA" in outcome.text


def test_what_an_earlier_run_made_is_left_out(run: Run, make_result: MakeResult, tmp_path: Path) -> None:
    result = make_result(tmp_path / "video.h5")
    assert run("track", result).status == 0
    outcome = run("track", result, tmp_path / "video_tracked.h5", "--overwrite")
    assert outcome.status == 0
    assert "video_tracked.h5: left out, because it was made of another of these results by tracking" in outcome.text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["video.h5", "video_tracked.h5"]


def test_a_result_that_fails_stops_no_other(run: Run, make_result: MakeResult, tmp_path: Path) -> None:
    text = tmp_path / "text.h5"
    text.write_text("no result")
    outcome = run("track", text, make_result(tmp_path / "good.h5"))
    assert outcome.status == 1
    assert "1 of 2 results failed" in outcome.text
    assert (tmp_path / "good_tracked.h5").is_file()


def test_ctrl_c_keeps_what_is_finished(
    run: Run, make_result: MakeResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("poetlab.workflow.tracking.track_file", stop)
    outcome = run("track", make_result(tmp_path / "video.h5"))
    assert outcome.status == 130
    assert "the finished files are kept" in outcome.text
    assert [path.name for path in tmp_path.iterdir()] == ["video.h5"]


def test_limits_come_from_the_project_and_the_command(
    run: Run, make_result: MakeResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = make_result(tmp_path / "video.h5")
    assert run("init", "project").status == 0
    config = tmp_path / "project" / "config.yaml"
    config.write_text("poetlab: 1\ntracking:\n  max_speed: 7\n  max_gap: 3\n")
    assert run("track", result, "--project", "project", "--max-gap", "1.5", "--unlimited").status == 0
    tracking = read_attributes(tmp_path / "video_tracked.h5")["tracking"]
    assert (tracking["max_speed"], tracking["max_gap"], tracking["unlimited"]) == (7, 1.5, True)
    assert tracking["individuals"] is None
