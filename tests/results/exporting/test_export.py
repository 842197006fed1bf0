"""What holds for every format: whole files or none, memory, and what is not installed."""

import shutil
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from poetlab.errors import ResultsError
from poetlab.poses import Poses
from poetlab.results.exporting import writers
from poetlab.results.exporting.export import export_poses
from poetlab.results.exporting.formats import EXPORT_FORMATS, ExportFormat, export_format
from poetlab.results.locking import only_writer

MakePoses = Callable[..., Poses]
any_format = pytest.mark.parametrize("chosen", EXPORT_FORMATS, ids=lambda chosen: chosen.name)

FILES = {
    "csv": {"video.csv"},
    "parquet": {"video.parquet"},
    "dlc": {"videoDLC_001-poet-r18.h5", "videoDLC_001-poet-r18.csv"},
    "sleap": {"video.analysis.h5", "video.predictions.slp"},
    "nwb": {"video_zoe.nwb", "video_adam.nwb"},
}


@any_format
def test_the_files_of_a_format(make_poses: MakePoses, tmp_path: Path, chosen: ExportFormat):
    folder = tmp_path / "new" / "folder"
    paths = export_poses(make_poses(), chosen, folder, "video")
    assert {path.name for path in paths} == {path.name for path in folder.iterdir()} == FILES[chosen.name]


@any_format
def test_poses_are_not_changed(make_poses: MakePoses, tmp_path: Path, chosen: ExportFormat):
    poses, copy = make_poses(), make_poses()
    export_poses(poses, chosen, tmp_path, "video")
    for name in ("keypoints", "visibility", "scores", "frames", "times"):
        np.testing.assert_array_equal(getattr(poses, name), getattr(copy, name))


@any_format
def test_existing_files_are_refused_and_left_alone(make_poses: MakePoses, tmp_path: Path, chosen: ExportFormat):
    mine = tmp_path / max(FILES[chosen.name])
    mine.write_bytes(b"mine")
    with pytest.raises(ResultsError, match=r"exists; --overwrite"):
        export_poses(make_poses(), chosen, tmp_path, "video")
    assert list(tmp_path.iterdir()) == [mine]
    assert mine.read_bytes() == b"mine"
    export_poses(make_poses(), chosen, tmp_path, "video", overwrite=True)
    assert mine.read_bytes() != b"mine"


@any_format
def test_all_files_appear_or_none(make_poses: MakePoses, tmp_path: Path, chosen: ExportFormat):
    def fail(_: Poses, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    failing = replace(chosen, files=lambda poses, name: {**chosen.files(poses, name), "last": fail})
    with pytest.raises(ResultsError, match="No space left on device"):
        export_poses(make_poses(), failing, tmp_path, "video")
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_leaves_nothing(make_poses: MakePoses, tmp_path: Path):
    def stop(_: Poses, path: Path) -> None:
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    stopped = replace(export_format("csv"), files=lambda *_: {"a": stop})
    with pytest.raises(KeyboardInterrupt):
        export_poses(make_poses(), stopped, tmp_path, "video")
    assert list(tmp_path.iterdir()) == []


def test_one_process_at_a_time_writes_a_file(make_poses: MakePoses, tmp_path: Path):
    with (
        only_writer(tmp_path / "video.csv"),
        pytest.raises(ResultsError, match=r"video\.csv: another run is writing this file"),
    ):
        export_poses(make_poses(), export_format("csv"), tmp_path, "video", overwrite=True)
    assert export_poses(make_poses(), export_format("csv"), tmp_path, "video")


def test_a_full_disk_is_met_before_anything_is_written(
    make_poses: MakePoses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(ResultsError, match="the disk is full"):
        export_poses(make_poses(), export_format("sleap"), tmp_path, "video")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["parquet", "sleap", "nwb"])
def test_the_space_asked_for_is_enough(make_poses: MakePoses, tmp_path: Path, name: str):
    """Of the formats but for text, which may be longer, and fails on a full disk without harm."""
    poses = make_poses(n_frames=5000)
    paths = export_poses(poses, export_format(name), tmp_path, "video")
    spare = 1 << 20
    assert sum(path.stat().st_size for path in paths) <= 5 * (poses.keypoints.nbytes + poses.visibility.nbytes) + spare


def test_a_file_in_the_place_of_the_folder(make_poses: MakePoses, tmp_path: Path):
    (tmp_path / "csv").write_text("mine")
    with pytest.raises(ResultsError, match="File exists"):
        export_poses(make_poses(), export_format("csv"), tmp_path / "csv", "video")


def test_an_unknown_format_is_told_the_known_ones():
    with pytest.raises(
        ResultsError, match=r"'xlsx' is no format to export to; known are csv, parquet, dlc, sleap, nwb"
    ):
        export_format("xlsx")


@pytest.mark.parametrize(
    ("name", "module"),
    [("parquet", "pyarrow.parquet"), ("sleap", "sleap_io"), ("nwb", "pynwb"), ("nwb", "ndx_pose")],
)
def test_what_is_not_installed_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch, name: str, module: str):
    monkeypatch.setitem(sys.modules, module, None)  # what Python does about a module that cannot be imported
    with pytest.raises(ResultsError, match=r'pip install "poetlab\[io\]"') as raised:
        export_format(name)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["csv", "dlc"])
def test_the_core_is_enough_for_some(monkeypatch: pytest.MonkeyPatch, make_poses: MakePoses, tmp_path: Path, name: str):
    for module in ("pyarrow.parquet", "sleap_io", "pynwb", "ndx_pose"):
        monkeypatch.setitem(sys.modules, module, None)
    assert export_poses(make_poses(), export_format(name), tmp_path, "video")


@any_format
def test_memory_stays_within_a_few_times_the_poses(
    make_poses: MakePoses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: ExportFormat
):
    monkeypatch.setattr(writers, "_ROWS_AT_ONCE", 1 << 11)
    poses = make_poses(n_frames=10_000)
    n_bytes = poses.keypoints.nbytes + poses.visibility.nbytes + poses.scores.nbytes
    export_poses(make_poses(), chosen, tmp_path, "imports")
    tracemalloc.start()
    try:
        export_poses(poses, chosen, tmp_path, "video")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * n_bytes, f"{peak / n_bytes:.1f} times"
