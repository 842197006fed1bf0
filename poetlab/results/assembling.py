"""Detections put together into a finished result file, block by block, so that memory does not grow with the video."""

import json
import math
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

import poetlab
from poetlab.errors import ResultsError
from poetlab.files import sync_folder, whole_file
from poetlab.poses import SEEN
from poetlab.results.detections import DetectionBlock
from poetlab.results.joins import Joins, store_joins
from poetlab.results.table import TableRows, create_table

FORMAT_VERSION = 2
GROUP = "poetlab"
JSON_ATTRIBUTES = "json_attributes"
"""The attribute that names those attributes which are JSON text."""
_SPARE_BYTES = 1 << 20
"""Space kept free for what HDF5 writes beside the data; it cannot close a file on a disk without any."""


@dataclass(frozen=True, eq=False)
class PoseBlock:
    """The rows of a result file for some frames that follow each other.

    Attributes:
        values: (n, individuals, k, 3) pixels x, y and likelihood.
        scores: (n, individuals) probability that each instance is an animal.
        found: All detections in these frames.
    """

    values: np.ndarray
    scores: np.ndarray
    found: DetectionBlock


def assemble(
    path: Path,
    blocks: Iterable[DetectionBlock],
    *,
    n_frames: int,
    individuals: tuple[str, ...],
    slots: np.ndarray,
    tracked: bool,
    attributes: Mapping[str, Any],
    joins: Joins | None = None,
) -> None:
    """Write a result file in which every detection has its place, and some an individual too.

    Args:
        path: The new file, as `whole_result` gives it.
        blocks: All detections.
        n_frames: Frames in `blocks`.
        individuals: Unique names of the slots.
        slots: (n_detections,) the place of each detection's individual in `individuals`, -1 where it has none.
        tracked: Whether a name means one animal throughout, or only a slot.
        attributes: What the file states about itself, as `read_attributes` gives it.
        joins: Where animals could be switched, if that is known.

    Raises:
        ResultsError: If two detections in a frame have one slot, or the disk is full.
    """
    poses = _in_slots(blocks, slots, len(individuals), len(attributes["skeleton"]["keypoints"]))
    facts = dict(attributes) | {"individuals": list(individuals), "tracked": int(tracked)}
    write_results(path, poses, n_frames=n_frames, n_detections=len(slots), attributes=facts, joins=joins)


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


def _in_slots(blocks: Iterable[DetectionBlock], slots: np.ndarray, n_slots: int, k: int) -> Iterator[PoseBlock]:
    done = 0
    for block in blocks:
        found = block.detections
        taken = slots[done : done + len(found)]
        done += len(found)
        kept = taken >= 0
        place = block.rows()[kept], taken[kept]
        _refuse_doubles(block.frames, *place)
        values = np.full((len(block), n_slots, k, 3), np.nan, np.float32)
        values[..., 2] = 0
        values[(*place, ..., slice(0, 2))] = found.keypoints[kept]
        values[(*place, ..., 2)] = found.visibility[kept]
        scores = np.zeros((len(block), n_slots), np.float32)
        scores[place] = found.scores[kept]
        yield PoseBlock(values, scores, block)


def _refuse_doubles(frames: np.ndarray, rows: np.ndarray, slots: np.ndarray) -> None:
    places, times_used = np.unique(np.stack([rows, slots]), axis=1, return_counts=True)
    if (times_used > 1).any():
        frame = frames[places[0, times_used > 1][0]]
        raise ResultsError(f"frame {frame}: two detections have the same individual; give each detection its own")


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
