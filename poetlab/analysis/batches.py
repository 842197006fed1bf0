"""Frames of a video, stacked for the network."""

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from poetlab.analysis.selection import Selection
from poetlab.video.reading import Frame, VideoFile

_FRAMES_AT_ONCE = {"cpu": 8, "mps": 16, "cuda": 32}
_MOST_BYTES = 1 << 28
"""A batch's share of memory: three of them are there at once, since one is read while another one waits."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Some frames of a video.

    Attributes:
        frames: (n,) index of each in the video.
        times: (n,) seconds since the first frame of the video.
        images: (n, 3, height, width) uint8 RGB: the full frames, the crop of each, or what was made of these.
    """

    frames: np.ndarray
    times: np.ndarray
    images: Tensor


def automatic_batch_size(device: torch.device, size: tuple[int, int] = (1, 1)) -> int:
    """How many frames to give to the network at once on a device; fewer if they are of a very large (height, width)."""
    frame_bytes = 3 * size[0] * size[1]
    return max(1, min(_FRAMES_AT_ONCE.get(device.type, 8), _MOST_BYTES // frame_bytes))


def read_batches(
    video: VideoFile,
    selection: Selection,
    batch_size: int,
    *,
    first: int = 0,
    prepare: Callable[[Tensor], Tensor] | None = None,
    pinned: bool = False,
) -> Generator[Batch]:
    """The selected frames of a video, a batch at a time; only the last may be smaller.

    Args:
        video: The video.
        selection: Which frames, and which part of each.
        batch_size: Frames in a batch.
        first: How many of the selected frames to leave out at the start.
        prepare: What to make of each frame, (1, 3, height, width), as soon as it is decoded; None to leave it.
        pinned: Whether to put them where a GPU fetches them faster.
    """
    start = selection.start + first * selection.stride
    with closing(video.frames(start, selection.end, selection.stride)) as frames:
        waiting: list[_Picture] = []
        for frame in frames:
            waiting.append(_picture(frame, selection, prepare))
            if len(waiting) == batch_size:
                yield _stack(waiting, pinned=pinned)
                waiting = []
        if waiting:
            yield _stack(waiting, pinned=pinned)


class _Picture(NamedTuple):
    """What is kept of a frame until its batch is full: its number, its time and its pixels (1, height, width, 3)."""

    number: int
    time: float
    pixels: Tensor


def _picture(frame: Frame, selection: Selection, prepare: Callable[[Tensor], Tensor] | None) -> _Picture:
    image = selection.crop.cut(frame.image) if selection.crop else frame.image
    pixels = torch.from_numpy(image)[None]
    if prepare:
        pixels = prepare(pixels.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    return _Picture(frame.index, frame.time, pixels)


def _stack(pictures: list[_Picture], *, pinned: bool) -> Batch:
    images = torch.cat([picture.pixels for picture in pictures])
    return Batch(
        frames=np.array([picture.number for picture in pictures]),
        times=np.array([picture.time for picture in pictures]),
        images=(images.pin_memory() if pinned else images).permute(0, 3, 1, 2),
    )
