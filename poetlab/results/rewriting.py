"""New result files out of finished ones: with other individuals, or with other poses."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from poetlab.errors import ResultsError
from poetlab.poses import Poses
from poetlab.results.assembling import whole_result, write_results
from poetlab.results.detections import DetectionBlock
from poetlab.results.joins import Joins
from poetlab.results.locking import only_writer
from poetlab.results.pose_blocks import PoseBlock, fill_gaps, place_in_slots
from poetlab.results.result_file import ResultFile
from poetlab.results.source_video import moved_place


def rewrite_results(
    source: str | Path,
    path: str | Path,
    *,
    individuals: tuple[str, ...],
    slots: np.ndarray,
    tracked: bool,
    joins: Joins | None = None,
    fill_gap: float = 0.0,
    overwrite: bool = False,
    **attributes: Any,
) -> None:
    """Make a new result file of another one's detections, with individuals of their own.

    Args:
        source: A result file, which stays as it is.
        path: The file to write; it appears when it is whole.
        individuals: Unique names of the individuals.
        slots: (n_detections,) the place in `individuals` of each detection, in the order in which
            `read_detections` and `iter_detections` give them; -1 where it has none.
        tracked: Whether a name means one animal throughout, or only a slot.
        joins: Where animals could be switched, if that is known.
        fill_gap: Most seconds between two detections of an individual to fill in between.
        overwrite: Whether to replace a file that exists, which may be `source`.
        **attributes: Further facts to state in the file; lists and mappings become JSON.

    Raises:
        ResultsError: If `source` cannot be read, `path` exists and is not to be replaced, the slots do not fit the
            detections, or the disk is full.
    """
    target = _free_path(path, overwrite=overwrite)
    with only_writer(target), whole_result(target) as temporary, ResultFile(source) as results:
        if slots.shape != (results.n_detections,) or not ((slots >= -1) & (slots < len(individuals))).all():
            raise ResultsError(
                f"{source}: has {results.n_detections} detections; give each a slot from -1 to {len(individuals) - 1}"
            )
        facts = {"individuals": list(individuals), "tracked": int(tracked)}
        write_results(
            temporary,
            fill_gaps(place_in_slots(results.blocks(), slots, len(individuals)), fill_gap),
            n_frames=results.n_frames,
            n_detections=results.n_detections,
            attributes=results.attributes | moved_place(results.attributes, results.path, target) | attributes | facts,
            joins=joins,
        )


def write_poses(
    path: str | Path, poses: Poses, *, like: str | Path, overwrite: bool = False, **attributes: Any
) -> None:
    """Write a new result file with changed poses and everything else, detections included, as in another one.

    Args:
        path: The file to write; it appears when it is whole.
        poses: Poses of the same frames and skeleton as those in `like`; the individuals may be others.
        like: A result file, which stays as it is.
        overwrite: Whether to replace a file that exists, which may be `like`.
        **attributes: Further facts to state in the file; lists and mappings become JSON.

    Raises:
        ResultsError: If `like` cannot be read, `path` exists and is not to be replaced, the poses are of other frames
            or another skeleton, or the disk is full.
    """
    target = _free_path(path, overwrite=overwrite)
    with only_writer(target), whole_result(target) as temporary, ResultFile(like) as results:
        if poses.skeleton != results.skeleton or not np.array_equal(poses.frames, results.frames()):
            raise ResultsError(
                f"{like}: is of other frames or another skeleton than the poses; give the file they are of"
            )
        facts = {"individuals": list(poses.individuals), "tracked": int(poses.tracked)}
        write_results(
            temporary,
            _with_poses(results.blocks(), poses),
            n_frames=results.n_frames,
            n_detections=results.n_detections,
            attributes=results.attributes | moved_place(results.attributes, results.path, target) | facts | attributes,
            joins=results.joins(),
        )


def _free_path(path: str | Path, *, overwrite: bool) -> Path:
    target = Path(path)
    if not target.parent.is_dir():
        raise ResultsError(f"{target}: the folder {target.parent} does not exist; create it first")
    if target.exists() and not overwrite:
        raise ResultsError(f"{target}: exists; choose another name, or ask for it to be overwritten")
    return target


def _with_poses(blocks: Iterator[DetectionBlock], poses: Poses) -> Iterator[PoseBlock]:
    row = 0
    for block in blocks:
        rows = slice(row, row + len(block))
        values = np.concatenate([poses.keypoints[rows], poses.visibility[rows, ..., None]], axis=-1)
        yield PoseBlock(values.astype(np.float32), poses.scores[rows], block)
        row = rows.stop
