"""Poses drawn into a copy of their video."""

import logging
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from poetlab.errors import VideoError
from poetlab.overlap import run_ahead
from poetlab.poses import Poses
from poetlab.rendering.canvas import Canvas, Paint
from poetlab.rendering.colors import individual_colors
from poetlab.rendering.drawing import paint_poses
from poetlab.rendering.labels import paint_labels
from poetlab.rendering.trails import Trails
from poetlab.video.planar import padded_size
from poetlab.video.reading import Frame, VideoFile, open_video
from poetlab.video.writing import VideoWriter

logger = logging.getLogger(__name__)

_FRAMES_AHEAD = 3
_STEADY = 0.1
"""Part of its usual time by which each frame of a steady video may be shown longer or shorter."""
_MOST_TOGETHER, _PIXELS_TOGETHER = 16, 2_000_000
"""Frames drawn at once, and their pixels: of small ones many, since each step of numpy has a cost of its own."""


@dataclass(frozen=True)
class Look:
    """What to draw besides the skeletons.

    Attributes:
        trail: Seconds that the trail behind each individual's center reaches back; 0 for none. Where poses are not
            tracked there is none, because a slot is now this animal and now that.
        names: Whether to write the individuals' names; where poses are not tracked, the scores.
        start: First frame of the video to draw, counted from 0.
        stop: First frame not to draw any more; None for the end.

    Raises:
        VideoError: If a number does not fit.
    """

    trail: float = 2.0
    names: bool = True
    start: int = 0
    stop: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.trail < np.inf:
            raise VideoError(f"the trail is {self.trail} seconds; give a number from 0 on")
        if self.start < 0 or (self.stop is not None and self.stop <= self.start):
            raise VideoError(f"frames {self.start} to {self.stop} are none; count from 0, and let stop be the larger")


def render_video(
    video_path: str | Path,
    poses: Poses,
    output_path: str | Path,
    *,
    look: Look | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write the frames of a video that were analyzed, with the poses drawn on them.

    Decoding, drawing and encoding work at the same time, and hold a few frames whatever the length of the video.
    Every frame is shown at its time in the video, also where frames are unevenly spaced or not all were analyzed.
    Poses are drawn into the frames as the video stores them, without converting their colors.

    Args:
        video_path: The video that the poses are of.
        poses: Its poses.
        output_path: The mp4 file to write; it appears when it is whole.
        look: What to draw, and of which frames.
        on_progress: Called after each frame with the numbers of frames done and in all.

    Returns:
        The number of frames written.

    Raises:
        VideoError: If the video cannot be read, is not of the poses' size, has none of the frames, or the output
            cannot be written.
    """
    look = look or Look()
    selected = _select(poses, look)
    n_written, n_frames = 0, selected.n_frames
    with open_video(video_path) as video:
        if video.size != poses.size:
            raise VideoError(f"{video_path}: has frames of {video.size}, the poses {poses.size}; choose their video")
        if not n_frames:
            raise VideoError(f"{video_path}: no frame from {look.start} to {look.stop or 'the end'} was analyzed")
        steps = np.diff(selected.frames)
        canvas = Canvas.of_video(padded_size(video.size), individual_colors(len(poses.individuals)), video.colors)
        frames = run_ahead(_frames_of(video, selected.frames, steps), _FRAMES_AHEAD)
        drawn = run_ahead(_draw(frames, selected, look, canvas), _FRAMES_AHEAD)
        fps = video.fps / (float(np.median(steps)) if len(steps) else 1)
        with (
            closing(drawn),
            VideoWriter(output_path, video.size, fps, video.colors, steady=_is_steady(selected.times)) as writer,
        ):
            for frame in drawn:
                writer.write_planar(frame.image, frame.time)
                n_written += 1
                if on_progress:
                    on_progress(n_written, n_frames)
    if n_written < n_frames:
        logger.warning("%s: %d of the %d frames with poses are not in it", video_path, n_frames - n_written, n_frames)
    return n_written


def _select(poses: Poses, look: Look) -> Poses:
    """The poses of the frames to draw."""
    first, end = np.searchsorted(poses.frames, [look.start, np.inf if look.stop is None else look.stop])
    rows = slice(int(first), int(end))
    return replace(
        poses,
        keypoints=poses.keypoints[rows],
        visibility=poses.visibility[rows],
        scores=poses.scores[rows],
        frames=poses.frames[rows],
        times=poses.times[rows],
    )


def _is_steady(times: np.ndarray) -> bool:
    """Whether all frames are shown about equally long."""
    periods = np.diff(times)
    return not len(periods) or bool((np.abs(periods / np.median(periods) - 1) < _STEADY).all())


def _frames_of(video: VideoFile, numbers: np.ndarray, steps: np.ndarray) -> Generator[Frame]:
    """The frames of these rising numbers."""
    stride = int(np.gcd.reduce(steps)) if len(steps) else 1
    waiting = iter(numbers.tolist())
    number = next(waiting)
    with closing(video.planar_frames(number, int(numbers[-1]) + 1, stride)) as frames:
        for frame in frames:
            if frame.index == number:
                yield frame
                number = next(waiting, -1)


def _draw(frames: Generator[Frame], poses: Poses, look: Look, canvas: Canvas) -> Generator[Frame]:
    """The frames, one for each row of the poses, with everything drawn into them."""
    trails = Trails(poses, look.trail, canvas) if look.trail and poses.tracked else None
    n_together = min(_MOST_TOGETHER, max(1, _PIXELS_TOGETHER // (poses.size[0] * poses.size[1])))
    with closing(frames):
        for first in range(0, poses.n_frames, n_together):
            together = list(islice(frames, n_together))
            if not together:
                return
            images = together[0].image[None] if n_together == 1 else np.stack([frame.image for frame in together])
            canvas.paint(images, _paint(poses, range(first, first + len(together)), look, canvas, trails))
            yield from (replace(frame, image=image) for frame, image in zip(together, images, strict=True))


def _paint(poses: Poses, rows: range, look: Look, canvas: Canvas, trails: Trails | None) -> dict[int, list[Paint]]:
    """Everything to draw in some rows of the poses, by the scale of the planes."""
    keypoints, visibility = (values[rows.start : rows.stop] for values in (poses.keypoints, poses.visibility))
    texts = [labels_of(poses, row) for row in rows] if look.names else [[""] * len(poses.individuals)] * len(rows)
    labels = paint_labels(keypoints, visibility, texts, canvas)
    return {
        scale: [
            *paint_poses(keypoints, visibility, poses.skeleton, canvas, scale),
            *(trails.paint(rows, scale) if trails else []),
            labels[scale],
        ]
        for scale in canvas.sizes
    }


def labels_of(poses: Poses, row: int) -> list[str]:
    """What to write at each individual in one row of the poses: its name, or the score of a slot."""
    if poses.tracked:
        return list(poses.individuals)
    return [f"{score:.2f}" for score in poses.scores[row]]
