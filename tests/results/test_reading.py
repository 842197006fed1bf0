"""Files that are no result files are refused in one line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pandas as pd
import pytest

from poetlab.errors import ResultsError
from poetlab.poses import Instances
from poetlab.results.reading import read_attributes, read_detections, read_poses, read_table

READERS = [read_poses, read_table, read_attributes, read_detections]


def assert_refused(read: Callable[[Path], Any], path: Path, reason: str) -> None:
    with pytest.raises(ResultsError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert reason in message
    assert "\n" not in message


@pytest.mark.parametrize("read", READERS)
def test_missing(tmp_path: Path, read: Callable[[Path], Any]):
    assert_refused(read, tmp_path / "missing.h5", "no such result file")


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_cut_off(
    write_results: Callable[..., Path], frames: list[Instances], read: Callable[[Path], Any], share: float
):
    path = write_results(frames)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert_refused(read, path, "cut off")


@pytest.mark.parametrize("read", READERS)
def test_text(tmp_path: Path, read: Callable[[Path], Any]):
    path = tmp_path / "notes.h5"
    path.write_text("frame,x,y\n")
    assert_refused(read, path, "not a result file")


@pytest.mark.parametrize("read", READERS)
def test_another_tools_table(tmp_path: Path, read: Callable[[Path], Any]):
    path = tmp_path / "other.h5"
    pd.DataFrame({"x": [1.0]}).to_hdf(path, key="df_with_missing")
    assert_refused(read, path, "not one of poetlab's")


def test_a_newer_format(write_results: Callable[..., Path], frames: list[Instances]):
    path = write_results(frames)
    with h5py.File(path, "a") as file:
        file["poetlab"].attrs["format_version"] = 3
    assert_refused(read_poses, path, "newer poetlab")


def test_a_table_that_does_not_fit(write_results: Callable[..., Path], frames: list[Instances]):
    path = write_results(frames)
    with h5py.File(path, "a") as file:
        del file["df_with_missing"]
    assert_refused(read_poses, path, "damaged")
