"""Result files back into poses."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poetlab.poses import Instances, Poses
from poetlab.results.joins import Joins
from poetlab.results.result_file import ResultFile

if TYPE_CHECKING:
    import pandas as pd


def read_poses(path: str | Path) -> Poses:
    """Read the poses of a result file.

    Raises:
        ResultsError: If the file is missing, cut off, or was not written by poetlab.
    """
    with ResultFile(path) as results:
        values = results.values()
        attributes = results.attributes
        return Poses(
            skeleton=results.skeleton,
            individuals=results.individuals,
            keypoints=values[..., :2],
            visibility=values[..., 2],
            scores=results.scores(),
            frames=results.frames(),
            times=results.times(),
            size=(attributes["height"], attributes["width"]),
            fps=attributes["fps"],
            video=attributes["video"],
            model=attributes["model"],
            tracked=bool(attributes["tracked"]),
        )


def read_table(path: str | Path) -> "pd.DataFrame":
    """Read a result file as a tidy table: one row a frame, individual and keypoint (see `Poses.to_table`).

    Raises:
        ResultsError: If the file is missing, cut off, or was not written by poetlab.
    """
    return read_poses(path).to_table()


def read_detections(path: str | Path) -> list[Instances]:
    """Read everything that was detected in each frame, whether or not it found a place among the individuals.

    Returns:
        One `Instances` an analyzed frame, highest score first.

    Raises:
        ResultsError: If the file is missing, cut off, or was not written by poetlab.
    """
    return [instances for _, _, instances in iter_detections(path)]


def iter_detections(path: str | Path) -> Iterator[tuple[int, float, Instances]]:
    """Read everything that was detected, frame by frame, in memory that does not grow with the video.

    Yields:
        Of each analyzed frame its number in the video, its seconds since the first frame of the video, and its
        detections, highest score first.

    Raises:
        ResultsError: If the file is missing, cut off, or was not written by poetlab.
    """
    with ResultFile(path) as results:
        for block in results.blocks():
            yield from zip(block.frames.tolist(), block.times.tolist(), block.instances(), strict=True)


def read_joins(path: str | Path) -> Joins | None:
    """Read where tracking took two stretches of detections for one animal, which is where animals could be switched.

    Returns:
        The joins; None if the file is not tracked, or was written before poetlab kept them.

    Raises:
        ResultsError: If the file is missing, cut off, or was not written by poetlab.
    """
    with ResultFile(path) as results:
        return results.joins()


def read_attributes(path: str | Path) -> dict[str, Any]:
    """Read what a result file says about itself: model, video, skeleton, settings, problems and more.

    Returns:
        Plain strings, numbers, lists and dictionaries by name.

    Raises:
        ResultsError: If the file is missing, cut off, or was not written by poetlab.
    """
    with ResultFile(path) as results:
        return results.attributes
