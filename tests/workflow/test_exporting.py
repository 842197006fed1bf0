"""`export_results`: many result files, good and bad."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from poetlab.errors import ResultsError
from poetlab.results.reading import read_poses
from poetlab.workflow.exporting import export_results

MakeResult = Callable[..., Path]


def test_each_result_is_exported_beside_it_in_a_folder_of_the_format(make_result: MakeResult, tmp_path: Path):
    first, second = make_result(tmp_path / "a.h5"), make_result(tmp_path / "b.h5")
    done: list[tuple[int, int]] = []
    exported = export_results([first, second], "dlc", on_progress=lambda *numbers: done.append(numbers))
    assert done == [(1, 2), (2, 2)]
    assert [one.result for one in exported] == [first, second]
    assert sorted(path.name for path in (tmp_path / "dlc").iterdir()) == [
        "aDLC_001-poet-r18.csv",
        "aDLC_001-poet-r18.h5",
        "bDLC_001-poet-r18.csv",
        "bDLC_001-poet-r18.h5",
    ]
    assert {path for one in exported for path in one.paths} == set((tmp_path / "dlc").iterdir())


def test_positions_are_exact(make_result: MakeResult, tmp_path: Path):
    import pandas as pd

    result = make_result(tmp_path / "a.h5")
    ((path,),) = [one.paths for one in export_results([result], "csv")]
    expected = read_poses(result).to_table()
    np.testing.assert_allclose(pd.read_csv(path)[["x", "y"]], expected[["x", "y"]], atol=1e-4)


def test_one_that_fails_stops_no_other(make_result: MakeResult, tmp_path: Path):
    text = tmp_path / "text.h5"
    text.write_text("no result")
    good = make_result(tmp_path / "good.h5")
    exported = export_results([text, tmp_path / "missing.h5", good], "csv", output=tmp_path / "out")
    assert [bool(one.error) for one in exported] == [True, True, False]
    assert "text.h5" in str(exported[0].error)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.csv"]


def test_what_exists_is_refused_until_overwrite(make_result: MakeResult, tmp_path: Path):
    result = make_result(tmp_path / "a.h5")
    assert not export_results([result], "csv")[0].error
    assert "exists; --overwrite" in str(export_results([result], "csv")[0].error)
    assert not export_results([result], "csv", overwrite=True)[0].error


@pytest.mark.parametrize(
    ("folders", "mirrored"),
    [
        (("A", "B"), ("A", "B")),
        ((".", "other"), (".", "other")),
        (("A/day1", "A/day2/late", "A/day1"), ("day1", "day2/late", "day1")),
        (("A", "A"), (".", ".")),
    ],
)
def test_folders_of_results_are_mirrored_below_the_one_that_they_share(
    make_result: MakeResult,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    folders: tuple[str, ...],
    mirrored: tuple[str, ...],
):
    monkeypatch.chdir(tmp_path)
    results = []
    for number, folder in enumerate(folders):
        Path(folder).mkdir(parents=True, exist_ok=True)
        name = "b.h5" if folder in folders[:number] else "a.h5"
        results.append(make_result(Path(folder) / name, n_frames=3 + number))
    exported = export_results(results, "csv", output="out")
    expected = [Path("out", folder, f"{result.stem}.csv") for folder, result in zip(mirrored, results, strict=True)]
    assert [one.paths for one in exported] == [(path,) for path in expected]
    for number, path in enumerate(expected):
        assert len(path.read_text().splitlines()) == 1 + (3 + number) * 2 * 2


def test_results_without_a_shared_folder_go_to_one(
    make_result: MakeResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(_: object) -> str:
        raise ValueError("Paths don't have the same drive")

    monkeypatch.setattr(os.path, "commonpath", refuse)
    (tmp_path / "other").mkdir()
    results = [
        make_result(tmp_path / "a.h5"),
        make_result(tmp_path / "other/b.h5"),
        make_result(tmp_path / "other/a.h5"),
    ]
    exported = export_results(results, "csv", output=tmp_path / "out")
    assert [bool(one.error) for one in exported] == [False, False, True]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.csv", "b.csv"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_result_that_is_given_twice_is_exported_once(make_result: MakeResult, tmp_path: Path, *, overwrite: bool):
    result = make_result(tmp_path / "a.h5", n_frames=3)
    (tmp_path / "other").mkdir()
    exported = export_results([result, tmp_path / "other/../a.h5"], "csv", output=tmp_path / "out", overwrite=overwrite)
    assert [bool(one.error) for one in exported] == [False, True]
    assert "is the same" in str(exported[1].error)
    assert len((tmp_path / "out" / "a.csv").read_text().splitlines()) == 1 + 3 * 2 * 2


def test_slots_are_said_to_be_slots(make_result: MakeResult, tmp_path: Path):
    facts = {"several": {}, "tracked": {"tracked": True}, "single": {"individuals": ("slot_1",)}}
    results = [make_result(tmp_path / f"{name}.h5", **changes) for name, changes in facts.items()]
    assert [one.are_slots for one in export_results(results, "csv")] == [True, False, False]


def test_an_unknown_format_is_said_before_anything_is_written(make_result: MakeResult, tmp_path: Path):
    result = make_result(tmp_path / "a.h5")
    with pytest.raises(ResultsError, match="'xlsx'"):
        export_results([result], "xlsx")
    assert list(tmp_path.iterdir()) == [result]
