"""Pose tables as CSV."""

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from poetlab.errors import LabelError
from poetlab.labels.pose_table import COORDS, LEVELS, PoseTable, make_pose_table

_MAX_LINE = 2**20
"""Characters. The longest header that is accepted is shorter."""


def is_pose_csv(path: Path) -> bool:
    """Whether a file is a CSV file with the header of labels: no likelihood, as predictions have it."""
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            header = _read_header(csv.reader(_lines(file)))
    except (csv.Error, ValueError):
        return False
    return set(header[-1][_n_index(header) :]) in COORDS


def read_pose_csv(path: Path) -> PoseTable:
    """Read a table from CSV.

    Raises:
        LabelError: If the file is not such a table, naming the line.
    """
    n_lines = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(_lines(file))
            header = _read_header(rows)
            n_index, images, values = _n_index(header), [], []
            for row in rows:
                n_lines = rows.line_num
                if not _is_index_name(row, n_index):
                    images.append("/".join(row[:n_index]))
                    values.append(_read_values(row, n_index, len(header[0])))
            if values and len(row) < len(header[0]):
                _refuse_cut_short(path)
    except OSError as error:
        raise LabelError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
    except (csv.Error, ValueError) as error:
        place = f"{path}, line {n_lines}" if n_lines else str(path)
        raise LabelError(f"{place}: {error}; correct it, or export the table again") from error
    numbers = np.array(values).reshape(len(values), len(header[0]) - n_index)
    return make_pose_table(path, [level[n_index:] for level in header], images, numbers)


def _lines(file: IO[str]) -> Iterator[str]:
    """The lines of a file, none of them so long that it fills the memory."""
    while line := file.readline(_MAX_LINE + 1):
        if len(line) > _MAX_LINE:
            raise ValueError(f"a line is longer than {_MAX_LINE} characters")
        yield line


def _read_header(rows: Iterator[list[str]]) -> list[list[str]]:
    """The rows of the header as they are, the columns of the index included."""
    header: list[list[str]] = []
    for row in rows:
        header.append(row)
        if row[:1] not in [[level] for level in LEVELS] or row[0] == LEVELS[-1]:
            break
    names = tuple(row[0] for row in header if row)
    if names not in (LEVELS, tuple(level for level in LEVELS if level != "individuals")):
        raise ValueError("has no header of scorer, bodyparts and coords")
    if len({len(row) for row in header}) > 1:
        raise ValueError("the rows of its header differ in length")
    return header


def _n_index(header: list[list[str]]) -> int:
    """How many columns the index takes: the first has the level's name, the others have nothing."""
    return 1 + next((place for place, cell in enumerate(header[-1][1:]) if cell), 0)


def _is_index_name(row: list[str], n_index: int) -> bool:
    """Whether a row is empty, or is the one below the header with which pandas names the columns of the index."""
    return not any(row[n_index:]) and not any("." in cell for cell in row[:n_index])


def _read_values(row: list[str], n_index: int, n_columns: int) -> list[float]:
    """The numbers of a row; a spreadsheet program may have left out the empty cells at its end."""
    if len(row) > n_columns:
        raise ValueError(f"the row has {len(row)} cells where the header has {n_columns}")
    cells = row[n_index:] + [""] * (n_columns - max(len(row), n_index))
    return [float(cell) if cell.strip() else float("nan") for cell in cells]


def _refuse_cut_short(path: Path) -> None:
    """Raise a ValueError if the last row, which is too short, has no end either."""
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        if file.read() not in (b"\n", b"\r"):
            raise ValueError("the file is cut short")
