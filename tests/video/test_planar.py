"""Planar images of videos of all kinds, against the RGB images of the same frames."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from poetlab.errors import VideoError
from poetlab.video.planar import padded_size
from poetlab.video.reading import open_video
from poetlab.video.writing import VideoWriter

MakeVideo = Callable[..., Path]
MakeColors = Callable[..., Path]


def smooth_image(size: tuple[int, int]) -> np.ndarray:
    """All kinds of colors, none of which changes faster than the coarse colors of videos can tell."""
    y, x = np.linspace(0, 1, size[0])[:, None], np.linspace(0, 1, size[1])[None, :]
    return np.stack([200 * x + 20 + 0 * y, 200 * y + 20 + 0 * x, 230 - 100 * (x + y)], axis=-1).astype(np.uint8)


@pytest.fixture
def make_colors(tmp_path: Path) -> MakeColors:
    """Write a video of a picture with smooth colors: `make_colors(codec, pixel_format, ...)`."""

    def make(
        codec: str, pixel_format: str, size: tuple[int, int] = (96, 128), colorspace: int = 2, color_range: int = 0
    ) -> Path:
        path = tmp_path / "colors.mkv"
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=25)
            stream.height, stream.width, stream.pix_fmt = *size, pixel_format
            stream.codec_context.colorspace, stream.codec_context.color_range = colorspace, color_range
            stream.bit_rate = 8_000_000
            for _ in range(3):
                frame = av.VideoFrame.from_ndarray(smooth_image(size), format="rgb24")
                colors = {"dst_colorspace": colorspace, "dst_color_range": color_range}
                container.mux(stream.encode(frame.reformat(format=pixel_format, **colors)))
            container.mux(stream.encode())
        return path

    return make


KINDS = [
    ("libx264", "yuv420p", 2, 0),
    ("libx264", "yuv420p", 1, 1),
    ("libx264", "yuv420p", 6, 1),
    ("libx264", "yuv420p", 9, 1),
    ("libx264", "yuv420p", 1, 2),
    ("libx264", "yuv420p", 6, 2),
    ("libx264", "yuv422p", 1, 1),
    ("libx264", "yuv444p", 6, 2),
    ("libx264", "yuv420p10le", 1, 1),
    ("libx264", "gray", 2, 0),
    ("libx264", "gray10le", 2, 0),
    ("mjpeg", "yuvj420p", 2, 2),
    ("mjpeg", "yuvj422p", 2, 2),
    ("ffv1", "gray", 2, 0),
    ("ffv1", "bgr0", 2, 0),
    ("ffv1", "yuv444p", 2, 0),
]


ODD_KINDS = [kind for kind in KINDS if kind[0] != "libx264" or kind[1] in ("yuv444p", "gray", "gray10le")]
"""x264 has no odd sizes of other formats."""


@pytest.mark.parametrize(
    ("kind", "size"), [*((kind, (96, 128)) for kind in KINDS), *((kind, (95, 127)) for kind in ODD_KINDS)], ids=str
)
def test_a_copy_looks_like_the_video(
    make_colors: MakeColors, tmp_path: Path, kind: tuple[str, str, int, int], size: tuple[int, int]
):
    source = make_colors(kind[0], kind[1], size, *kind[2:])
    with open_video(source) as video, VideoWriter(tmp_path / "copy.mp4", size, 25, video.colors) as writer:
        for frame in video.planar_frames():
            assert frame.image.shape == (144, 128)
            writer.write_planar(frame.image, frame.time)
    before, after = (patches(next(iter(open_video(path))).image) for path in (source, tmp_path / "copy.mp4"))
    assert np.abs(before - after).max() <= 6  # of another range or matrix it is 10 and more


def patches(image: np.ndarray) -> np.ndarray:
    """The mean colors of 8 x 8 pixels, less some at the right and below."""
    return image[:88, :120].reshape(11, 8, 15, 8, 3).mean(axis=(1, 3))


def test_planar_frames_are_the_same_frames(make_video: MakeVideo):
    with open_video(make_video("a.mp4", stamps=np.cumsum(np.arange(60) % 3 + 20).tolist())) as video:
        rgb = [(frame.index, frame.time) for frame in video.frames(5, 50, 4)]
        assert [(frame.index, frame.time) for frame in video.planar_frames(5, 50, 4)] == rgb


def test_planar_images_are_own_memory_as_stored(make_video: MakeVideo):
    path = make_video("a.mp4")
    with av.open(str(path)) as container:
        decoded = [frame.to_ndarray() for frame in container.decode(video=0)]
    with open_video(path) as video:
        for frame, stored in zip(video.planar_frames(), decoded, strict=True):
            np.testing.assert_array_equal(frame.image, stored)
            frame.image[:] = 0  # which later frames must not show


@pytest.mark.parametrize(("size", "expected"), [((48, 64), (48, 64)), ((47, 64), (48, 64)), ((1, 1), (2, 2))])
def test_padded_sizes_are_even(size: tuple[int, int], expected: tuple[int, int]):
    assert padded_size(size) == expected


def test_a_planar_image_of_another_shape_is_refused(tmp_path: Path):
    with pytest.raises(VideoError, match="expected a uint8 image"), VideoWriter(tmp_path / "a.mp4", (48, 64), 25) as w:
        w.write_planar(np.zeros((48, 64), np.uint8), 0.0)


@pytest.mark.parametrize("last", [0.04, 0.5])
def test_frames_are_shown_at_their_times(tmp_path: Path, last: float):
    times = np.cumsum([7.0, 0.033, 0.034, 0.2, 0.033, 1.5, 0.033, last])
    with VideoWriter(tmp_path / "a.mp4", (48, 64), 25, steady=False) as writer:
        for number, time in enumerate(times):
            writer.write_planar(np.full((72, 64), 20 * number, np.uint8), time)
    video = open_video(tmp_path / "a.mp4")
    np.testing.assert_allclose([frame.time for frame in video], times - times[0], rtol=0, atol=1e-4)
    assert video.duration == pytest.approx(times[-1] - times[0] + 0.04, abs=1e-3)
