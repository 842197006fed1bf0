"""The partial file of an analysis: records added at the end one by one, whole after every batch, whatever happens.

HDF5 cannot be this file: what it keeps in memory makes a file that was being written unreadable when its process is
killed. Here each record carries its length and a checksum, so whatever a killed process, a full disk or a power
cut leaves is whole up to some record; the rest is cut off when the work goes on. The first record says in JSON what
the detections were made with, each other one holds one batch.
"""

import json
import logging
import os
import struct
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from poetlab.errors import ResultsError
from poetlab.files import sync_folder
from poetlab.poses import Instances
from poetlab.results.detections import BLOCK_FRAMES, DetectionBlock, join_blocks

logger = logging.getLogger(__name__)

_RECORD = struct.Struct("<4sQI")
_MARK = b"PLR1"
_BATCH = struct.Struct("<QQ")
_SYNC_SECONDS = 5.0
"""Work that a power cut may cost; a killed process costs none, since the system keeps what it was given."""


def partial_path(result: Path) -> Path:
    """Where the detections are kept until a result file is finished."""
    return result.with_name(result.name + ".partial")


def read_made_with(path: Path) -> dict[str, Any]:
    """What the detections in a partial file were made with; nothing if there is no such file or it cannot be read."""
    try:
        with path.open("rb") as file:
            return dict(json.loads(next(_records(file), b"{}")))
    except (OSError, ValueError):
        return {}


class PartialFile:
    """Detections added batch by batch to a file that is valid after each.

    Only one process may have it open (see `poetlab.results.locking`).

    Args:
        path: The file; if there is one that was made with the same, it is gone on with.
        n_keypoints: Keypoints of each detection.
        made_with: What decides the detections; anything that JSON can hold.
        resume: Whether to go on with what there is; otherwise the file begins empty.

    Attributes:
        n_frames: Frames in the file.
        n_detections: Detections in the file.
        last_frame: Number of the last frame in the video; -1 where there is none.

    Raises:
        OSError: If the file cannot be written.
    """

    def __init__(self, path: Path, n_keypoints: int, made_with: Mapping[str, Any], *, resume: bool) -> None:
        self.path = path
        self.n_frames = 0
        self.n_detections = 0
        self.last_frame = -1
        self._n_keypoints = n_keypoints
        self._file = open(path, "r+b" if path.exists() else "x+b", buffering=0)  # noqa: PTH123, SIM115 - kept open
        try:
            self._begin(json.loads(json.dumps(made_with, default=str)), resume=resume)
        except BaseException:
            self._file.close()
            if not path.stat().st_size:
                path.unlink()
            raise

    def append(self, block: DetectionBlock) -> None:
        """Add a batch; when this returns, killing the process loses nothing of it.

        Raises:
            OSError: If the disk is full or fails; the file is as it was before.
        """
        self._append_record(_encode(block))
        self._count(block.frames, len(block.detections))
        if time.monotonic() - self._synced > _SYNC_SECONDS:
            self.sync()

    def sync(self) -> None:
        """Make sure that a power cut loses nothing that is in the file.

        Raises:
            OSError: If the disk fails.
        """
        os.fsync(self._file.fileno())
        self._synced = time.monotonic()

    def close(self) -> None:
        """Close the file, after `sync`; closing again does nothing.

        Raises:
            OSError: If the disk fails.
        """
        if not self._file.closed:
            try:
                self.sync()
            finally:
                self._file.close()

    def counts(self) -> np.ndarray:
        """(n_frames,) detections in each frame."""
        return np.concatenate([block.counts for block in self.blocks()])

    def blocks(self) -> Iterator[DetectionBlock]:
        """Everything in the file, a few hundred frames at a time.

        Raises:
            ResultsError: If the file was damaged since it was written.
        """
        waiting: list[DetectionBlock] = []
        n_frames = 0
        with self.path.open("rb") as file:
            next(_records(file), None)
            for payload in _records(file):
                waiting.append(_decode(payload, self._n_keypoints))
                n_frames += len(waiting[-1])
                if sum(map(len, waiting)) >= BLOCK_FRAMES:
                    yield join_blocks(waiting)
                    waiting = []
        if waiting:
            yield join_blocks(waiting)
        if n_frames != self.n_frames:
            raise ResultsError(f"{self.path}: damaged on the disk after {n_frames} frames; start the analysis again")

    def _begin(self, made_with: dict[str, Any], *, resume: bool) -> None:
        self._end = 0
        if resume and os.fstat(self._file.fileno()).st_size:
            self._go_on(made_with)
        if not self._end:
            self._file.truncate(0)
            self._append_record(json.dumps(made_with).encode())
        self.sync()
        sync_folder(self.path.parent)

    def _go_on(self, made_with: dict[str, Any]) -> None:
        """Find the end of the last whole record and cut off what is behind; leave `_end` at 0 to begin anew."""
        with self.path.open("rb") as file:
            records = _records(file)
            header = next(records, None)
            if header is None:
                logger.warning("%s: cannot be read, so it is begun anew", self.path)
                return
            end = file.tell()
            for payload in records:
                self._count(*_summary(payload))
                end = file.tell()
        if different := _different_names(json.loads(header), made_with):
            given_up, self.n_frames, self.n_detections, self.last_frame = self.n_frames, 0, 0, -1
            message = "%s: the %d frames in it are given up, since they were made with other %s"
            logger.warning(message, self.path, given_up, ", ".join(different))
            return
        self._end = end
        size = self._file.seek(0, os.SEEK_END)
        if size > end:
            logger.info("%s: the last %d bytes are of an unfinished batch and are cut off", self.path, size - end)
            self._file.truncate(end)

    def _count(self, frames: np.ndarray, n_detections: int) -> None:
        self.n_frames += len(frames)
        self.n_detections += n_detections
        self.last_frame = int(frames[-1]) if len(frames) else self.last_frame

    def _append_record(self, payload: bytes) -> None:
        record = memoryview(_RECORD.pack(_MARK, len(payload), zlib.crc32(payload)) + payload)
        try:
            self._file.seek(self._end)
            while record:
                record = record[self._file.write(record) :]
        except BaseException:
            with suppress(OSError):  # cut off when the work goes on, if not now
                self._file.truncate(self._end)
            raise
        self._end = self._file.tell()


