"""The wide table of a result file: DeepLabCut's layout, one row a frame."""

import io
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

TABLE_KEY = "df_with_missing"
COORDINATES = ("x", "y", "likelihood")
_LEVEL_NAMES = ("scorer", "individuals", "bodyparts", "coords")
_VALUES = "block0_values"
_INDEX = "axis1"


def wide_table(
    values: np.ndarray, frames: np.ndarray, scorer: str, individuals: Sequence[str], keypoints: Sequence[str]
) -> pd.DataFrame:
    """A table of x, y and likelihood, with a column for each individual and keypoint, present or not.

    The levels of the columns keep the order they are given in, so that pandas takes them as sorted.

    Args:
        values: (n, individuals, k, 3) pixels x, y and likelihood.
        frames: (n,) numbers of the frames in the video.
        scorer: What DeepLabCut calls the model.
        individuals: Unique names of the individual axis.
        keypoints: Unique names of the keypoint axis.

    Returns:
        One row a frame, with the frame's number as index, named `frame`; columns of the levels `scorer`,
        `individuals`, `bodyparts` and `coords`.
    """
    levels = ((scorer,), tuple(individuals), tuple(keypoints), COORDINATES)
    codes = [axis.ravel() for axis in np.indices([len(level) for level in levels])]
    columns = pd.MultiIndex(levels=levels, codes=codes, names=_LEVEL_NAMES)
    # A named index keeps the file free of pickles: PyTables would pickle the name None.
    index = pd.Index(np.asarray(frames, np.int64), name="frame")
    return pd.DataFrame(values.reshape(len(values), -1), index=index, columns=columns)


def create_table(path: Path, n_frames: int, scorer: str, individuals: Sequence[str], keypoints: Sequence[str]) -> None:
    """Make a new HDF5 file with a wide table as pandas writes it, of so many rows that `TableRows` is to fill.

    pandas writes one row to a file in memory, and so the structure and all names; from there they are copied, and the
    arrays that have rows are made in full length. So the whole table is never in memory.
    """
    row = np.zeros((1, len(individuals), len(keypoints), len(COORDINATES)), np.float32)
    template = _as_pandas_writes(wide_table(row, np.zeros(1), scorer, individuals, keypoints), path)
    with h5py.File(io.BytesIO(template)) as source, h5py.File(path, "w") as target:
        group = target.create_group(TABLE_KEY)
        _copy_attributes(source, target)
        _copy_attributes(source[TABLE_KEY], group)
        for name, dataset in source[TABLE_KEY].items():
            _copy_dataset(dataset, group, name, n_frames if name in {_VALUES, _INDEX} else None)


class TableRows:
    """The rows of the wide table in an open result file, filled block by block.

    Args:
        file: The open file.
    """

    def __init__(self, file: h5py.File) -> None:
        self._values = file[f"{TABLE_KEY}/{_VALUES}"]
        self._index = file[f"{TABLE_KEY}/{_INDEX}"]

    def write(self, start: int, values: np.ndarray, frames: np.ndarray) -> None:
        """Write rows.

        Args:
            start: The first row.
            values: (n, individuals, k, 3) pixels x, y and likelihood.
            frames: (n,) numbers of the frames in the video.
        """
        rows = slice(start, start + len(frames))
        self._values[rows] = values.reshape(len(values), -1)
        self._index[rows] = frames


def _as_pandas_writes(table: pd.DataFrame, path: Path) -> bytes:
    """The content of the file that pandas would write to a path, where nothing is written."""
    with pd.HDFStore(path, "w", driver="H5FD_CORE", driver_core_backing_store=0) as store:
        store.put(TABLE_KEY, table, format="fixed", track_times=False)
        return store.root._v_file.get_file_image()  # noqa: SLF001 - so PyTables names what is public


def _copy_dataset(source: h5py.Dataset, group: h5py.Group, name: str, n_rows: int | None) -> None:
    """Copy a dataset, or make one like it with so many rows that are still to be written.

    The time of writing is left out, so that equal results are equal files.
    """
    kind = source.id.get_type()
    shape = source.shape if n_rows is None else (n_rows, *source.shape[1:])
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_obj_track_times(False)
    target = h5py.h5d.create(group.id, name.encode(), kind, h5py.h5s.create_simple(shape), properties)
    _copy_attributes(source, group[name])
    if n_rows is None:
        content = np.empty(shape, source.dtype)
        source.id.read(h5py.h5s.ALL, h5py.h5s.ALL, content, mtype=kind)
        target.write(h5py.h5s.ALL, h5py.h5s.ALL, content, mtype=kind)


def _copy_attributes(source: h5py.Group | h5py.Dataset, target: h5py.Group | h5py.Dataset) -> None:
    """Copy attributes bit by bit: h5py's usual way would store text as another type of text."""
    for name in source.attrs:
        old = source.attrs.get_id(name)
        kind, space = old.get_type(), old.get_space()
        new = h5py.h5a.create(target.id, name.encode(), kind, space)
        if space.get_simple_extent_type() != h5py.h5s.NULL:
            value = np.empty(old.shape, old.dtype)
            old.read(value, mtype=kind)
            new.write(value, mtype=kind)
