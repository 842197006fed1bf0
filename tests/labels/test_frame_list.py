"""Frames that a user names."""

from pathlib import Path

import pytest

from poetlab.errors import LabelError
from poetlab.labels.frame_list import read_frame_list

CAM = Path("/data/day1/cam.mp4")


def test_numbers_are_of_every_video() -> None:
    listed = read_frame_list("12,3,12")
    assert listed.of(CAM) == [3, 12]
    listed.check_all_used([CAM])


@pytest.mark.parametrize("name", ["cam.mp4", "day1/cam.mp4", "day1-cam.mp4", "/data/day1/cam.mp4", "day1\\cam.mp4"])
def test_a_table_names_videos_with_as_many_folders_as_it_likes(tmp_path: Path, name: str) -> None:
    path = tmp_path / "frames.csv"
    path.write_text(f"score,frame,video\n0.5,7,{name}\n0.4,2,{name}\n0.4,2,other.mp4\n", encoding="utf-8")
    listed = read_frame_list(path)
    assert listed.of(CAM) == [2, 7]
    with pytest.raises(LabelError, match=r"lists frames of 'other\.mp4', but none of the results is of that video"):
        listed.check_all_used([CAM])
    listed.check_all_used([CAM, Path("other.mp4")])


def test_a_name_of_two_videos_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "frames.csv"
    path.write_text("video,frame\ncam.mp4,7\n")
    with pytest.raises(LabelError, match=r"'cam\.mp4' may be"):
        read_frame_list(path).check_all_used([CAM, Path("/data/day2/cam.mp4")])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("name,frame\na,1\n", "has no column 'video'"),
        ("video,frame\n", "lists no frame"),
        ("video,frame\na.mp4,-1\n", "line 2: 'a.mp4,-1' is no video and frame"),
        ("video,frame\na.mp4\n", "line 2"),
        ('video,frame\n"a.mp4,1\n', "not a CSV file"),
        ("", "has no column 'video'"),
    ],
)
def test_a_table_of_another_form_is_refused(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "frames.csv"
    path.write_text(content)
    with pytest.raises(LabelError, match=words):
        read_frame_list(path)


@pytest.mark.parametrize("text", ["suggested", "1;2", "1, 2", "-3", ""])
def test_what_is_neither_numbers_nor_a_file_is_refused(text: str) -> None:
    with pytest.raises(LabelError, match=r"neither numbers|cannot be read"):
        read_frame_list(text)
