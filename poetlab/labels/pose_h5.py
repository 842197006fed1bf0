"""Pose tables as HDF5, as pandas writes them in its fixed format. Nothing in them is ever unpickled.

Source: https://pandas.pydata.org/docs/user_guide/io.html#fixed-format. A frame is a group: `axis0` holds the columns
and `axis1` the index, each level as its distinct texts and a number for each entry; `block<n>_values` hold the numbers.
"""

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from poetlab.errors import LabelError
from poetlab.labels.pose_table import MAX_COLUMNS, PoseTable, make_pose_table

_MAX_BYTES = 400_000_000
_MAX_ENTRIES = 1_000_000
"""What one array and one axis may take: more than a lab can click, and less than fills the memory."""


class PickledTableError(LabelError):
    """A table has parts that only unpickling could read."""


def is_pose_h5(path: Path) -> bool:
    """Whether a file is HDF5 with one frame of pandas: of x and y alone, or in the format that hides its columns."""
    if path.suffix.lower() not in (".h5", ".hdf5", ".hdf") or not path.is_file() or not h5py.is_hdf5(path):
        return False
    try:
        with h5py.File(path) as file:
            group = _frame(file)
            if "table" in group:
                return True
            coords = f"axis0_level{int(group.attrs['axis0_nlevels']) - 1}"
            return set(_texts(_read_array(group, coords, path))) == {"x", "y"}
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, LabelError):
        return False


def read_pose_h5(path: Path) -> PoseTable:
    """Read a table that pandas wrote in its fixed format.

    Raises:
        PickledTableError: If the names of its columns or its values are pickled, as in pandas' table format.
        LabelError: If the file cannot be read or is no such table.
    """
    try:
        with h5py.File(path) as file:
            group = _frame(file)
            if "table" in group:
                raise _pickled(path)
            header = _read_axis(group, "axis0", path)
            index = _read_axis(group, "axis1", path)
            values = _read_values(group, header, len(index[0]), path)
    except OSError as error:
        raise LabelError(
            f"{path}: cannot be read as HDF5 ({error}); it is cut short or damaged, copy it again"
        ) from error
    except (KeyError, ValueError, TypeError, IndexError, RuntimeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise LabelError(f"{path}: not a table of labels that pandas wrote ({reason}); give its CSV") from error
    return make_pose_table(path, header, ["/".join(parts) for parts in zip(*index, strict=True)], values)


def _pickled(path: Path) -> PickledTableError:
    return PickledTableError(
        f"{path}: holds pickled objects, which could run code and are never loaded; give the CSV that lies beside it"
    )


def _frame(file: h5py.File) -> Any:
    """The one frame of the file."""
    groups = [member for name in file if isinstance(member := _member(file, name), h5py.Group)]
    frames = [group for group in groups if _text(group.attrs.get("pandas_type", b"")) in ("frame", "frame_table")]
    if len(frames) != 1:
        raise ValueError(f"holds {len(frames)} frames of pandas where labels are one")
    return frames[0]


def _member(group: Any, name: str) -> Any:
    """A member that lies in this very file; a link or a view could lead to any other file."""
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise KeyError(f"'{name}' is missing or a link")
    return group[name]


def _read_array(group: Any, name: str, path: Path) -> np.ndarray:
    dataset = _member(group, name)
    if not isinstance(dataset, h5py.Dataset) or dataset.external or dataset.is_virtual:
        raise ValueError(f"'{name}' is no array of this file")
    if _text(dataset.attrs.get("PSEUDOATOM", b"")) == "object" or dataset.dtype.kind == "O":
        raise _pickled(path)
    if dataset.dtype.kind not in "iufS" or dataset.size * dataset.dtype.itemsize > _MAX_BYTES:
        raise ValueError(f"'{name}' has the form {dataset.shape} of {dataset.dtype}")
    if 0 in dataset.attrs.get("shape", ()):  # pandas writes an empty array as one of one element, with its true shape
        return np.zeros(0)
    return np.asarray(dataset[()])


def _read_names(group: Any, name: str, path: Path) -> np.ndarray:
    if _member(group, name).size > _MAX_ENTRIES:
        raise ValueError(f"'{name}' has more than {_MAX_ENTRIES} entries")
    return _read_array(group, name, path)


def _read_axis(group: Any, name: str, path: Path) -> list[list[str]]:
    """The levels of an axis, each with one text an entry."""
    if _text(group.attrs[f"{name}_variety"]) == "regular":
        return [_texts(_read_names(group, name, path))]
    levels = []
    for level in range(int(group.attrs[f"{name}_nlevels"])):
        texts = _texts(_read_names(group, f"{name}_level{level}", path))
        codes = _read_names(group, f"{name}_label{level}", path)
        if codes.size and codes.min() < 0:
            raise ValueError(f"'{name}' has an entry without a name")
        levels.append([texts[code] for code in codes.tolist()])
    return levels


def _read_values(group: Any, header: list[list[str]], n_rows: int, path: Path) -> np.ndarray:
    """The (rows, columns) numbers of all blocks, in the order of the header."""
    columns = {column: place for place, column in enumerate(zip(*header, strict=True))}
    if len(columns) != len(header[0]) or len(columns) > MAX_COLUMNS:
        raise ValueError("its columns are repeated or too many")
    values = np.full((n_rows, len(columns)), np.nan)
    for block in range(int(group.attrs["nblocks"])):
        items = _read_axis(group, f"block{block}_items", path)
        numbers = _read_array(group, f"block{block}_values", path)
        if not numbers.size:
            continue
        values[:, [columns[item] for item in zip(*items, strict=True)]] = numbers
    return values


def _texts(array: np.ndarray) -> list[str]:
    """Texts; whole numbers are names too (pandas stores the names of videos called 1 and 2 so)."""
    if array.dtype.kind == "S":
        return [entry.decode("utf-8") for entry in array.tolist()]
    if array.dtype.kind == "f" and array.size:
        raise ValueError("a name is a number with a fraction")
    return [str(entry) for entry in array.tolist()]


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
