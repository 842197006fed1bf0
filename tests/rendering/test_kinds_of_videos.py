"""Poses drawn into videos that store their colors, sizes and times in various ways."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from poetlab.poses import Poses
from poetlab.rendering.colors import PALETTE
from poetlab.rendering.video import Look, render_video
from poetlab.skeleton import Skeleton
from poetlab.video.reading import open_video

MakeGray = Callable[..., Path]

SKELETON = Skeleton("stick", ("left", "right"), (("left", "right"),))
SIZE = (720, 960)
X = (100, 800)
ROWS = (150, 350, 550)


@pytest.fixture
def make_gray(tmp_path: Path) -> MakeGray:
    """Write a gray video: `make_gray(codec, pixel_format, colorspace, color_range, size, stamps)`."""

    def make(
        codec: str = "libx264",
        pixel_format: str = "yuv420p",
        colorspace: int = 2,
        color_range: int = 0,
        size: tuple[int, int] = SIZE,
        stamps: tuple[int, ...] = (0, 40, 80),
        shade: int = 128,
    ) -> Path:
        path = tmp_path / "gray.mkv"
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=25)
            stream.height, stream.width, stream.pix_fmt = *size, pixel_format
            context = stream.codec_context
            context.colorspace, context.color_range = colorspace, color_range
            context.time_base = Fraction(1, 1000)
            for stamp in stamps:
                frame = av.VideoFrame.from_ndarray(np.full((*size, 3), shade, np.uint8), format="rgb24")
                frame = frame.reformat(format=pixel_format, dst_colorspace=colorspace, dst_color_range=color_range)
                frame.pts, frame.time_base = stamp, Fraction(1, 1000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return path

    return make


def poses_at_rest(n_frames: int, size: tuple[int, int] = SIZE, frames: np.ndarray | None = None) -> Poses:
    """Three animals that are horizontal lines; the likelihood of the ends is 1, 1 and 0.5."""
    keypoints = np.zeros((n_frames, 3, 2, 2))
    keypoints[..., 0], keypoints[..., 1] = X, np.array(ROWS)[:, None]
    visibility = np.ones((n_frames, 3, 2)) * [[1.0], [1.0], [0.5]]
    frames = np.arange(n_frames) if frames is None else frames
    facts = {"size": size, "fps": 25.0, "video": "gray.mkv", "model": "m", "tracked": True}
    return Poses(SKELETON, ("a", "b", "c"), keypoints, visibility, np.ones((n_frames, 3)), frames, frames / 25, **facts)  # type: ignore[arg-type]


def render(video: Path, poses: Poses) -> Path:
    path = video.with_name("out.mp4")
    render_video(video, poses, path, look=Look(names=False, trail=0))
    return path


def color_at(image: np.ndarray, x: int, y: int) -> np.ndarray:
    return image[y - 1 : y + 2, x - 1 : x + 2].reshape(-1, 3).astype(float).mean(axis=0)


KINDS = [
    ("libx264", "yuv420p", 2, 0),
    ("libx264", "yuv420p", 1, 1),
    ("libx264", "yuv420p", 6, 1),
    ("libx264", "yuv420p", 1, 2),
    ("libx264", "yuv420p10le", 1, 1),
    ("libx264", "yuv422p", 6, 1),
    ("libx264", "gray", 2, 0),
    ("ffv1", "gray10le", 2, 0),
    ("mjpeg", "yuvj420p", 2, 2),
    ("mjpeg", "yuvj422p", 2, 2),
    ("ffv1", "bgr0", 2, 0),
]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_colors_and_opacity_are_right_in_any_kind_of_video(make_gray: MakeGray, kind: tuple[str, str, int, int]):
    image = list(open_video(render(make_gray(*kind), poses_at_rest(3))))[1].image
    for individual, (y, opacity) in enumerate(zip(ROWS, (1, 1, 0.5), strict=True)):
        expected = 128 + opacity * (np.array(PALETTE[individual]) - 128)
        for x in X:
            assert np.abs(color_at(image, x, y) - expected).max() < 12, "dot"
        along = image[y, 300:600].astype(float).mean(axis=0)
        assert np.abs(along - expected).max() < 25, "line"
    background = image[200:300].astype(float)
    assert np.abs(background - 128).max() <= 5


@pytest.mark.parametrize("size", [(719, 960), (720, 959), (719, 959)])
def test_odd_sizes(make_gray: MakeGray, size: tuple[int, int]):
    with open_video(render(make_gray("mjpeg", "yuvj420p", 2, 2, size), poses_at_rest(3, size))) as video:
        assert video.size == (720, 960)
        image = next(iter(video)).image
    assert np.abs(color_at(image, X[0], ROWS[0]) - PALETTE[0]).max() < 12
    assert np.abs(image[-2:].astype(int) - 128).max() <= 5
    assert np.abs(image[:, -2:].astype(int) - 128).max() <= 5


@pytest.mark.parametrize("stride", [1, 3])
def test_each_frame_is_shown_at_its_time(make_gray: MakeGray, stride: int):
    stamps = np.cumsum([0, *([40] * 10), 200, 40, 1500, 33, 34, 40, 40, 700])
    video = make_gray(stamps=tuple(stamps.tolist()), size=(48, 64))
    poses = poses_at_rest(len(range(0, 19, stride)), (48, 64), np.arange(0, 19, stride))
    poses.times[:] = stamps[::stride] / 1000
    times = [frame.time for frame in open_video(render(video, poses))]
    np.testing.assert_allclose(times, stamps[::stride] / 1000, rtol=0, atol=1e-4)


def test_the_source_keeps_its_own_colors(make_gray: MakeGray):
    """Also where it does not say which matrix it has: then the rendered video does not say either."""
    for colorspace, color_range in ((2, 1), (1, 1), (6, 2)):
        with av.open(
            str(render(make_gray("libx264", "yuv420p", colorspace, color_range), poses_at_rest(3)))
        ) as container:
            context = container.streams.video[0].codec_context
            assert context.colorspace == colorspace
            assert (context.color_range == 2) == (color_range == 2)
