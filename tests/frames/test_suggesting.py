"""Suggestions: frames typical of the unsure ones, none labeled, with reasons."""

from collections.abc import Callable

import numpy as np
import pytest

from poetlab.frames.looking import Look
from poetlab.frames.suggesting import AnalyzedFrames, suggest_frames

Looking = Callable[[int, list[int]], Look]


def analyzed(name: str, n_frames: int, unsure: dict[int, float], **facts: object) -> AnalyzedFrames:
    """A video with one signal, which is high at some frames."""
    score = np.zeros(n_frames)
    for frame, value in unsure.items():
        score[frame] = value
    signals = {"low_score": score, "jump": np.zeros(n_frames)}
    return AnalyzedFrames(name, np.arange(n_frames), signals, **facts)  # type: ignore[arg-type]


def looking(of_frame: Callable[[int, int], tuple[float, float]]) -> tuple[Looking, list[tuple[int, int]]]:
    """A look that gives each frame a disagreement and one feature, and what was looked at."""
    looked: list[tuple[int, int]] = []

    def look(video: int, frames: list[int]) -> Look:
        assert frames == sorted(frames)
        looked.extend((video, frame) for frame in frames)
        disagreement, feature = zip(*(of_frame(video, frame) for frame in frames), strict=True)
        return Look(np.array(disagreement), np.array(feature)[:, None])

    return look, looked


def scattered(n_frames: int, every: int, value: float = 0.9) -> dict[int, float]:
    return dict.fromkeys(range(every // 2, n_frames, every), value)


def test_unsure_frames_are_suggested_with_the_reason_the_least_sure_first() -> None:
    unsure = {"a.mp4": scattered(500, 20, 0.9), "b.mp4": scattered(500, 20, 0.7)}
    look, _ = looking(lambda video, frame: (0.0, 1000.0 * video + frame))
    suggestions = suggest_frames([analyzed(name, 500, frames) for name, frames in unsure.items()], 4, look)
    assert {one.video for one in suggestions} == set(unsure)
    assert all(one.frame in unsure[one.video] for one in suggestions)
    assert next(one.reasons for one in suggestions if one.video == "a.mp4") == ("scores of only 0.10 in the mean",)
    assert [one.score for one in suggestions] == sorted((one.score for one in suggestions), reverse=True)


def test_of_each_kind_of_unsure_frames_the_most_typical_one_is_picked() -> None:
    """Fifty frames are unsure, of two kinds; those at 345 to 355 are the middle of one, 455 is that of the other."""

    def feature(frame: int) -> float:
        return 1000.0 + abs(frame - 455) if frame > 400 else abs(frame - 350) / 100

    look, _ = looking(lambda _, frame: (0.0, feature(frame)))
    first, second = sorted(one.frame for one in suggest_frames([analyzed("a.mp4", 500, scattered(500, 10))], 2, look))
    typical = np.mean([feature(frame) for frame in scattered(400, 10)])
    assert abs(feature(first) - typical) == min(abs(feature(frame) - typical) for frame in scattered(400, 10))
    assert 400 < second < 500


def test_a_kind_that_is_rare_among_unsure_frames_has_its_frame() -> None:
    look, _ = looking(lambda _, frame: (0.0, 100.0 if frame == 445 else 0.001 * frame))
    suggestions = suggest_frames([analyzed("a.mp4", 500, scattered(500, 10))], 2, look)
    assert 445 in {one.frame for one in suggestions}


def test_what_the_network_says_at_the_second_look_counts() -> None:
    """Half of the frames that were alike until then are surer than the others."""
    look, looked = looking(lambda _, frame: (float(frame % 20 == 5), float(frame)))
    suggestions = suggest_frames([analyzed("a.mp4", 1000, scattered(1000, 10))], 5, look)
    assert {(0, frame) for frame in scattered(1000, 10)} <= set(looked)
    assert {one.frame % 20 for one in suggestions} == {5}


def test_the_network_looks_at_a_few_hundred_frames_of_a_long_video() -> None:
    look, looked = looking(lambda _, frame: (0.0, float(frame)))
    assert len(suggest_frames([analyzed("a.mp4", 20_000, {5: 1.0})], 20, look)) == 20
    assert len(looked) == 400


def test_labeled_frames_are_not_suggested_nor_frames_beside_them_if_there_are_others() -> None:
    unsure = dict.fromkeys(range(100, 110), 0.9) | scattered(2000, 20, 0.5)
    look, looked = looking(lambda _, frame: (0.0, float(frame)))
    suggestions = suggest_frames([analyzed("a.mp4", 2000, unsure, labeled={104})], 3, look)
    assert not {frame for _, frame in looked} & set(range(102, 107))
    assert all(one.frame in unsure for one in suggestions)


def test_frames_keep_their_numbers_where_not_every_frame_was_analyzed() -> None:
    video = analyzed("a.mp4", 50, {10: 0.9})
    strided = AnalyzedFrames("a.mp4", 7 + 3 * video.frames, video.signals, labeled={7})
    look, looked = looking(lambda _, frame: (0.0, 100.0 * (frame == 37)))
    assert 37 in [one.frame for one in suggest_frames([strided], 2, look)]
    assert {frame for _, frame in looked} == set(range(10, 7 + 3 * 50, 3))


@pytest.mark.parametrize("n", [1, 5, 50])
def test_fewer_are_suggested_if_there_are_no_more(n: int) -> None:
    look, looked = looking(lambda _, frame: (0.0, float(frame)))
    videos = [analyzed("a.mp4", 3, {}, labeled={0, 1}), analyzed("b.mp4", 2, {})]
    assert len(suggest_frames(videos, n, look)) == min(n, 3)
    assert sorted(looked) == [(0, 2), (1, 0), (1, 1)]


def test_nothing_is_suggested_where_all_is_labeled() -> None:
    look, looked = looking(lambda *_: (0.0, 0.0))
    assert suggest_frames([analyzed("a.mp4", 2, {}, labeled={0, 1, 2})], 3, look) == []
    assert looked == []
