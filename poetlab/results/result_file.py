"""A finished result file, open for reading with h5py alone: PyTables would run pickles that a foreign file carries."""

import json
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np

from poetlab.errors import ResultsError
from poetlab.poses import Instances
from poetlab.results.assembling import FORMAT_VERSION, GROUP, JSON_ATTRIBUTES
from poetlab.results.detections import BLOCK_FRAMES, DetectionBlock
from poetlab.results.joins import Joins, load_joins
from poetlab.results.table import TABLE_KEY
from poetlab.skeleton import Skeleton

_JSON_BEFORE_VERSION_2 = ("skeleton", "individuals", "settings", "problems")


class ResultFile:
    """What lies in a result file; to be used in a `with` statement.

    Args:
        path: The file.

    Attributes:
        path: The file.
        attributes: What it says about itself: plain strings, numbers, lists and dictionaries by name.
        skeleton: What its poses are of.
        individuals: Names of the individual axis.
        n_frames: Its rows.
        n_detections: All detections, also those without an individual.

    Raises:
        ResultsError: If the file is missing, cut off, or was not written by poetlab.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise ResultsError(f"{path}: no such result file; check the path, or analyze the video first")
        with self._telling_damage():
            self._file = h5py.File(path, "r")
        try:
            self._read_facts()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def frames(self) -> np.ndarray:
        """(n_frames,) numbers of the frames in the video."""
        return self._frames(slice(None))

    def times(self) -> np.ndarray:
        """(n_frames,) seconds since the first frame of the video."""
        with self._telling_damage():
            return self._group["times"][:]

    def scores(self) -> np.ndarray:
        """(n_frames, individuals) probability that each instance is an animal."""
        with self._telling_damage():
            return self._group["scores"][:]

    def values(self) -> np.ndarray:
        """(n_frames, individuals, k, 3) pixels x, y and likelihood."""
        shape = (self.n_frames, len(self.individuals), self.skeleton.n_keypoints, 3)
        with self._telling_damage():
            return self._file[f"{TABLE_KEY}/block0_values"][:].reshape(shape)

    def joins(self) -> Joins | None:
        """Where animals could be switched; None if the file is not tracked, or of a version that did not keep it."""
        with self._telling_damage():
            return load_joins(self._group)

    def blocks(self) -> Iterator[DetectionBlock]:
        """All detections, a few hundred frames at a time."""
        first = 0
        for start in range(0, self.n_frames, BLOCK_FRAMES):
            block = self._block(slice(start, start + BLOCK_FRAMES), first)
            first += len(block.detections)
            yield block

    def _block(self, rows: slice, first: int) -> DetectionBlock:
        """The detections of some rows, of which `first` is the first."""
        frames = self._frames(rows)
        with self._telling_damage():
            stored = self._group["detections"]
            part = slice(first, bisect_right(stored["frames"], frames[-1], first))
            limits = np.searchsorted(stored["frames"][part], frames)
            counts = np.diff(limits, append=part.stop - part.start).astype(np.int32)
            found = Instances(stored["keypoints"][part], stored["visibility"][part], stored["scores"][part])
            return DetectionBlock(frames, self._group["times"][rows], counts, found)

    def _frames(self, rows: slice) -> np.ndarray:
        with self._telling_damage():
            if "frames" in self._group:
                return self._group["frames"][rows]
        return np.arange(self.n_frames)[rows]  # before version 2 every frame was analyzed

    def _read_facts(self) -> None:
        with self._telling_damage():
            if GROUP not in self._file:
                raise ResultsError(f"{self.path}: an HDF5 file, but not one of poetlab's results; choose another file")
            self._group = self._file[GROUP]
            if self._group.attrs["format_version"] > FORMAT_VERSION:
                raise ResultsError(f"{self.path}: written by a newer poetlab; update this one to read it")
            self.attributes = _attributes(self._group)
            self.individuals = tuple(self.attributes["individuals"])
            self.n_frames = int(self.attributes["n_frames"])
            self.n_detections = len(self._group["detections/scores"])
            self.skeleton = Skeleton.from_dict(self.attributes["skeleton"], str(self.path))

    @contextmanager
    def _telling_damage(self) -> Iterator[None]:
        try:
            yield
        except (OSError, KeyError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise ResultsError(
                f"{self.path}: cut off, damaged or not a result file ({reason}); delete it and analyze the video again"
            ) from error


def _attributes(group: h5py.Group) -> dict[str, Any]:
    attributes = {name: value.item() if isinstance(value, np.generic) else value for name, value in group.attrs.items()}
    names = attributes.pop(JSON_ATTRIBUTES, None)
    json_names = _JSON_BEFORE_VERSION_2 if names is None else json.loads(names)
    return attributes | {name: json.loads(attributes[name]) for name in json_names}
