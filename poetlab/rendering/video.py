"""Poses drawn into a copy of their video."""

import logging
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from poetlab.errors import VideoError
from poetlab.overlap import run_ahead
from poetlab.poses import Poses
from poetlab.rendering.canvas import Canvas
from poetlab.rendering.colors import individual_colors
from poetlab.rendering.drawing import sketch_poses
from poetlab.rendering.labels import label_shapes
from poetlab.rendering.shape import Shape
from poetlab.rendering.strokes import Sketch
from poetlab.rendering.trails import Trails
from poetlab.video.planar import padded_size
from poetlab.video.reading import Frame, VideoFile, open_video
from poetlab.video.writing import VideoWriter

logger = logging.getLogger(__name__)

_FRAMES_AHEAD = 3
_ROWS_TOGETHER = 64
"""Rows of poses that numpy makes ready at once, because each of its steps has a cost of its own."""
_STEADY = 0.1
"""Part of its usual time by which each frame of a steady video may be shown longer or shorter."""


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
        drawn = run_ahead(drawn_frames(video, selected, look), _FRAMES_AHEAD)
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


def drawn_frames(video: VideoFile, poses: Poses, look: Look) -> Generator[Frame]:
    """The frames of a video that poses are of, as planar images (`poetlab.video.planar`) with the poses drawn on them.

    Args:
        video: The video, which is decoded in a thread of its own.
        poses: Poses of the frames to draw.
        look: What to draw.
    """
    canvas = Canvas.of_video(padded_size(video.size), individual_colors(len(poses.individuals)), video.colors)
    with closing(run_ahead(_frames_of(video, poses.frames), _FRAMES_AHEAD)) as frames:
        for frame, (sketches, labels) in zip(frames, _sketch(poses, look, canvas.size), strict=False):
            for number, sketch in enumerate(sketches):
                canvas.paint(frame.image, sketch.drawn(), number)
            for number, label in enumerate(labels):
                canvas.paint(frame.image, label, number)
            yield frame


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


def _frames_of(video: VideoFile, numbers: np.ndarray) -> Generator[Frame]:
    """The frames of these rising numbers."""
    steps = np.diff(numbers)
    stride = int(np.gcd.reduce(steps)) if len(steps) else 1
    waiting = iter(numbers.tolist())
    number = next(waiting)
    with closing(video.planar_frames(number, int(numbers[-1]) + 1, stride)) as frames:
        for frame in frames:
            if frame.index == number:
                yield frame
                number = next(waiting, -1)


def _sketch(poses: Poses, look: Look, size: tuple[int, int]) -> Generator[tuple[list[Sketch], list[Shape | None]]]:
    """What to draw for each row of the poses, and then to write."""
    trails = Trails(poses, look.trail) if look.trail and poses.tracked else None
    for start in range(0, poses.n_frames, _ROWS_TOGETHER):
        rows = np.arange(start, min(start + _ROWS_TOGETHER, poses.n_frames))
        keypoints, visibility = poses.keypoints[rows], poses.visibility[rows]
        behind = trails.strokes(rows) if trails else None
        sketches = sketch_poses(keypoints, visibility, poses.skeleton, size, trails=behind)
        texts = [labels_of(poses, row) if look.names else [""] * len(poses.individuals) for row in rows.tolist()]
        labels = label_shapes(keypoints, visibility, texts, size)
        yield from zip(sketches, labels, strict=True)


def labels_of(poses: Poses, row: int) -> list[str]:
    """What to write at each individual in one row of the poses: its name, or the score of a slot."""
    if poses.tracked:
        return list(poses.individuals)
    return [f"{score:.2f}" for score in poses.scores[row]]