def _different_names(found: dict[str, Any], made_with: dict[str, Any]) -> list[str]:
    return sorted(name for name in made_with.keys() | found.keys() if found.get(name) != made_with.get(name))


def _records(file: BinaryIO) -> Iterator[bytes]:
    """The payloads of whole records from where the file stands; afterwards it stands anywhere."""
    size = os.fstat(file.fileno()).st_size
    while len(start := file.read(_RECORD.size)) == _RECORD.size:
        mark, length, checksum = _RECORD.unpack(start)
        if mark != _MARK or not 0 < length <= size - file.tell():
            return
        payload = file.read(length)
        if zlib.crc32(payload) != checksum:
            return
        yield payload


def _encode(block: DetectionBlock) -> bytes:
    found = block.detections
    columns = (
        (block.frames, "<i8"),
        (block.times, "<f8"),
        (block.counts, "<i4"),
        (found.scores, "<f4"),
        (found.keypoints, "<f4"),
        (found.visibility, "<f4"),
    )
    parts = [np.ascontiguousarray(array, dtype).tobytes() for array, dtype in columns]
    return _BATCH.pack(len(block), len(found)) + b"".join(parts)


def _summary(payload: bytes) -> tuple[np.ndarray, int]:
    """The numbers of a batch's frames, and how many detections they have."""
    n_frames, n_detections = _BATCH.unpack_from(payload)
    return np.frombuffer(payload, "<i8", n_frames, _BATCH.size), n_detections


def _decode(payload: bytes, k: int) -> DetectionBlock:
    n, m = _BATCH.unpack_from(payload)
    position = _BATCH.size

    def take(dtype: str, *shape: int) -> np.ndarray:
        nonlocal position
        array = np.frombuffer(payload, dtype, int(np.prod(shape)), position).reshape(shape)
        position += array.nbytes
        return array

    frames, times, counts, scores = take("<i8", n), take("<f8", n), take("<i4", n), take("<f4", m)
    keypoints, visibility = take("<f4", m, k, 2), take("<f4", m, k)
    return DetectionBlock(frames, times, counts, Instances(keypoints, visibility, scores))
