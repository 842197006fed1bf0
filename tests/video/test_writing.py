"""Images into video files."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from poetlab.errors import VideoError
from poetlab.video.reading import open_video
from poetlab.video.writing import VideoWriter


def picture(size: tuple[int, int]) -> np.ndarray:
    image = np.zeros((*size, 3), np.uint8)
    image[:, : size[1] // 2] = [220, 30, 40]
    image[size[0] // 2 :, size[1] // 2 :] = [20, 60, 200]
    return image


def write(path: Path, size: tuple[int, int] = (48, 64), fps: float = 25.0, n_frames: int = 10) -> Path:
    with VideoWriter(path, size, fps) as writer:
        for _ in range(n_frames):
            writer.write(picture(size))
    return path


def test_what_is_written_can_be_read(tmp_path: Path):
    frames = list(open_video(write(tmp_path / "a.mp4")))
    assert len(frames) == 10
    np.testing.assert_allclose([frame.time for frame in frames], np.arange(10) / 25, atol=1e-9)
    difference = np.abs(frames[5].image.astype(int) - picture((48, 64)))
    assert np.median(difference) <= 3
    assert difference.mean() < 6


def test_the_format_is_one_that_players_and_browsers_know(tmp_path: Path):
    with av.open(str(write(tmp_path / "a.mp4"))) as container:
        stream = container.streams.video[0]
        assert "mp4" in container.format.name
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"


@pytest.mark.parametrize("size", [(47, 64), (48, 63), (47, 63)])
def test_odd_sizes_are_padded_with_the_edge(tmp_path: Path, size: tuple[int, int]):
    video = open_video(write(tmp_path / "a.mp4", size))
    assert video.size == (48, 64)
    image = next(iter(video)).image.astype(int)
    assert np.abs(image[: size[0], : size[1]] - picture(size)).mean() < 6
    assert np.abs(image[-1] - image[-2]).mean() < 6
    assert np.abs(image[:, -1] - image[:, -2]).mean() < 6


@pytest.mark.parametrize(
    ("fps", "rate"),
    [
        (25.0, Fraction(25)),
        (30000 / 1001, Fraction(30000, 1001)),
        (23.474178403755868, Fraction(5000, 213)),
        (0.5, Fraction(1, 2)),
        (float("nan"), Fraction(30)),
        (0.0, Fraction(30)),
    ],
)
def test_frame_rates_are_exact(tmp_path: Path, fps: float, rate: Fraction):
    with av.open(str(write(tmp_path / "a.mp4", fps=fps))) as container:
        assert container.streams.video[0].average_rate == rate


def test_the_file_appears_only_when_complete(tmp_path: Path):
    path = tmp_path / "a.mp4"
    with VideoWriter(path, (48, 64), 25) as writer:
        writer.write(picture((48, 64)))
        assert not path.exists()
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]


def test_an_error_leaves_an_older_file_and_nothing_else(tmp_path: Path):
    path = write(tmp_path / "a.mp4")
    before = path.read_bytes()

    def fail() -> None:
        with VideoWriter(path, (48, 64), 25) as writer:
            writer.write(picture((48, 64)))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]
    assert path.read_bytes() == before


def test_a_video_without_frames_is_refused(tmp_path: Path):
    with pytest.raises(VideoError, match="no frame"):
        write(tmp_path / "a.mp4", n_frames=0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "image", [np.zeros((48, 65, 3), np.uint8), np.zeros((48, 64, 3)), np.zeros((48, 64), np.uint8)]
)
def test_an_image_of_another_shape_or_type_is_refused(tmp_path: Path, image: np.ndarray):
    with pytest.raises(VideoError, match="expected a uint8 image"), VideoWriter(tmp_path / "a.mp4", (48, 64), 25) as w:
        w.write(image)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_explained(tmp_path: Path):
    with pytest.raises(VideoError, match=r"missing.a\.mp4: the folder .* does not exist"):
        VideoWriter(tmp_path / "missing" / "a.mp4", (48, 64), 25)


def test_a_file_that_cannot_be_written_is_explained(tmp_path: Path):
    (tmp_path / "a.mp4.partial").mkdir()
    with pytest.raises(VideoError, match="writing the video failed"):
        write(tmp_path / "a.mp4")
