"""Frames of videos as images to import."""

from pathlib import Path, PurePosixPath

import av
import numpy as np
import pytest
from PIL import Image

from poetlab.errors import LabelError, VideoError
from poetlab.labels.video_frames import SourceVideo, distinct_names, locate_videos

SIZE = (48, 64)


def make_video(path: Path, n_frames: int = 60, *, is_gray: bool = False) -> Path:
    random = np.random.default_rng(0)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"g": "12"})
        stream.height, stream.width = SIZE
        stream.pix_fmt = "gray" if is_gray else "yuv420p"
        for index in range(n_frames):
            image = random.integers(0, 200, (*SIZE, 3)).astype(np.uint8)
            image[: index % 48] = index
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


def located(path: Path) -> SourceVideo:
    video = SourceVideo(path.name)
    locate_videos([video.frame(0)], (path.parent,), as_written=True)
    return video


@pytest.mark.parametrize("is_gray", [False, True])
def test_frames_in_any_order_are_those_of_a_full_decode(tmp_path: Path, is_gray: bool) -> None:
    video = located(make_video(tmp_path / "a.mp4", is_gray=is_gray))
    frames = [video.frame(index) for index in (3, 40, 59, 0, 40)]
    assert frames[0].inspect().size == SIZE
    with av.open(str(tmp_path / "a.mp4")) as container:
        every = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    for frame in frames:
        frame.write(tmp_path / "a.png")
        with Image.open(tmp_path / "a.png") as image:
            assert image.mode == ("L" if is_gray else "RGB")
            np.testing.assert_array_equal(np.asarray(image.convert("RGB")), every[frame.index])


def test_frames_behind_damage_are_refused_and_those_before_it_are_not(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4")
    content = bytearray(path.read_bytes())
    start, end = int(0.5 * len(content)), int(0.6 * len(content))
    content[start:end] = bytes(end - start)
    path.write_bytes(content)
    located(path).frame(5).write(tmp_path / "a.png")
    with pytest.raises(LabelError, match=r"a\.mp4: .*which frame is which is not sure; repair the video"):
        located(path).frame(55).write(tmp_path / "b.png")
    assert not (tmp_path / "b.png").exists()


def test_a_file_that_is_no_video_and_a_frame_that_is_not_there_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("no video")
    with pytest.raises(VideoError, match=r"a\.mp4"):
        located(tmp_path / "a.mp4").frame(0).inspect()
    with pytest.raises(LabelError, match="has no frame 60, which the labels are of"):
        located(make_video(tmp_path / "b.mp4")).frame(60).write(tmp_path / "b.png")
    with pytest.raises(LabelError, match=r"c\.mp4 has not been found"):
        SourceVideo("c.mp4").frame(0).inspect()


@pytest.mark.parametrize("written", ["D:\\data\\monday\\a.mp4", "/gone/monday/a.mp4", "../monday/a.mp4"])
def test_a_video_is_looked_for_with_ever_fewer_of_its_folders(tmp_path: Path, written: str) -> None:
    for place in ("x/a.mp4", "x/monday/a.mp4"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).touch()
        video = SourceVideo(written)
        locate_videos([video.frame(0)], (tmp_path / "y", tmp_path / "x"), as_written=False)
        assert video.path == tmp_path / place


def test_the_written_path_comes_first_unless_the_caller_says_where(tmp_path: Path) -> None:
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.mp4").touch()
    video = SourceVideo(str(tmp_path / "there" / "a.mp4"))
    for as_written, folder in ((True, "there"), (False, "here")):
        locate_videos([video.frame(0)], (tmp_path / "here",), as_written=as_written)
        assert video.path == tmp_path / folder / "a.mp4"


def test_missing_videos_are_all_named(tmp_path: Path) -> None:
    (tmp_path / "b.mp4").touch()
    with pytest.raises(LabelError, match=r"the labeled videos a\.mp4, c\.mp4 are not in .*give their folder"):
        locate_videos([SourceVideo(f"{name}.mp4").frame(0) for name in "abc"], (tmp_path,), as_written=True)


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        ([], []),
        (["/data/a.mp4"], ["a.mp4"]),
        (["/x/a.mp4", "/y/b.mp4"], ["a.mp4", "b.mp4"]),
        (["/x/a.mp4", "/y/a.avi"], ["x/a.mp4", "y/a.avi"]),
        (["a.mp4", "x/a.mp4"], ["a.mp4", "x/a.mp4"]),
        (["x/a.mp4", "x/a.avi"], ["0/a.mp4", "1/a.avi"]),
        (["../a.mp4", ".."], ["a.mp4", "video"]),
    ],
)
def test_names_are_as_short_as_they_can_be_told_apart(paths: list[str], names: list[str]) -> None:
    assert distinct_names(paths) == [PurePosixPath(name) for name in names]
