"""The wide table of a result file: DeepLabCut's layout, one row a frame."""

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

    pandas writes the first row, and with it the structure and all names; then the arrays that have rows are
    made again in full length. So the whole table is never in memory.
    """
    first = np.zeros((1, len(individuals), len(keypoints), len(COORDINATES)), np.float32)
    table = wide_table(first, np.zeros(1), scorer, individuals, keypoints)
    table.to_hdf(path, key=TABLE_KEY, mode="w", format="fixed")
    with h5py.File(path, "r+") as file:
        group = file[TABLE_KEY]
        for name in list(group):
            shape = (n_frames, *group[name].shape[1:]) if name in {_VALUES, _INDEX} else group[name].shape
            _make_again(group, name, shape)


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


def _make_again(group: h5py.Group, name: str, shape: tuple[int, ...]) -> None:
    """Replace a dataset by one of another shape, which is left empty, or of the same, which keeps its content.

    The type and the attributes stay as they are; the time of writing is left out, so that equal results are equal
    files.
    """
    old = group[name]
    kind = old.id.get_type()
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_obj_track_times(False)
    new = h5py.h5d.create(group.id, None, kind, h5py.h5s.create_simple(shape), properties)
    for attribute in list(old.attrs):
        _copy_attribute(old.attrs.get_id(attribute), new, attribute.encode())
    if shape == old.shape:
        content = np.empty(shape, old.dtype)
        old.id.read(h5py.h5s.ALL, h5py.h5s.ALL, content, mtype=kind)
        new.write(h5py.h5s.ALL, h5py.h5s.ALL, content, mtype=kind)
    del group[name]
    group[name] = h5py.Dataset(new)


def _copy_attribute(attribute: h5py.h5a.AttrID, target: h5py.h5d.DatasetID, name: bytes) -> None:
    """Copy an attribute bit by bit: h5py's own way would store text as another type of text."""
    kind, space = attribute.get_type(), attribute.get_space()
    new = h5py.h5a.create(target, name, kind, space)
    if space.get_simple_extent_type() != h5py.h5s.NULL:
        value = np.empty(attribute.shape, attribute.dtype)
        attribute.read(value, mtype=kind)
        new.write(value, mtype=kind)
