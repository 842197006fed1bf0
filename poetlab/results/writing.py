"""Poses into a result file while a video is being analyzed."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np

import poetlab
from poetlab.errors import ResultsError
from poetlab.poses import SEEN, Instances
from poetlab.results.table import TABLE_KEY, wide_table
from poetlab.skeleton import Skeleton

FORMAT_VERSION = 1
GROUP = "poetlab"
_CHUNK_BYTES = 1 << 16
_DETECTIONS_AT_ONCE = 1 << 14
_SPARE_BYTES = 1 << 20
"""Space kept free for what HDF5 writes beside the data; it cannot close a file on a disk without any."""


class ResultsWriter:
    """Writes one video's result file, which appears under its name only when `finish` has succeeded.

    Until then everything goes, batch by batch, to `<name>.partial` in the same folder; it is removed where
    the `with` statement ends without `finish`.

    Args:
        path: The file to write; its folder must exist, an older file of this name is replaced.
        skeleton: Names of the keypoint axis.
        individuals: Unique names of the slots that a frame's best detections are put into.
        size: (height, width) of the full frame in pixels.
        fps: Average frames per second; NaN if unknown.
        video: File name of the video.
        video_fingerprint: What identifies the video's content.
        model: Name of the model that predicted the poses.
        tracked: Whether a name means one animal throughout, or only a slot.
        settings: How the video was analyzed; anything that JSON can hold.

    Raises:
        ResultsError: If the file cannot be created.
    """

    def __init__(  # noqa: PLR0913 - the facts that a result file states about itself, each by name
        self,
        path: str | Path,
        *,
        skeleton: Skeleton,
        individuals: tuple[str, ...],
        size: tuple[int, int],
        fps: float,
        video: str,
        video_fingerprint: str,
        model: str,
        tracked: bool,
        settings: Mapping[str, Any],
    ) -> None:
        self.path = Path(path)
        self.n_frames = 0
        self._skeleton = skeleton
        self._individuals = individuals
        self._model = model
        self._partial = self.path.with_name(self.path.name + ".partial")
        if not self.path.parent.is_dir():
            raise ResultsError(f"{self.path}: the folder {self.path.parent} does not exist; create it first")
        self._require_space(0)
        with self._telling_errors():
            _refuse_if_being_written(self._partial)
            self._file = h5py.File(self._partial, "w")
            self._group = self._file.create_group(GROUP)
            self._group.attrs.update(
                poetlab_version=poetlab.__version__,
                format_version=FORMAT_VERSION,
                video=video,
                video_fingerprint=video_fingerprint,
                model=model,
                skeleton=json.dumps(skeleton.to_dict(), ensure_ascii=False),
                individuals=json.dumps(individuals, ensure_ascii=False),
                fps=float(fps),
                height=size[0],
                width=size[1],
                tracked=int(tracked),  # PyTables warns of HDF5 booleans
                settings=json.dumps(settings, ensure_ascii=False, default=str),
            )
            self._create_datasets()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError, RuntimeError):  # on a full disk; what was written is given up anyway
            self._file.close()
        self._partial.unlink(missing_ok=True)

    def append(self, times: Sequence[float] | np.ndarray, detections: Sequence[Instances]) -> None:
        """Add frames that follow those already added.

        Args:
            times: (n,) seconds since the start of the video.
            detections: n frames' instances, all of which are kept.

        Raises:
            ResultsError: If the two differ in length, the keypoints do not fit the skeleton, or the disk is full.
        """
        if len(times) != len(detections):
            raise ResultsError(f"{self.path}: {len(times)} times for {len(detections)} frames; give one a frame")
        by_score = [_sorted_by_score(instances) for instances in detections]
        k = self._skeleton.n_keypoints
        if any(instances.keypoints.shape[1:] != (k, 2) for instances in by_score):
            raise ResultsError(f"{self.path}: the poses do not have the skeleton's {k} keypoints; use its own model")
        self._require_space(sum(d.keypoints.nbytes + d.visibility.nbytes + d.scores.nbytes for d in by_score))
        frames = np.repeat(np.arange(self.n_frames, self.n_frames + len(times)), [len(d) for d in by_score])
        with self._telling_errors():
            self._extend("times", np.asarray(times))
            if by_score:
                self._extend("detections/frames", frames)
                self._extend("detections/scores", np.concatenate([d.scores for d in by_score]))
                self._extend("detections/keypoints", np.concatenate([d.keypoints for d in by_score]))
                self._extend("detections/visibility", np.concatenate([d.visibility for d in by_score]))
            self._file.flush()
        self.n_frames += len(times)

    def finish(self, problems: Sequence[str] = (), **attributes: str | float) -> None:
        """Put each frame's best detections into the slots, write the table and give the file its name.

        Args:
            problems: What was wrong with the video, as sentences.
            **attributes: Further facts to state in the file.

        Raises:
            ResultsError: If no frame was added, or the disk is full.
        """
        if not self.n_frames:
            raise ResultsError(f"{self.path}: no frame was added, so there is nothing to keep")
        with self._telling_errors():
            values, scores = self._fill_slots()
            self._require_space(values.nbytes + 4 * scores.nbytes)
            self._group["scores"] = scores
            self._group["bboxes"] = _visible_bboxes(values)
            self._group.attrs.update(
                n_frames=self.n_frames, problems=json.dumps(list(problems), ensure_ascii=False), **attributes
            )
            self._file.close()
            table = wide_table(values, self._model, self._individuals, self._skeleton.keypoints)
            table.to_hdf(self._partial, key=TABLE_KEY, mode="a", format="fixed")
            with self._partial.open("rb+") as file:
                os.fsync(file.fileno())
            self._partial.replace(self.path)

    def _create_datasets(self) -> None:
        k = self._skeleton.n_keypoints
        for name, shape, dtype in (
            ("times", (), "f8"),
            ("detections/frames", (), "i8"),
            ("detections/scores", (), "f4"),
            ("detections/keypoints", (k, 2), "f4"),
            ("detections/visibility", (k,), "f4"),
        ):
            row_bytes = np.dtype(dtype).itemsize * int(np.prod(shape))
            chunks = (max(1, _CHUNK_BYTES // row_bytes), *shape)
            self._group.create_dataset(name, (0, *shape), dtype, maxshape=(None, *shape), chunks=chunks)

    def _extend(self, name: str, rows: np.ndarray) -> None:
        dataset = self._group[name]
        dataset.resize(len(dataset) + len(rows), axis=0)
        dataset[len(dataset) - len(rows) :] = rows

    def _fill_slots(self) -> tuple[np.ndarray, np.ndarray]:
        """Values (frames, individuals, k, 3) and scores (frames, individuals) of each frame's first detections."""
        shape = (self.n_frames, len(self._individuals))
        values = np.full((*shape, self._skeleton.n_keypoints, 3), np.nan, np.float32)
        values[..., 2] = 0
        scores = np.zeros(shape, np.float32)
        detections = self._group["detections"]
        frames = detections["frames"][:]
        slots = np.arange(len(frames)) - np.searchsorted(frames, frames)
        for start in range(0, len(frames), _DETECTIONS_AT_ONCE):
            part = slice(start, start + _DETECTIONS_AT_ONCE)
            kept = slots[part] < len(self._individuals)
            place = frames[part][kept], slots[part][kept]
            scores[place] = detections["scores"][part][kept]
            values[(*place, ..., slice(0, 2))] = detections["keypoints"][part][kept]
            values[(*place, ..., 2)] = detections["visibility"][part][kept]
        return values, scores

    def _require_space(self, n_bytes: int) -> None:
        """Raise before HDF5 meets a full disk, which it does not survive: it crashes when Python ends."""
        free = shutil.disk_usage(self.path.parent).free
        if free < n_bytes + _SPARE_BYTES:
            raise ResultsError(
                f"{self.path}: the disk is full ({free / 1e6:.1f} MB free); free some space, or choose another folder"
            )

    @contextmanager
    def _telling_errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, RuntimeError) as error:  # h5py and PyTables raise both where the disk is full
            reason = " ".join(str(error).split())
            advice = "is the disk full, or is another run writing this file?"
            raise ResultsError(f"{self.path}: writing the results failed ({reason}); {advice}") from error


def _refuse_if_being_written(partial: Path) -> None:
    """Raise BlockingIOError if another process has the file open, because opening it anew would empty it first."""
    try:
        h5py.File(partial, "r+").close()
    except BlockingIOError:
        raise
    except OSError:
        return  # there is none, or what a killed run has left


def _sorted_by_score(instances: Instances) -> Instances:
    return instances.take(np.argsort(-instances.scores, kind="stable"))


def _visible_bboxes(values: np.ndarray) -> np.ndarray:
    """(frames, individuals, 4) x, y, width, height around the visible keypoints, NaN where there is none."""
    visible = values[..., 2, None] >= SEEN
    low = np.where(visible, values[..., :2], np.inf).min(axis=2)
    high = np.where(visible, values[..., :2], -np.inf).max(axis=2)
    return np.where(np.isfinite(low).all(axis=-1, keepdims=True), np.concatenate([low, high - low], axis=-1), np.nan)
