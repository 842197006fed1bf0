"""Frames as videos store them and encoders take them: yuv420p of 8 bits, in one array.

A planar image is a (3 / 2 * height, width) uint8 array: `height` rows of Y, then U and V one after the other, each of
half the height and width. Both sizes are even: odd ones are padded with the edge, because H.264 as players know it has
even ones.
"""

import av
import numpy as np
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, VideoReformatter

from poetlab.video.colors import PLAIN_COLORS, VideoColors

_PLANAR_FORMATS = ("yuv420p", "yuvj420p")
_WITH_FULL_RANGE = "yuvj420p"
_YUV_CHANNELS = 3


def padded_size(size: tuple[int, int]) -> tuple[int, int]:
    """The (height, width) of planar images, the next even ones."""
    return size[0] + size[0] % 2, size[1] + size[1] % 2


def planar_colors(frame: av.VideoFrame) -> VideoColors:
    """What the numbers of a frame mean once it is a planar image.

    They keep their meaning where the frame is stored so, and else their matrix where they have one.
    """
    if frame.format.is_rgb or len(frame.format.components) < _YUV_CHANNELS:
        return PLAIN_COLORS
    full_range = frame.format.name == _WITH_FULL_RANGE or (
        frame.format.name in _PLANAR_FORMATS and frame.color_range == ColorRange.JPEG
    )
    return VideoColors(frame.colorspace, full_range, frame.color_primaries, frame.color_trc)


def planar_image(
    frame: av.VideoFrame, size: tuple[int, int], colors: VideoColors, quarter_turns: int, converter: VideoReformatter
) -> np.ndarray:
    """A frame as a planar image of its own memory; only frames of other formats, sizes or colors are converted.

    Args:
        frame: What was decoded; it stays as it is, because later frames may be made of it.
        size: (height, width) that it is scaled to.
        colors: What the numbers shall mean.
        quarter_turns: Counterclockwise, after scaling.
        converter: One for all frames, because making its tables takes time.
    """
    is_planar = frame.format.name in _PLANAR_FORMATS and planar_colors(frame) == colors
    if not is_planar or (frame.height, frame.width) != size:
        frame = to_planar(frame, size, colors, converter)
    planes = [np.rot90(_samples(plane), quarter_turns) for plane in frame.planes]
    height, width = padded_size(planes[0].shape)
    image = np.empty((height * 3 // 2, width), np.uint8)
    start = 0
    for plane, shape in zip(planes, [(height, width), *[(height // 2, width // 2)] * 2], strict=True):
        target = image.reshape(-1)[start : start + shape[0] * shape[1]].reshape(shape)
        target[: plane.shape[0], : plane.shape[1]] = plane
        if plane.shape != shape:
            target[plane.shape[0] :] = target[plane.shape[0] - 1]
            target[:, plane.shape[1] :] = target[:, plane.shape[1] - 1, None]
        start += target.size
    return image


def to_planar(
    frame: av.VideoFrame, size: tuple[int, int], colors: VideoColors, converter: VideoReformatter
) -> av.VideoFrame:
    """A frame of any format as yuv420p of this (height, width)."""
    return converter.reformat(
        frame,
        size[1],
        size[0],
        format="yuv420p",
        dst_colorspace=colors.matrix,
        dst_color_range=colors.range,
    )


def _samples(plane: VideoPlane) -> np.ndarray:
    """(height, width) without the padding of its rows, in the frame's own memory."""
    return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
