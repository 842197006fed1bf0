"""Frames out of healthy, odd, damaged and foreign files."""

import math
import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from poetlab.errors import VideoError
from poetlab.video.reading import Frame, open_video

MakeVideo = Callable[..., Path]

IDENTITY_MATRIX = bytes.fromhex("00010000 00000000 00000000 00000000 00010000 00000000 00000000 00000000 40000000")
CLOCKWISE_MATRIX = bytes.fromhex("00000000 00010000 00000000 ffff0000 00000000 00000000 00000000 00000000 40000000")
COUNTERCLOCKWISE_MATRIX = bytes.fromhex(
    "00000000 ffff0000 00000000 00010000 00000000 00000000 00000000 00000000 40000000"
)
UPSIDE_DOWN_MATRIX = bytes.fromhex("ffff0000 00000000 00000000 00000000 ffff0000 00000000 00000000 00000000 40000000")


def index_in_image(image: np.ndarray) -> int:
    """Which frame of a `make_video` file this is, by its eight dark and bright stripes."""
    stripes = image.reshape(image.shape[0], 8, -1).mean(axis=(0, 2))
    return int((stripes > 120) @ (1 << np.arange(8)))


def assert_frames(frames: list[Frame], indices: list[int]) -> None:
    assert [frame.index for frame in frames] == list(range(len(indices)))
    assert [index_in_image(frame.image) for frame in frames] == indices


def truncate(path: Path, share: float) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    return path


def zero_out(path: Path, start: float, end: float) -> Path:
    content = bytearray(path.read_bytes())
    first, last = int(start * len(content)), int(end * len(content))
    content[first:last] = bytes(last - first)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format"),
    [
        ("a.mp4", "libx264", "yuv420p"),
        ("a.mov", "libx264", "yuv420p"),
        ("a.mkv", "libx264", "yuv420p"),
        ("a.avi", "libx264", "yuv420p"),  # frames are reordered, which AVI has no stamps for
        ("old.avi", "mpeg4", "yuv420p"),
        ("camera.avi", "mjpeg", "yuvj420p"),
        ("gray.avi", "ffv1", "gray"),
        ("deep.mkv", "ffv1", "yuv420p10le"),
        ("a.mpg", "mpeg2video", "yuv420p"),
        ("a.webm", "libvpx", "yuv420p"),
    ],
)
def test_every_frame_comes_once_in_order_with_its_time(make_video: MakeVideo, name: str, codec: str, pixel_format: str):
    with open_video(make_video(name, codec=codec, pixel_format=pixel_format)) as video:
        frames = list(video)
    assert_frames(frames, list(range(60)))
    np.testing.assert_allclose([frame.time for frame in frames], np.arange(60) / 25, atol=1e-3)
    assert video.problems == ()


def test_metadata(make_video: MakeVideo):
    path = make_video("a.mp4", fps=30000 / 1001)
    video = open_video(path)
    assert video.path == path
    assert video.size == (48, 64)
    assert video.fps == pytest.approx(30000 / 1001)
    assert video.n_frames_estimate == 60
    assert video.duration == pytest.approx(60 * 1001 / 30000, abs=1e-3)


def test_images_are_contiguous_rgb(tmp_path: Path):
    picture = np.zeros((32, 48, 3), np.uint8)
    picture[:, :24] = [220, 30, 40]
    picture[16:, 24:] = [20, 60, 200]
    path = tmp_path / "colors.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.height, stream.width, stream.pix_fmt = 32, 48, "bgr0"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    (frame,) = open_video(path)
    np.testing.assert_array_equal(frame.image, picture)
    assert frame.image.dtype == np.uint8
    assert frame.image.flags.c_contiguous


@pytest.mark.parametrize("name", ["variable.mp4", "variable.mkv"])
def test_variable_frame_rate_keeps_every_frame_at_its_own_time(make_video: MakeVideo, name: str):
    stamps = np.cumsum(np.random.default_rng(0).integers(5, 80, 60))
    frames = list(open_video(make_video(name, stamps=stamps.tolist())))
    assert_frames(frames, list(range(60)))
    np.testing.assert_allclose([frame.time for frame in frames], (stamps - stamps[0]) / 1000, atol=1e-4)


