"""The wide table that is written block by block is the one that pandas writes at once."""

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from poetlab.results.table import TABLE_KEY, TableRows, create_table, wide_table

Description = dict[str, tuple[object, ...]]


def description(path: Path) -> Description:
    """Every type, shape, attribute and value of a file, bit by bit, by name."""
    found: Description = {}

    def describe(name: str, item: h5py.HLObject) -> None:
        if isinstance(item, h5py.Dataset):
            kind = item.id.get_type()
            content = np.empty(item.shape, item.dtype)
            item.id.read(h5py.h5s.ALL, h5py.h5s.ALL, content, mtype=kind)
            found[name] = (kind.encode(), item.shape, item.chunks, item.compression, content.tobytes())
        else:
            found[name] = ("group",)
        for attribute in item.attrs:
            stored = item.attrs.get_id(attribute)
            space = stored.get_space().get_simple_extent_type()
            content = np.zeros(stored.shape or (), stored.dtype)
            if space != h5py.h5s.NULL:
                stored.read(content, mtype=stored.get_type())
            found[f"{name}@{attribute}"] = (stored.get_type().encode(), space, stored.shape, content.tobytes())

    with h5py.File(path) as file:
        describe("", file)
        file.visititems(describe)
    return found


@pytest.mark.parametrize(
    ("n_frames", "individuals", "keypoints"),
    [
        (1, ("slot_1",), ("head",)),
        (7, ("zoe", "adam"), ("wingR", "wingL", "Schwänzchen")),
        (300, tuple(f"individual_{i}" for i in range(150)), tuple(f"k{i}" for i in range(20))),
    ],
)
def test_the_file_is_the_one_that_pandas_writes(
    tmp_path: Path, n_frames: int, individuals: tuple[str, ...], keypoints: tuple[str, ...]
):
    rng = np.random.default_rng(n_frames)
    values = rng.normal(size=(n_frames, len(individuals), len(keypoints), 3)).astype(np.float32)
    values[rng.random(values.shape) < 0.2] = np.nan
    frames = np.cumsum(rng.integers(1, 4, n_frames))
    table = wide_table(values, frames, "model", individuals, keypoints)
    table.to_hdf(tmp_path / "pandas.h5", key=TABLE_KEY, format="fixed")
    create_table(tmp_path / "ours.h5", n_frames, "model", individuals, keypoints)
    with h5py.File(tmp_path / "ours.h5", "r+") as file:
        rows = TableRows(file)
        for start in range(0, n_frames, 100):
            rows.write(start, values[start : start + 100], frames[start : start + 100])
    expected, found = description(tmp_path / "pandas.h5"), description(tmp_path / "ours.h5")
    assert len(expected) > 60
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == value, name
    pd.testing.assert_frame_equal(pd.read_hdf(tmp_path / "ours.h5"), table)
    assert pd.read_hdf(tmp_path / "ours.h5").index.tolist() == frames.tolist()
