"""`poetlab filter`: what it prints, and its exit status."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
MakeResult = Callable[..., Path]


def test_what_became_of_each(
    run: Run, make_result: MakeResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_result(tmp_path / "video.h5")
    outcome = run("filter", "video.h5", "--threshold", "0.5")
    assert outcome.status == 0
    assert "video.h5 -> video_filtered.h5: 22 keypoints with a position before, 16 now" in outcome.text


def test_a_pattern_that_matches_earlier_results_too(
    run: Run, make_result: MakeResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_result(tmp_path / "video.h5")
    assert run("filter", "video.h5", "--threshold", "0.5").status == 0
    outcome = run("filter", "video.h5", "video_filtered.h5", "--threshold", "0.6", "--overwrite")
    assert outcome.status == 0
    assert "video_filtered.h5: left out, because it was made of another of these results by filtering" in outcome.text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["video.h5", "video_filtered.h5"]


def test_slots_are_refused_and_stop_no_other(run: Run, make_result: MakeResult, tmp_path: Path) -> None:
    slots, good = make_result(tmp_path / "slots.h5"), make_result(tmp_path / "good.h5", individuals=("slot_1",))
    outcome = run("filter", slots, good, "--max-gap", "2", "--fill", "cubic", "--smooth", "savgol", "--window", "3")
    assert outcome.status == 1
    assert "track it first" in outcome.text
    assert "1 of 2 results failed" in outcome.text
    assert (tmp_path / "good_filtered.h5").is_file()
    assert not (tmp_path / "slots_filtered.h5").exists()


def test_choices_that_do_not_fit(run: Run, make_result: MakeResult, tmp_path: Path) -> None:
    result = make_result(tmp_path / "video.h5")
    assert run("filter", result).fails_in_one_line("nothing to filter")
    assert run("filter", result, "--smooth", "median", "--window", "4").fails_in_one_line("window 4 is even")
    assert run("filter", result, "--smooth", "gauss").fails_in_one_line("gauss")
