"""Detections of frames that follow each other: what partial and finished result files are read and written in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from poetlab.poses import Instances

BLOCK_FRAMES = 512
"""Most frames that are read or written at once, so that memory does not grow with the video."""


@dataclass(frozen=True, eq=False)
class DetectionBlock:
    """Everything that was detected in n frames that follow each other.

    Attributes:
        frames: (n,) int64 numbers of the frames in the video, rising.
        times: (n,) float64 seconds since the first frame of the video.
        counts: (n,) int32 detections in each frame.
        detections: Those of all frames, frame by frame; m in all.
    """

    frames: np.ndarray
    times: np.ndarray
    counts: np.ndarray
    detections: Instances

    def __len__(self) -> int:
        return len(self.frames)

    def instances(self) -> Iterator[Instances]:
        """Each frame's detections."""
        for start, end in pairwise(np.append(0, np.cumsum(self.counts)).tolist()):
            yield self.detections.take(slice(start, end))

    def rows(self) -> np.ndarray:
        """(m,) the place of each detection's frame in this block."""
        return np.repeat(np.arange(len(self)), self.counts)


def join_blocks(blocks: Sequence[DetectionBlock]) -> DetectionBlock:
    """One block of blocks that follow each other.

    Args:
        blocks: At least one.
    """
    return DetectionBlock(
        frames=np.concatenate([block.frames for block in blocks]),
        times=np.concatenate([block.times for block in blocks]),
        counts=np.concatenate([block.counts for block in blocks]),
        detections=join_instances([block.detections for block in blocks]),
    )


def join_instances(images: Sequence[Instances]) -> Instances:
    """The instances of at least one image in a row, without their centers."""
    return Instances(
        keypoints=np.concatenate([found.keypoints for found in images]),
        visibility=np.concatenate([found.visibility for found in images]),
        scores=np.concatenate([found.scores for found in images]),
    )


def slots_by_score(counts: np.ndarray, n_slots: int) -> np.ndarray:
    """Slots of a video that is not tracked: each frame's best detection is in slot 0, the next in slot 1, and so on.

    Args:
        counts: (frames,) detections in each frame, which are ordered by score.
        n_slots: Slots that there are.

    Returns:
        (detections,) int32 slot of each detection, -1 where there is none left.
    """
    first = np.repeat(np.cumsum(counts) - counts, counts)
    rank = np.arange(len(first)) - first
    return np.where(rank < n_slots, rank, -1).astype(np.int32)
