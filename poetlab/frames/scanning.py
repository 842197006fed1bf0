"""What a video looks like, in little memory whatever its length."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import median_filter

from poetlab.video.reading import VideoFile

_LOOK_SIDE, _MOTION_SIDE = 32, 128
"""Pixels of thumbnails: the smaller ones tell animals and their places, the larger ones small motion, too."""

_MOMENT = 5
"""Frames over which the median of changes is taken: a whole frame that differs is the codec's work, or a flash."""

OnFrames = Callable[[int], None]
"""Called with the number of frames that are done."""


@dataclass(frozen=True, eq=False)
class Thumbnails:
    """Some frames of a video, evenly spread, small.

    Attributes:
        frames: (n,) their numbers, rising.
        images: (n, height, width, 3) uint8 RGB.
    """

    frames: np.ndarray
    images: np.ndarray


def scan_evenly(video: VideoFile, n: int, on_frames: OnFrames) -> Thumbnails:
    """Thumbnails of `n` to `2 n` frames at equal distances, or of all frames of a shorter video.

    Whenever there are too many, every second one goes. So it does not matter what the header promises; it only saves
    work where it is right.
    """
    stride = max(1, (video.n_frames_estimate or 0) // (2 * n))
    frames, images = _scan(video, n, stride, on_frames)
    if len(frames) < n and stride > 1:  # there are fewer than promised
        frames, images = _scan(video, n, 1, on_frames)
    return Thumbnails(np.array(frames), np.stack(images))


def scan_changes(video: VideoFile, on_frames: OnFrames) -> np.ndarray:
    """(frames,) how much the image changes about each frame of a video: the median of a few frames' mean change.

    In gray levels a frame. Codecs store every so many frames anew (key frames), which then differ a little from the
    frame before in every pixel, more than what an animal moves; the median leaves these out.
    """
    changes: list[float] = []
    before = None
    with closing(video.thumbnails(_MOTION_SIDE)) as thumbnails:
        for frame in thumbnails:
            now = frame.image.astype(np.int16)
            changes.append(0.0 if before is None else float(np.abs(now - before).mean()))
            before = now
            on_frames(frame.index + 1)
    return np.asarray(median_filter(np.array(changes), _MOMENT, mode="nearest"))


def _scan(video: VideoFile, n: int, stride: int, on_frames: OnFrames) -> tuple[list[int], list[np.ndarray]]:
    frames: list[int] = []
    images: list[np.ndarray] = []
    with closing(video.thumbnails(_LOOK_SIDE, stride)) as thumbnails:
        for frame in thumbnails:
            on_frames(frame.index + 1)
            if frame.index % stride:
                continue
            frames.append(frame.index)
            images.append(frame.image)
            if len(frames) > 2 * n:
                frames, images, stride = frames[::2], images[::2], 2 * stride
    return frames, images