@pytest.mark.parametrize(
    ("matrix", "n_quarter_turns"),
    [(IDENTITY_MATRIX, 0), (COUNTERCLOCKWISE_MATRIX, 1), (UPSIDE_DOWN_MATRIX, 2), (CLOCKWISE_MATRIX, 3)],
)
def test_frames_are_turned_as_a_player_shows_them(tmp_path: Path, matrix: bytes, n_quarter_turns: int):
    picture = np.zeros((32, 48, 3), np.uint8)
    picture[:16, :24] = 200
    path = tmp_path / "turned.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.height, stream.width, stream.pix_fmt = 32, 48, "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    content = path.read_bytes()
    track_header = content.index(b"tkhd")
    place = content.index(IDENTITY_MATRIX, track_header)
    path.write_bytes(content[:place] + matrix + content[place + len(matrix) :])
    video = open_video(path)
    (frame,) = video
    expected = np.rot90(picture, n_quarter_turns)
    assert frame.image.shape == expected.shape
    assert video.size == expected.shape[:2]
    assert np.abs(frame.image.astype(int) - expected).mean() < 5


def test_frames_that_the_file_hides_are_not_shown_and_not_missed(make_video: MakeVideo, tmp_path: Path):
    with av.open(str(make_video("whole.mp4"))) as whole, av.open(str(tmp_path / "trimmed.mp4"), "w") as trimmed:
        source = whole.streams.video[0]
        target = trimmed.add_stream_from_template(source)
        five_frames = round(5 / 25 / source.time_base)
        for packet in whole.demux(source):
            if packet.dts is not None:
                packet.pts -= five_frames
                packet.dts -= five_frames
                packet.stream = target
                trimmed.mux(packet)
    video = open_video(tmp_path / "trimmed.mp4")
    assert_frames(list(video), list(range(5, 60)))
    assert video.problems == ()


def test_each_iteration_starts_at_the_first_frame(make_video: MakeVideo):
    with open_video(make_video("a.mp4")) as video:
        for frame in video:
            if frame.index == 7:
                break
        assert_frames(list(video), list(range(60)))


@pytest.mark.parametrize(
    ("start", "stop", "stride"), [(0, 9, 1), (7, None, 1), (13, 50, 6), (59, None, 3), (58, 999, 2)]
)
@pytest.mark.parametrize("kind", ["healthy", "variable", "reordered.avi", "damaged"])
def test_some_frames_are_the_same_as_among_all(
    make_video: MakeVideo, kind: str, start: int, stop: int | None, stride: int
):
    stamps = np.cumsum(np.random.default_rng(1).integers(5, 80, 60)).tolist() if kind == "variable" else None
    path = make_video("a.avi" if kind.endswith("avi") else "a.mp4", stamps=stamps)
    if kind == "damaged":
        zero_out(path, 0.4, 0.5)
    with open_video(path) as video:
        every = {frame.index: frame for frame in video}
        some = list(video.frames(start, stop, stride))
    assert [frame.index for frame in some] == [index for index in range(start, stop or 60, stride) if index in every]
    for frame in some:
        assert frame.time == every[frame.index].time
        np.testing.assert_array_equal(frame.image, every[frame.index].image)


@pytest.mark.parametrize("name", ["a.mp4", "reordered.avi"])
def test_picked_frames_are_the_same_as_among_all_in_ascending_order(make_video: MakeVideo, name: str):
    with open_video(make_video(name)) as video:
        every = list(video)
        picked = list(video.pick([40, 3, 59, 3, 1000]))
        assert list(video.pick([])) == []
    assert [frame.index for frame in picked] == [3, 40, 59]
    for frame in picked:
        assert frame.time == every[frame.index].time
        np.testing.assert_array_equal(frame.image, every[frame.index].image)


def test_what_lies_behind_the_last_frame_asked_for_is_no_problem(make_video: MakeVideo):
    video = open_video(truncate(make_video("cut.mp4", movflags="faststart"), 0.5))
    assert len(list(video.frames(stop=10))) == 10
    assert video.problems == ()
    assert len(list(video.frames(stop=1000))) < 60
    assert any("announces 60 frames" in problem for problem in video.problems)


def test_leaving_the_with_statement_ends_iterations(make_video: MakeVideo):
    with open_video(make_video("a.mp4")) as video:
        iteration = iter(video)
        next(iteration)
    assert list(iteration) == []


def test_memory_does_not_grow_with_the_video(make_video: MakeVideo):
    path = make_video("long.mp4", n_frames=70, size=(240, 320))
    frame_bytes = 240 * 320 * 3
    tracemalloc.start()
    try:
        n_frames = sum(1 for _ in open_video(path))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert n_frames == 70
    assert peak < 6 * frame_bytes


def test_a_name_with_a_colon_is_no_address(make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch):
    path = make_video("a.mp4")
    shutil.copy(path, path.with_name("cam1:2.mp4"))
    monkeypatch.chdir(path.parent)
    assert len(list(open_video("cam1:2.mp4"))) == 60


