"""Detections in the places of their individuals, and short gaps of these filled."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poetlab.errors import ResultsError
from poetlab.poses import Instances
from poetlab.results.detections import BLOCK_FRAMES, DetectionBlock
from poetlab.results.pose_blocks import PoseBlock, fill_gaps, place_in_slots

FPS = 25


def walk(present: np.ndarray, times: np.ndarray) -> DetectionBlock:
    """An animal of two keypoints that walks evenly, in those of the frames in which it is present."""
    place = np.stack([times * 10, times * -4], axis=-1)[present, None] + np.array([[0, 0], [5, 1]])
    found = Instances(place.astype(np.float32), np.full(place.shape[:2], 0.9), np.full(len(place), 0.8))
    return DetectionBlock(np.arange(len(times)), times, present.astype(int), found)


def split(block: DetectionBlock, limits: list[int]) -> list[DetectionBlock]:
    """The block in parts that begin at the limits."""
    edges = [0, *limits, len(block)]
    first = np.concatenate([[0], np.cumsum(block.counts)])
    return [
        DetectionBlock(
            block.frames[a:b], block.times[a:b], block.counts[a:b], block.detections.take(slice(first[a], first[b]))
        )
        for a, b in pairwise(edges)
    ]


def filled(blocks: list[DetectionBlock], longest: float) -> PoseBlock:
    slots = np.zeros(sum(len(block.detections) for block in blocks), int)
    parts = list(fill_gaps(place_in_slots(blocks, slots, 1), longest))
    values, scores = (np.concatenate([getattr(part, name) for part in parts]) for name in ("values", "scores"))
    return PoseBlock(values, scores, parts[0].found)


def test_positions_are_on_the_line_between_and_look_like_nothing_seen() -> None:
    times = np.arange(30) / FPS
    missing = [3, 10, 11, 12]
    present = ~np.isin(np.arange(30), [*missing, 20, 21, 22, 23, 24, 29])
    poses = filled([walk(present, times)], 4 / FPS)
    everywhere = filled([walk(np.ones(30, bool), times)], 0)
    np.testing.assert_allclose(poses.values[missing, ..., :2], everywhere.values[missing, ..., :2], rtol=1e-5)
    assert np.flatnonzero(poses.is_filled).tolist() == missing
    assert not poses.values[missing, ..., 2].any()
    assert not poses.scores[missing].any()
    assert np.isnan(poses.values[20:25, ..., :2]).all(), "five frames are too many"
    assert np.isnan(poses.values[29, ..., :2]).all(), "nothing comes after"
    np.testing.assert_array_equal(poses.values[present], everywhere.values[present])


def test_seconds_count_not_rows() -> None:
    times = np.array([0, 0.04, 0.08, 1.0, 1.04])
    present = np.array([True, False, True, False, True])
    assert np.flatnonzero(filled([walk(present, times)], 0.2).is_filled).tolist() == [1]


def test_a_keypoint_that_is_missing_on_one_side_stays_missing() -> None:
    block = walk(np.array([True, False, True]), np.arange(3) / FPS)
    block.detections.keypoints[1, 0] = np.nan
    poses = filled([block], 0.2)
    assert np.isnan(poses.values[1, 0, 0, :2]).all()
    assert np.isfinite(poses.values[1, 0, 1, :2]).all()


def test_nothing_is_filled_unasked() -> None:
    present = np.array([True, False, True])
    assert not filled([walk(present, np.arange(3) / FPS)], 0).is_filled.any()


@given(st.integers(0, 100), st.integers(0, 60), st.integers(1, 700))
def test_where_blocks_begin_makes_no_difference(seed: int, more: int, last: int) -> None:
    """Not even if times say that a second is a thousand frames."""
    rng = np.random.default_rng(seed)
    present = rng.random(2 * BLOCK_FRAMES + more + last) < rng.choice([0.002, 0.1, 0.9])
    block = walk(present, np.arange(len(present)) / 1000)
    parts = split(block, [BLOCK_FRAMES, 2 * BLOCK_FRAMES + more])
    one, other = filled([block], 0.6), filled(parts, 0.6)
    np.testing.assert_array_equal(one.values, other.values)


def test_two_detections_of_a_frame_cannot_be_one_individual() -> None:
    block = walk(np.ones(2, bool), np.arange(2) / FPS)
    double = DetectionBlock(block.frames[:1], block.times[:1], np.array([2]), block.detections)
    with pytest.raises(ResultsError, match="frame 0: two detections have the same individual"):
        list(place_in_slots([double], np.zeros(2, int), 1))
