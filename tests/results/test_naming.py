"""No two videos share a file."""

from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import pytest

from poetlab.errors import ResultsError
from poetlab.poses import Instances
from poetlab.results.naming import labeled_video_path, result_path
from poetlab.results.reading import read_attributes
from poetlab.results.writing import ResultsWriter

WriteResults = Callable[..., Path]

FIRST = "aaaaaaaa00000000"
SECOND = "bbbbbbbb00000000"
THIRD = "cccccccc00000000"


def test_the_name_is_the_videos(tmp_path: Path):
    assert result_path(tmp_path, "/videos/mouse.day1.mp4", FIRST) == tmp_path / "mouse.day1.h5"


def test_a_video_gets_its_own_file_again(tmp_path: Path, write_results: WriteResults, frames: list[Instances]):
    write_results(frames, "mouse.h5", video_fingerprint=FIRST)
    assert result_path(tmp_path, "elsewhere/mouse.mp4", FIRST) == tmp_path / "mouse.h5"


@pytest.mark.parametrize("order", list(permutations([FIRST, SECOND, THIRD])))
def test_videos_of_one_name_never_overwrite_each_other(
    tmp_path: Path, write_results: WriteResults, frames: list[Instances], order: tuple[str, ...]
):
    written = {}
    for _ in range(2):
        for fingerprint in order:
            path = result_path(tmp_path, f"camera_{fingerprint}/mouse.mp4", fingerprint)
            assert written.setdefault(fingerprint, path) == path
            write_results(frames, path.name, video_fingerprint=fingerprint)
    assert len(set(written.values())) == 3
    for fingerprint, path in written.items():
        assert read_attributes(path)["video_fingerprint"] == fingerprint


def test_a_stopped_run_of_another_video_is_left_alone_and_found_again(
    tmp_path: Path, open_writer: Callable[..., ResultsWriter], frames: list[Instances]
):
    for name, fingerprint in (("mouse.h5", FIRST), ("mouse_bbbbbbbb.h5", SECOND)):
        assert result_path(tmp_path, "mouse.mp4", fingerprint) == tmp_path / name
        with open_writer(name, video_fingerprint=fingerprint) as writer:
            writer.append([0], frames[:1], [0])
    assert result_path(tmp_path, "mouse.mp4", FIRST) == tmp_path / "mouse.h5"
    (tmp_path / "mouse.h5.partial").unlink()
    assert result_path(tmp_path, "mouse.mp4", SECOND) == tmp_path / "mouse_bbbbbbbb.h5"


def test_a_file_that_cannot_be_read_is_left_alone(tmp_path: Path):
    (tmp_path / "mouse.h5").write_text("my notes")
    assert result_path(tmp_path, "mouse.mp4", FIRST) == tmp_path / "mouse_aaaaaaaa.h5"


def test_when_both_names_are_taken_nothing_is_overwritten(tmp_path: Path):
    (tmp_path / "mouse.h5").write_text("my notes")
    (tmp_path / "mouse_aaaaaaaa.h5").write_text("more notes")
    with pytest.raises(ResultsError, match=r"mouse_aaaaaaaa\.h5: exists, but is not of mouse\.mp4"):
        result_path(tmp_path, "mouse.mp4", FIRST)


def test_the_labeled_video_lies_beside_the_results():
    assert labeled_video_path("results/mouse.day1.h5") == Path("results/mouse.day1_labeled.mp4")
