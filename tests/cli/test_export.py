"""`poetlab export`: what it prints, and its exit status."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
MakeResult = Callable[..., Path]


def test_what_became_of_each_and_what_is_left_out(
    run: Run, make_result: MakeResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_result(tmp_path / "video.h5")
    outcome = run("export", "video.h5", "--to", "dlc")
    assert outcome.status == 0
    assert "video.h5 -> dlc/videoDLC_001-poet-r18.h5, dlc/videoDLC_001-poet-r18.csv" in outcome.text
    assert "not tracked" in outcome.text
    assert "left out, as dlc has no place for it: frame times" in outcome.text


def test_a_failing_result_gives_status_1_and_stops_no_other(run: Run, make_result: MakeResult, tmp_path: Path) -> None:
    good = make_result(tmp_path / "good.h5", individuals=("ada", "bob"), tracked=True)
    outcome = run("export", tmp_path / "missing.h5", good, "--to", "sleap", "--output", tmp_path / "out")
    assert outcome.status == 1
    assert "no such result file" in outcome.text
    assert "1 of 2 results failed" in outcome.text
    assert "not tracked" not in outcome.text
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["good.analysis.h5", "good.predictions.slp"]
    outcome = run("export", good, "--to", "sleap", "--output", tmp_path / "out")
    assert outcome.status == 1
    assert "--overwrite" in outcome.text
    assert run("export", good, "--to", "sleap", "--output", tmp_path / "out", "--overwrite").status == 0


def test_errors_before_anything_is_done(run: Run, make_result: MakeResult, tmp_path: Path) -> None:
    result = make_result(tmp_path / "video.h5")
    assert run("export", result, "--to", "xlsx").fails_in_one_line("xlsx", "csv, parquet, dlc, sleap, nwb")
    assert run("export", result).status == 2


def test_a_missing_extra_is_said_in_one_line(
    run: Run, make_result: MakeResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pynwb", None)
    outcome = run("export", make_result(tmp_path / "video.h5"), "--to", "nwb")
    assert outcome.fails_in_one_line('pip install "poetlab[io]"')
