"""Result files back into poses. Read with h5py alone: PyTables would run pickles that a foreign file carries."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from poetlab.errors import ResultsError
from poetlab.poses import Instances, Poses
from poetlab.results.table import TABLE_KEY
from poetlab.results.writing import FORMAT_VERSION, GROUP
from poetlab.skeleton import Skeleton

if TYPE_CHECKING:
    import pandas as pd

_JSON_ATTRIBUTES = ("skeleton", "individuals", "settings", "problems")


def read_poses(path: str | Path) -> Poses:
    """Read the poses of a result file.

    Raises:
        ResultsError: If the file is missing, cut off, or was not written by poetlab.
    """
    with _open_group(path) as group:
        attributes = _attributes(group)
        skeleton = Skeleton.from_dict(attributes["skeleton"], str(path))
        individuals = tuple(attributes["individuals"])
        shape = (attributes["n_frames"], len(individuals), skeleton.n_keypoints, 3)
        values = group.file[f"{TABLE_KEY}/block0_values"][:].reshape(shape)
        return Poses(
            skeleton=skeleton,
            individuals=individuals,
            keypoints=values[..., :2],
            visibility=values[..., 2],
            scores=group["scores"][:],
            times=group["times"][:],
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
        One `Instances` a frame, highest score first.

    Raises:
        ResultsError: If the file is missing, cut off, or was not written by poetlab.
    """
    with _open_group(path) as group:
        arrays = {name: group["detections"][name][:] for name in ("keypoints", "visibility", "scores")}
        n_frames = int(group.attrs["n_frames"])
        limits = np.searchsorted(group["detections/frames"][:], np.arange(n_frames + 1))
    return [Instances(**{name: array[start:end] for name, array in arrays.items()}) for start, end in pairwise(limits)]


def read_scores(path: str | Path) -> np.ndarray:
    """Read the (frames, individuals) probability that each instance is an animal; 0 where there is none.

    Raises:
        ResultsError: If the file is missing, cut off, or was not written by poetlab.
    """
    with _open_group(path) as group:
        return group["scores"][:]


def read_attributes(path: str | Path) -> dict[str, Any]:
    """Read what a result file says about itself: model, video, skeleton, settings, problems and more.

    Returns:
        Plain strings, numbers, lists and dictionaries by name.

    Raises:
        ResultsError: If the file is missing, cut off, or was not written by poetlab.
    """
    with _open_group(path) as group:
        return _attributes(group)


def _attributes(group: h5py.Group) -> dict[str, Any]:
    attributes = {name: value.item() if isinstance(value, np.generic) else value for name, value in group.attrs.items()}
    return attributes | {name: json.loads(attributes[name]) for name in _JSON_ATTRIBUTES}


@contextmanager
def _open_group(path: str | Path) -> Iterator[h5py.Group]:
    if not Path(path).is_file():
        raise ResultsError(f"{path}: no such result file; check the path, or analyze the video first")
    try:
        with h5py.File(path, "r") as file:
            if GROUP not in file:
                raise ResultsError(f"{path}: an HDF5 file, but not one of poetlab's results; choose another file")
            group = file[GROUP]
            if group.attrs["format_version"] > FORMAT_VERSION:
                raise ResultsError(f"{path}: written by a newer poetlab; update this one to read it")
            yield group
    except (OSError, KeyError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ResultsError(
            f"{path}: cut off, damaged or not a result file ({reason}); delete it and analyze the video again"
        ) from error
