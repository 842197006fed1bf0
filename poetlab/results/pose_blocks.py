"""Detections in the places of their individuals, block by block, and short gaps of these filled."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from poetlab.errors import ResultsError
from poetlab.results.detections import BLOCK_FRAMES, DetectionBlock

_ROUNDING = 1e-6
"""Seconds; times are not exact multiples of a frame's duration."""


@dataclass(frozen=True, eq=False)
class PoseBlock:
    """The rows of a result file for some frames that follow each other.

    Attributes:
        values: (n, individuals, k, 3) pixels x, y and likelihood.
        scores: (n, individuals) probability that each instance is an animal; 0 where it was not found.
        found: All detections in these frames.
    """

    values: np.ndarray
    scores: np.ndarray
    found: DetectionBlock

    @property
    def is_filled(self) -> np.ndarray:
        """(n, individuals) whether a pose was not found and has positions nevertheless."""
        return (self.scores <= 0) & np.isfinite(self.values[..., :2]).all(-1).any(-1)


def place_in_slots(blocks: Iterable[DetectionBlock], slots: np.ndarray, n_slots: int) -> Iterator[PoseBlock]:
    """Give detections their places.

    Args:
        blocks: All detections.
        slots: (n_detections,) the place of each detection's individual, -1 where it has none.
        n_slots: Individuals.

    Raises:
        ResultsError: If two detections in a frame have one slot.
    """
    done = 0
    for block in blocks:
        found = block.detections
        taken = slots[done : done + len(found)]
        done += len(found)
        kept = taken >= 0
        place = block.rows()[kept], taken[kept]
        _refuse_doubles(block.frames, *place)
        values = np.full((len(block), n_slots, found.keypoints.shape[1], 3), np.nan, np.float32)
        values[..., 2] = 0
        values[(*place, ..., slice(0, 2))] = found.keypoints[kept]
        values[(*place, ..., 2)] = found.visibility[kept]
        scores = np.zeros((len(block), n_slots), np.float32)
        scores[place] = found.scores[kept]
        yield PoseBlock(values, scores, block)


def fill_gaps(blocks: Iterable[PoseBlock], longest: float) -> Iterator[PoseBlock]:
    """Give individuals positions on the line between two detections that follow each other soon.

    Likelihoods and scores stay 0, so that these poses never look as if they had been found. What the blocks' limits are
    makes no difference, as long as each but the last has `BLOCK_FRAMES` frames or more.

    Args:
        blocks: The poses of individuals.
        longest: Most seconds between the two detections; 0 fills nothing.
    """
    if longest <= 0:
        yield from blocks
        return
    waiting: PoseBlock | None = None
    for block in blocks:
        if waiting is None:
            waiting = block
            continue
        first, waiting = _filled([waiting, block], longest)
        yield first
    if waiting is not None:
        yield from _filled([waiting], longest)


def _filled(blocks: list[PoseBlock], longest: float) -> list[PoseBlock]:
    """The blocks with those gaps filled that begin and end in them."""
    values = np.concatenate([block.values for block in blocks])
    is_found = np.concatenate([block.scores for block in blocks]) > 0
    times = np.concatenate([block.found.times for block in blocks])
    for individual, found in enumerate(is_found.T):
        rows, lost = np.flatnonzero(found), np.flatnonzero(~found)
        place = np.searchsorted(rows, lost)
        between = (place > 0) & (place < len(rows))
        lost, before, after = lost[between], rows[place[between] - 1], rows[place[between]]
        short = (times[after] - times[before] <= longest + _ROUNDING) & (after - before <= BLOCK_FRAMES)
        lost, before, after = lost[short], before[short], after[short]
        part = (times[lost] - times[before]) / np.maximum(times[after] - times[before], _ROUNDING)
        start, end = values[before, individual, :, :2], values[after, individual, :, :2]
        values[lost, individual, :, :2] = start + part[:, None, None] * (end - start)
    limits = np.cumsum([len(block.values) for block in blocks])[:-1]
    return [replace(block, values=part) for block, part in zip(blocks, np.split(values, limits), strict=True)]


def _refuse_doubles(frames: np.ndarray, rows: np.ndarray, slots: np.ndarray) -> None:
    places, times_used = np.unique(np.stack([rows, slots]), axis=1, return_counts=True)
    if (times_used > 1).any():
        frame = frames[places[0, times_used > 1][0]]
        raise ResultsError(f"frame {frame}: two detections have the same individual; give each detection its own")