def make_sound(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def test_unusable_files_are_explained_in_one_line(make_video: MakeVideo, tmp_path: Path):
    cases = {
        tmp_path / "missing.mp4": "no such file",
        tmp_path: "folder",
        tmp_path / "empty.mp4": "empty",
        tmp_path / "text.mp4": "not a video",
        truncate(make_video("cut.mp4"), 0.6): "cut off",
        make_sound(tmp_path / "sound.mp4"): "no video",
    }
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("not a video\n" * 100)
    for path, reason in cases.items():
        with pytest.raises(VideoError) as caught:
            open_video(path)
        message = str(caught.value)
        assert str(path) in message
        assert reason in message
        assert "\n" not in message


def test_a_video_without_one_decodable_frame_is_refused(make_video: MakeVideo):
    path = zero_out(make_video("dead.mp4", movflags="faststart"), 0.3, 1.0)
    content = path.read_bytes()
    data_start = content.index(b"mdat") + 4
    path.write_bytes(content[:data_start] + bytes(len(content) - data_start))
    with pytest.raises(VideoError, match="no frame of this video can be decoded"):
        open_video(path)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("cut.mkv", {"cluster_time_limit": "200"}),
        ("cut.avi", {"codec": "mjpeg", "pixel_format": "yuvj420p"}),
        ("cut.mp4", {"movflags": "faststart"}),
    ],
)
def test_a_cut_off_video_gives_its_first_frames_and_a_note(make_video: MakeVideo, name: str, options: dict[str, str]):
    video = open_video(truncate(make_video(name, **options), 0.5))
    frames = list(video)
    assert 20 < len(frames) < 40
    assert_frames(frames[:-1], list(range(len(frames) - 1)))
    assert any("announces" in problem for problem in video.problems)


def test_no_decodable_frame_of_a_cut_off_video_is_lost_to_threads(make_video: MakeVideo):
    path = truncate(make_video("cut.mp4", movflags="faststart"), 0.51)
    n_single_threaded = 0
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "NONE"
        for packet in container.demux(video=0):
            try:
                n_single_threaded += len(packet.decode())
            except av.FFmpegError:
                continue
    assert len(list(open_video(path))) == n_single_threaded


def test_damage_in_the_middle_does_not_end_the_video(make_video: MakeVideo, capfd: pytest.CaptureFixture[str]):
    video = open_video(zero_out(make_video("damaged.mp4"), 0.4, 0.55))
    frames = list(video)
    times = np.array([frame.time for frame in frames])
    assert 40 < len(frames) < 60
    assert (np.diff(times) > 0).all()
    assert times[-1] == pytest.approx(59 / 25)
    assert any("skipped" in problem for problem in video.problems)
    assert any("announces 60 frames" in problem for problem in video.problems)
    assert capfd.readouterr() == ("", "")


def test_an_index_that_points_nowhere_ends_the_video_with_a_note(make_video: MakeVideo):
    path = make_video("misguided.mp4")
    content = bytearray(path.read_bytes())
    sizes_of_packets = content.index(b"stsz") + 16
    content[sizes_of_packets + 4 * 30 : sizes_of_packets + 4 * 33] = bytes.fromhex("3fffffff") * 3
    path.write_bytes(content)
    video = open_video(path)
    assert len(list(video)) == 30
    assert "parts of the file could not be read" in video.problems


def test_a_change_of_size_is_scaled_away_and_noted(make_video: MakeVideo, tmp_path: Path):
    small = make_video("small.h264", n_frames=20)
    large = make_video("large.h264", n_frames=20, size=(96, 128))
    both = tmp_path / "both.h264"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    video = open_video(both)
    frames = list(video)
    assert {frame.image.shape for frame in frames} == {(48, 64, 3)}
    assert_frames(frames, [*range(20), *range(20)])
    assert any("another size" in problem and problem.endswith(": 20") for problem in video.problems)


def test_unknown_duration_is_nan(make_video: MakeVideo):
    video = open_video(make_video("raw.h264"))
    assert math.isnan(video.duration)
    assert video.n_frames_estimate is None
    np.testing.assert_allclose([frame.time for frame in video], np.arange(60) / 25, atol=1e-6)


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "n_frames", "size"),
    [
        ("flies_pair/video.mp4", 1100, (384, 384)),
        ("flies_clip13/video.mp4", 1500, (1024, 1024)),
        ("mice_pair/video.mp4", 1410, (768, 1024)),
        ("mirror_mouse/videos/test_vid.mp4", 994, (406, 396)),
    ],
)
def test_real_recordings_have_their_known_frames(shared_data: Path, name: str, n_frames: int, size: tuple[int, int]):
    n_read = 0
    with open_video(shared_data / name) as video:
        for frame in video:
            assert frame.image.shape == (*size, 3)
            assert frame.time == pytest.approx(frame.index / video.fps, abs=1e-6)
            n_read += 1
    assert n_read == n_frames
    assert video.problems == ()
