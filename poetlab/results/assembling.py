"""Poses and detections put together into a finished result file, block by block, so that memory does not grow."""

import json
import math
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

import poetlab
from poetlab.errors import ResultsError
from poetlab.files import sync_folder, whole_file
from poetlab.poses import SEEN
from poetlab.results.joins import Joins, store_joins
from poetlab.results.pose_blocks import PoseBlock
from poetlab.results.table import TableRows, create_table

FORMAT_VERSION = 2
GROUP = "poetlab"
JSON_ATTRIBUTES = "json_attributes"
"""The attribute that names those attributes which are JSON text."""
_SPARE_BYTES = 1 << 20
"""Space kept free for what HDF5 writes beside the data; it cannot close a file on a disk without any."""


def write_results(
    path: Path,
    blocks: Iterable[PoseBlock],
    *,
    n_frames: int,
    n_detections: int,
    attributes: Mapping[str, Any],
    joins: Joins | None = None,
) -> None:
    """Write a result file from poses and detections.

    Args:
        path: The new file, as `whole_result` gives it.
        blocks: All frames.
        n_frames: Frames in `blocks`.
        n_detections: Detections in `blocks`.
        attributes: What the file states about itself; those that are not numbers or text become JSON.
        joins: Where animals could be switched, if that is known.

    Raises:
        ResultsError: If there is no individual, or the disk is full.
    """
    individuals, keypoints = attributes["individuals"], attributes["skeleton"]["keypoints"]
    if not individuals:
        raise ResultsError("a result file needs a name for at least one individual, even where none was found")
    shapes = _shapes(n_frames, n_detections, len(individuals), len(keypoints))
    arrays_bytes = sum(math.prod(shape) * np.dtype(kind).itemsize for shape, kind in shapes.values())
    require_space(path.parent, arrays_bytes + n_frames * (8 + len(individuals) * len(keypoints) * 12))
    with telling_errors(path.parent):
        create_table(path, n_frames, attributes["model"], individuals, keypoints)
        with h5py.File(path, "r+") as file:
            group = file.create_group(GROUP)
            for name, (shape, kind) in shapes.items():
                group.create_dataset(name, shape, kind)
            _fill(group, blocks)
            if joins is not None:
                store_joins(group, joins)
            _state(group, dict(attributes) | {"n_frames": n_frames})


@contextmanager
def whole_result(path: Path) -> Iterator[Path]:
    """Give a temporary path to write a result file to; it becomes `path` when the block ends well.

    Raises:
        ResultsError: If the file cannot be renamed.
    """
    with telling_errors(path.parent):
        with whole_file(path, ".writing") as temporary:
            yield temporary
        sync_folder(path.parent)


@contextmanager
def telling_errors(folder: Path) -> Iterator[None]:
    """Turn what the disk, h5py and PyTables raise while writing into a ResultsError of one line."""
    try:
        yield
    except (OSError, RuntimeError) as error:  # h5py and PyTables raise both where the disk is full
        reason = " ".join(str(error).split())
        raise ResultsError(f"{folder}: writing results failed ({reason}); is the disk full, or read-only?") from error


def require_space(folder: Path, n_bytes: int) -> None:
    """Raise before HDF5 meets a full disk, which it does not survive: it crashes when Python ends.

    Raises:
        ResultsError: If the disk of a folder has less space than so many bytes and some to spare.
    """
    needed = n_bytes + _SPARE_BYTES
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ResultsError(
            f"{folder}: the disk is full ({free / 1e6:.1f} MB free, {needed / 1e6:.1f} MB needed); free some space and "
            "start again, what is analyzed is kept"
        )


def _shapes(n_frames: int, n_detections: int, n_individuals: int, k: int) -> dict[str, tuple[tuple[int, ...], str]]:
    return {
        "frames": ((n_frames,), "i8"),
        "times": ((n_frames,), "f8"),
        "scores": ((n_frames, n_individuals), "f4"),
        "bboxes": ((n_frames, n_individuals, 4), "f4"),
        "detections/frames": ((n_detections,), "i8"),
        "detections/scores": ((n_detections,), "f4"),
        "detections/keypoints": ((n_detections, k, 2), "f4"),
        "detections/visibility": ((n_detections, k), "f4"),
    }


def _fill(group: h5py.Group, blocks: Iterable[PoseBlock]) -> None:
    table = TableRows(group.file)
    row = detection = 0
    for block in blocks:
        found = block.found
        table.write(row, block.values, found.frames)
        rows = slice(row, row + len(found))
        group["frames"][rows] = found.frames
        group["times"][rows] = found.times
        group["scores"][rows] = block.scores
        group["bboxes"][rows] = _visible_bboxes(block.values)
        part = slice(detection, detection + len(found.detections))
        group["detections/frames"][part] = np.repeat(found.frames, found.counts)
        group["detections/scores"][part] = found.detections.scores
        group["detections/keypoints"][part] = found.detections.keypoints
        group["detections/visibility"][part] = found.detections.visibility
        row, detection = rows.stop, part.stop


def _state(group: h5py.Group, attributes: dict[str, Any]) -> None:
    """Write the attributes in the order of their names, so that equal facts are equal files."""
    facts = attributes | {"poetlab_version": poetlab.__version__, "format_version": FORMAT_VERSION}
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in facts.items()}
    json_names = sorted(name for name, value in plain.items() if not isinstance(value, str | int | float))
    for name in json_names:
        plain[name] = json.dumps(plain[name], ensure_ascii=False, default=str)
    plain[JSON_ATTRIBUTES] = json.dumps(json_names)
    for name in sorted(plain):
        value = plain[name]
        group.attrs[name] = int(value) if isinstance(value, bool) else value  # PyTables warns of HDF5 booleans


def _visible_bboxes(values: np.ndarray) -> np.ndarray:
    """(n, individuals, 4) x, y, width, height around the visible keypoints, NaN where there is none."""
    visible = (values[..., 2, None] >= SEEN) & np.isfinite(values[..., :2])
    low = np.where(visible, values[..., :2], np.inf).min(axis=2)
    high = np.where(visible, values[..., :2], -np.inf).max(axis=2)
    return np.where(np.isfinite(low).all(axis=-1, keepdims=True), np.concatenate([low, high - low], axis=-1), np.nan)
