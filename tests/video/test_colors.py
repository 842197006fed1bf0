"""Colors as videos store them, against FFmpeg's conversion."""

import av
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter

from poetlab.video.colors import PLAIN_COLORS, VideoColors

COLORS = np.array([[0, 0, 0], [255, 255, 255], [86, 180, 233], [230, 159, 0], [0, 158, 115], [204, 121, 167]])
BT709, UNSPECIFIED, SMPTE170M, BT2020 = 1, 2, 6, 9


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("matrix", [BT709, UNSPECIFIED, 5, SMPTE170M, BT2020])
@pytest.mark.parametrize("rgb", COLORS, ids=str)
def test_colors_come_back_from_the_decoder(rgb: np.ndarray, matrix: int, full_range: bool):
    colors = VideoColors(matrix, full_range)
    y, u, v = np.rint(colors.yuv(rgb)).astype(np.uint8)
    image = np.full((24, 16), y, np.uint8)
    image[16:20], image[20:] = u, v
    frame = av.VideoFrame.from_numpy_buffer(image, format="yuv420p")
    frame.colorspace, frame.color_range = matrix, colors.range
    back = VideoReformatter().reformat(frame, format="rgb24").to_ndarray()
    assert np.abs(back.astype(int) - rgb).max() <= 3


def test_black_and_white_are_those_of_the_range():
    np.testing.assert_allclose(
        PLAIN_COLORS.yuv(np.array([[0, 0, 0], [255, 255, 255]])), [[16, 128, 128], [235, 128, 128]]
    )
    np.testing.assert_allclose(VideoColors(full_range=True).yuv(np.array([255, 255, 255])), [255, 128, 128])
