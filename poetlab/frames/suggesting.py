"""Which frames of analyzed videos to label next: those that a network was unsure of, and that differ."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from poetlab.frames.farthest import farthest_points
from poetlab.frames.looking import Look
from poetlab.frames.ranking import combine_ranks, part_surer, reasons_for
from poetlab.frames.spreading import spread_in_time

_LOOKED_AT, _LEAST_LOOKED_AT = 10, 100
"""Frames that the network looks at again for each that is wanted, and in all at least."""

_UNSURE = 3
"""Frames for each that is wanted, the least sure ones, among which those that differ are picked."""


@dataclass(frozen=True, eq=False)
class AnalyzedFrames:
    """The analyzed frames of a video, and how unsure a network was of each.

    Attributes:
        name: What the video is called.
        frames: (n,) their numbers in the video, rising.
        signals: Name -> (n,) of `measure_results`.
        labeled: Numbers of frames that are labeled already.
    """

    name: str
    frames: np.ndarray
    signals: Mapping[str, np.ndarray]
    labeled: Collection[int] = ()


@dataclass(frozen=True)
class Suggestion:
    """A frame that is worth labeling.

    Attributes:
        video: What its video is called.
        frame: Its number in the video, counted from 0.
        score: How unsure the network is of it, from 0 to 1: its place among the frames that were looked at again.
        reasons: Why, in words.
    """

    video: str
    frame: int
    score: float
    reasons: tuple[str, ...]


def suggest_frames(
    videos: Sequence[AnalyzedFrames], n: int, look: Callable[[int, list[int]], Look]
) -> list[Suggestion]:
    """Choose frames to label in three steps.

    Frames are ranked by the results alone, and of the least sure ones a shortlist is made that does not crowd in time,
    nor about frames that are labeled. At these the network looks again, which adds how far its decoder's layers
    disagree. Of the least sure of these, those are picked whose features differ most.

    Args:
        videos: What is known of each video.
        n: How many; fewer if there are not as many that are not labeled.
        look: Looks at frames of a video again; called with the place of the video and rising numbers of frames.

    Returns:
        The frames, the least sure first.
    """
    signals = {name: np.concatenate([one.signals[name] for one in videos]) for name in videos[0].signals}
    shortlist = _shortlist(videos, combine_ranks(signals), max(n * _LOOKED_AT, _LEAST_LOOKED_AT))
    if not len(shortlist):
        return []
    video, frame = _where(videos)
    by_video = {place: frame[shortlist[video[shortlist] == place]] for place in np.unique(video[shortlist]).tolist()}
    seen = [look(place, frames.tolist()) for place, frames in by_video.items()]
    layers = np.concatenate([one.disagreement for one in seen])
    features = np.concatenate([one.features for one in seen])
    values = {name: of_all[shortlist] for name, of_all in signals.items()} | {"layers": layers}
    surer = {name: part_surer(of_all)[shortlist] for name, of_all in signals.items()} | {"layers": part_surer(layers)}
    unsure = combine_ranks(values)
    candidates = np.argsort(-unsure, kind="stable")[: n * _UNSURE]
    different = sorted(farthest_points(features[candidates], n, [0]))
    return [
        Suggestion(
            video=videos[video[shortlist[place]]].name,
            frame=int(frame[shortlist[place]]),
            score=float(unsure[place]),
            reasons=reasons_for(_at(values, place), _at(surer, place)),
        )
        for place in candidates[different].tolist()
    ]


def _shortlist(videos: Sequence[AnalyzedFrames], unsure: np.ndarray, n: int) -> np.ndarray:
    """Rising places, among the frames of all videos, of unsure ones that are not labeled and do not crowd in time."""
    lengths = [int(one.frames[-1]) + 1 if len(one.frames) else 0 for one in videos]
    starts = np.cumsum([0, *lengths[:-1]])  # as if one video followed the other
    times = np.concatenate([one.frames + start for one, start in zip(videos, starts, strict=True)])
    labeled = [frame + start for one, start in zip(videos, starts.tolist(), strict=True) for frame in one.labeled]
    free = np.flatnonzero(~np.isin(times, labeled))
    return np.sort(free[spread_in_time(unsure[free], times[free], n, labeled)])


def _where(videos: Sequence[AnalyzedFrames]) -> tuple[np.ndarray, np.ndarray]:
    """The video and the number of each frame of all videos."""
    video = np.repeat(np.arange(len(videos)), [len(one.frames) for one in videos])
    return video, np.concatenate([one.frames for one in videos])


def _at(values: Mapping[str, np.ndarray], place: int) -> dict[str, float]:
    return {name: float(of_all[place]) for name, of_all in values.items()}
