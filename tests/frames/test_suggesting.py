"""Suggestions: unsure frames that differ, none labeled, with reasons."""

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


def test_the_least_sure_frames_are_suggested_with_the_reason() -> None:
    look, _ = looking(lambda _, frame: (0.0, float(frame)))
    videos = [analyzed("a.mp4", 500, {40: 0.9, 300: 0.8}), analyzed("b.mp4", 500, {77: 0.7})]
    suggestions = suggest_frames(videos, 1, look)
    assert [(one.video, one.frame) for one in suggestions] == [("a.mp4", 40)]
    assert suggestions[0].reasons == ("scores of only 0.10 in the mean",)
    three = suggest_frames(videos, 3, look)
    assert ("a.mp4", 40) in {(one.video, one.frame) for one in three}
    assert [one.score for one in three] == sorted((one.score for one in three), reverse=True)


def test_of_unsure_frames_those_that_differ_are_picked() -> None:
    """Six frames are unsure: five that look the same, and one that does not."""
    unsure = {50: 0.9, 120: 0.89, 200: 0.88, 280: 0.87, 360: 0.86, 440: 0.85}
    look, _ = looking(lambda _, frame: (0.0, 100.0 if frame == 440 else 0.001 * frame))
    suggestions = suggest_frames([analyzed("a.mp4", 500, unsure)], 2, look)
    assert {one.frame for one in suggestions} == {50, 440}


def test_what_the_network_says_at_the_second_look_counts() -> None:
    look, looked = looking(lambda _, frame: (float(frame == 250), float(frame)))
    suggestions = suggest_frames([analyzed("a.mp4", 1000, {250: 0.5, 500: 0.5})], 1, look)
    assert (0, 250) in looked
    assert [one.frame for one in suggestions] == [250]
    assert "the decoder's layers disagree (100.0% of the animal's length)" in suggestions[0].reasons


def test_the_network_looks_at_a_few_hundred_frames_of_a_long_video() -> None:
    look, looked = looking(lambda _, frame: (0.0, float(frame)))
    assert len(suggest_frames([analyzed("a.mp4", 20_000, {5: 1.0})], 20, look)) == 20
    assert len(looked) == 200


def test_labeled_frames_are_not_suggested_nor_frames_beside_them_if_there_are_others() -> None:
    unsure = dict.fromkeys(range(100, 110), 0.9) | {400: 0.5}
    look, _ = looking(lambda _, frame: (0.0, float(frame)))
    suggestions = suggest_frames([analyzed("a.mp4", 2000, unsure, labeled={104})], 1, look)
    assert [one.frame for one in suggestions] == [400]


def test_frames_keep_their_numbers_where_not_every_frame_was_analyzed() -> None:
    video = analyzed("a.mp4", 50, {10: 0.9})
    strided = AnalyzedFrames("a.mp4", 7 + 3 * video.frames, video.signals, labeled={7})
    look, looked = looking(lambda _, frame: (0.0, float(frame)))
    assert [one.frame for one in suggest_frames([strided], 1, look)] == [37]
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
