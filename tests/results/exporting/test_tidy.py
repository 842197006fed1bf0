"""The tidy table as csv and Parquet."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from poetlab.poses import Poses
from poetlab.results.exporting import writers
from poetlab.results.exporting.tidy import write_csv, write_parquet

MakePoses = Callable[..., Poses]


@pytest.mark.parametrize("keypoints_at_once", [8, 1 << 18])
def test_csv_holds_the_tidy_table(
    make_poses: MakePoses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keypoints_at_once: int
):
    monkeypatch.setattr(writers, "_ROWS_AT_ONCE", keypoints_at_once)
    poses = make_poses()
    write_csv(poses, tmp_path / "video.csv")
    table = pd.read_csv(tmp_path / "video.csv")
    expected = poses.to_table()
    assert list(table.columns) == ["frame", "time", "individual", "keypoint", "x", "y", "visibility", "score"]
    for name in ("individual", "keypoint"):
        assert table[name].tolist() == expected[name].tolist()
    for name in ("frame", "time", "x", "y", "visibility", "score"):
        np.testing.assert_array_equal(table[name].to_numpy(expected[name].dtype), expected[name], err_msg=name)
    assert table[["x", "y"]].isna().any(axis=1).sum() == (~np.isfinite(poses.keypoints).all(axis=-1)).sum() > 0


@pytest.mark.parametrize("keypoints_at_once", [8, 1 << 18])
def test_parquet_holds_the_tidy_table(
    make_poses: MakePoses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keypoints_at_once: int
):
    monkeypatch.setattr(writers, "_ROWS_AT_ONCE", keypoints_at_once)
    poses = make_poses(frames=10 + 5 * np.arange(12))
    write_parquet(poses, tmp_path / "video.parquet")
    table = pd.read_parquet(tmp_path / "video.parquet")
    pd.testing.assert_frame_equal(table, poses.to_table(), check_categorical=False)
    assert table["frame"].unique().tolist() == list(range(10, 70, 5))
