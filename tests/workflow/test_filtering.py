"""`filter_results`: result files cleaned up, as new files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from poetlab.errors import ConfigError
from poetlab.filtering import FilterSettings, filter_poses
from poetlab.results.reading import read_attributes, read_detections, read_poses
from poetlab.workflow.filtering import filter_results

MakeResult = Callable[..., Path]


def test_the_new_file_lies_beside_the_old_one_which_stays(make_result: MakeResult, tmp_path: Path):
    result = make_result(tmp_path / "a.h5", individuals=("ada", "bob"), tracked=True)
    before = result.read_bytes()
    (filtered,) = filter_results([result], threshold=0.5, max_gap=1, smooth="median", window=3)
    assert result.read_bytes() == before
    assert filtered.path == tmp_path / "a_filtered.h5"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.h5", "a_filtered.h5"]
    settings = FilterSettings(threshold=0.5, max_gap=1, smooth="median", window=3)
    expected, found = filter_poses(read_poses(result), settings), read_poses(filtered.path)
    for name in ("keypoints", "visibility", "scores", "frames", "times"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)
    assert (found.individuals, found.tracked) == (("ada", "bob"), True)
    assert len(pd.read_hdf(filtered.path)) == 6


def test_the_file_says_what_was_done(make_result: MakeResult, tmp_path: Path):
    result = make_result(tmp_path / "a.h5")
    (filtered,) = filter_results([result], threshold=0.5)
    assert filtered.path is not None
    attributes = read_attributes(filtered.path)
    assert attributes.pop("filtering") == {
        "threshold": 0.5,
        "max_gap": 0,
        "fill": "linear",
        "smooth": None,
        "window": 5,
        "order": 2,
    }
    assert attributes == read_attributes(result)
    for old, new in zip(read_detections(result), read_detections(filtered.path), strict=True):
        np.testing.assert_array_equal(old.keypoints, new.keypoints)


def test_what_an_earlier_call_made_is_left_out(make_result: MakeResult, tmp_path: Path):
    result = make_result(tmp_path / "a.h5")
    (first,) = filter_results([result], threshold=0.5)
    assert first.path is not None
    filtered = filter_results(sorted(tmp_path.glob("*.h5")), threshold=0.6, overwrite=True)
    assert [(one.result.name, one.left_out, one.path) for one in filtered] == [
        ("a.h5", False, first.path),
        ("a_filtered.h5", True, None),
    ]
    assert [one.error for one in filtered] == [None, None]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.h5", "a_filtered.h5"]
    (again,) = filter_results([first.path], threshold=0.7)  # which is meant where it is given alone
    assert again.path == tmp_path / "a_filtered_filtered.h5"


def test_a_video_may_be_called_filtered(make_result: MakeResult, tmp_path: Path):
    results = [make_result(tmp_path / "a.h5"), make_result(tmp_path / "a_filtered.h5", video_fingerprint="1" * 16)]
    filtered = filter_results(results, threshold=0.5, output=tmp_path / "out")
    assert [one.left_out for one in filtered] == [False, False]
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_positions_are_counted(make_result: MakeResult, tmp_path: Path):
    result = make_result(tmp_path / "a.h5", individuals=("ada", "bob"), tracked=True)
    (filtered,) = filter_results([result], threshold=0.5)
    assert (filtered.n_before, filtered.n_after) == (22, 16)  # the first animal's tail is never likely
    (filtered,) = filter_results([result], max_gap=1, overwrite=True)
    assert (filtered.n_before, filtered.n_after) == (22, 24)


def test_one_that_fails_stops_no_other(make_result: MakeResult, tmp_path: Path):
    text = tmp_path / "text.h5"
    text.write_text("no result")
    slots = make_result(tmp_path / "slots.h5")
    good = make_result(tmp_path / "good.h5", individuals=("slot_1",))
    done: list[tuple[int, int]] = []
    filtered = filter_results(
        [text, slots, good],
        smooth="median",
        output=tmp_path / "out",
        on_progress=lambda *numbers: done.append(numbers),
    )
    assert done == [(1, 3), (2, 3), (3, 3)]
    assert "text.h5" in str(filtered[0].error)
    assert str(filtered[1].error).startswith(f"{slots}: the poses of slots.mp4 are not tracked")
    assert filtered[2].path == tmp_path / "out" / "good.h5"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.h5"]


def test_nothing_is_overwritten_by_accident(make_result: MakeResult, tmp_path: Path):
    result = make_result(tmp_path / "a.h5")
    before = result.read_bytes()
    assert "would be replaced" in str(filter_results([result], threshold=0.5, output=tmp_path, overwrite=True)[0].error)
    assert result.read_bytes() == before
    assert not filter_results([result], threshold=0.5)[0].error
    assert "exists; --overwrite" in str(filter_results([result], threshold=0.5)[0].error)
    assert not filter_results([result], threshold=0.5, overwrite=True)[0].error


def test_two_results_of_one_name_never_share_a_file(make_result: MakeResult, tmp_path: Path):
    (tmp_path / "other").mkdir()
    results = [make_result(tmp_path / "a.h5", n_frames=3), make_result(tmp_path / "other" / "a.h5", n_frames=5)]
    filtered = filter_results([*results, results[0]], threshold=0.5, output=tmp_path / "out", overwrite=True)
    assert [bool(one.error) for one in filtered] == [False, False, True]
    assert read_poses(tmp_path / "out" / "a.h5").n_frames == 3
    assert read_poses(tmp_path / "out" / "other" / "a.h5").n_frames == 5


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({}, "nothing to filter"),
        ({"threshold": 0.0, "window": 7}, "nothing to filter"),
        ({"threshold": 2}, "threshold"),
        ({"smooth": "gauss"}, "smooth"),
        ({"smooth": "median", "window": 4}, "window 4 is even"),
        ({"smooth": "savgol", "window": 5, "order": 5}, "order 5 does not fit window 5"),
        ({"max_gap": -1}, "max_gap"),
    ],
)
def test_choices_that_do_not_fit(make_result: MakeResult, tmp_path: Path, choices: dict[str, Any], words: str):
    with pytest.raises(ConfigError, match=words):
        filter_results([make_result(tmp_path / "a.h5")], **choices)
