"""The video of a result file is found where it was analyzed, also after both were moved."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from poetlab.errors import VideoError
from poetlab.poses import Poses
from poetlab.results.reading import read_attributes, read_poses
from poetlab.results.rewriting import rewrite_results, write_poses
from poetlab.results.source_video import find_video
from poetlab.video.fingerprint import fingerprint

MakeResult = Callable[..., Path]


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A folder with a video in one of its folders, and an empty project in another."""
    for folder in ("lab/flies", "lab/project/results"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "lab/flies/x.mp4").write_bytes(b"the frames of the video")
    return tmp_path / "lab"


def analyze(make_result: MakeResult, path: Path, video: Path, *, stated: bool = True) -> Path:
    place = {"video_path": video} if stated else {}
    return make_result(path, video=video.name, video_fingerprint=fingerprint(video), **place)


@pytest.fixture
def result(lab: Path, make_result: MakeResult) -> Path:
    return analyze(make_result, lab / "project/results/x.h5", lab / "flies/x.mp4")


def test_the_path_leads_from_the_folder_of_the_result(result: Path, lab: Path) -> None:
    assert read_attributes(result)["video_path"] == "../../flies/x.mp4"
    assert find_video(result).samefile(lab / "flies/x.mp4")


def test_relative_paths_are_from_the_current_folder(
    lab: Path, make_result: MakeResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(lab / "project")
    path = analyze(make_result, Path("results/x.h5"), Path("../flies/x.mp4"))
    assert read_attributes(path)["video_path"] == "../../flies/x.mp4"
    monkeypatch.chdir("/")
    assert find_video(lab / "project" / path).samefile(lab / "flies/x.mp4")


def test_what_is_moved_together_stays_together(result: Path, lab: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere" / "deeper"
    moved.parent.mkdir()
    lab.rename(moved)
    found = find_video(moved / result.relative_to(lab))
    assert found.samefile(moved / "flies/x.mp4")


def test_the_stated_place_comes_first_and_the_others_follow(result: Path, lab: Path) -> None:
    beside = Path(shutil.copy(lab / "flies/x.mp4", result.parent))
    assert find_video(result).samefile(lab / "flies/x.mp4")
    (lab / "flies/x.mp4").write_bytes(b"another recording")
    assert find_video(result) == beside
    (lab / "flies/x.mp4").unlink()
    assert find_video(result) == beside


def test_another_video_in_the_stated_place_is_refused(result: Path, lab: Path) -> None:
    (lab / "flies/x.mp4").write_bytes(b"another recording")
    with pytest.raises(VideoError, match=r"flies/x.mp4: has the name of the video of .* but is another"):
        find_video(result)


def test_a_video_that_is_gone_is_said_with_its_place(result: Path, lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(lab / "project")
    (lab / "flies/x.mp4").unlink()
    with pytest.raises(VideoError) as raised:
        find_video(result.relative_to(lab / "project"))
    assert str(raised.value) == (
        "x.mp4: the video is not beside results/x.h5, nor where it was (../flies/x.mp4); "
        "name it with --video, or its folder with --videos"
    )


def test_files_that_do_not_state_it_work_as_before(lab: Path, make_result: MakeResult) -> None:
    path = analyze(make_result, lab / "project/results/x.h5", lab / "flies/x.mp4", stated=False)
    assert "video_path" not in read_attributes(path)
    with pytest.raises(VideoError, match=r"the video is not beside \S+x.h5; name it with --video"):
        find_video(path)
    beside = Path(shutil.copy(lab / "flies/x.mp4", path.parent))
    assert find_video(path) == beside
    rewritten = path.with_name("new.h5")
    rewrite_results(path, rewritten, individuals=("a",), slots=np.full(11, -1), tracked=True)
    assert "video_path" not in read_attributes(rewritten)


def rewrite(source: Path, path: Path, poses: Poses) -> None:
    slots = np.concatenate([np.arange((scores > 0).sum()) for scores in poses.scores])
    rewrite_results(source, path, individuals=("ada", "bob"), slots=slots, tracked=True)


def write(source: Path, path: Path, poses: Poses) -> None:
    write_poses(path, poses, like=source)


@pytest.mark.parametrize("make", [rewrite, write])
@pytest.mark.parametrize("video_is_there", [True, False])
@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("project/results", "../../flies/x.mp4"),
        ("project/results/tracked/late", "../../../../flies/x.mp4"),
        ("flies", "x.mp4"),
        ("", "flies/x.mp4"),
    ],
)
def test_what_is_made_of_a_result_states_the_path_from_its_own_folder(
    make: Callable[[Path, Path, Poses], None], result: Path, lab: Path, folder: str, expected: str, *,
    video_is_there: bool,
) -> None:  # fmt: skip
    (lab / folder).mkdir(parents=True, exist_ok=True)
    if not video_is_there:
        (lab / "flies/x.mp4").unlink()
    make(result, lab / folder / "new.h5", read_poses(result))
    assert read_attributes(lab / folder / "new.h5")["video_path"] == expected
    if video_is_there:
        assert find_video(lab / folder / "new.h5").samefile(lab / "flies/x.mp4")


@pytest.mark.skipif(os.name != "posix", reason="making links needs rights on other systems")
@pytest.mark.parametrize("linked", ["results", "videos"])
def test_a_linked_folder_does_not_mislead(lab: Path, make_result: MakeResult, tmp_path: Path, linked: str) -> None:
    (tmp_path / "big/disk/data").mkdir(parents=True)
    if linked == "results":
        (lab / "project/results").rmdir()
        (lab / "project/results").symlink_to(tmp_path / "big/disk/data", target_is_directory=True)
        video, expected = lab / "flies/x.mp4", "../../../lab/flies/x.mp4"
    else:
        (lab / "project/videos").symlink_to(tmp_path / "big/disk/data", target_is_directory=True)
        video = Path(shutil.copy(lab / "flies/x.mp4", lab / "project/videos"))
        expected = "../videos/x.mp4"
    path = analyze(make_result, lab / "project/results/x.h5", video)
    assert read_attributes(path)["video_path"] == expected
    assert find_video(path).samefile(video)
    (lab / "project/new").mkdir()
    write(path, lab / "project/new/x.h5", read_poses(path))
    assert find_video(lab / "project/new/x.h5").samefile(video)


def test_between_drives_the_path_is_absolute(
    lab: Path, make_result: MakeResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: object, start: object) -> str:
        raise ValueError(f"path is on mount {path}, start on mount {start}")

    monkeypatch.setattr(os.path, "relpath", refuse)
    monkeypatch.chdir(lab)
    path = analyze(make_result, Path("project/results/x.h5"), Path("flies/x.mp4"))
    assert read_attributes(path)["video_path"] == (lab / "flies/x.mp4").as_posix()
    assert find_video(path).samefile(lab / "flies/x.mp4")


def test_a_folder_whose_name_is_not_unicode_is_not_stated(lab: Path, make_result: MakeResult) -> None:
    video = lab / "M\udce4use" / "x.mp4"  # as Python has a Latin-1 name; it need not be there
    path = make_result(lab / "project/results/x.h5", video="x.mp4", video_path=video)
    assert "video_path" not in read_attributes(path)


def test_it_is_plain_text_in_the_file(result: Path) -> None:
    with h5py.File(result) as file:
        assert file["poetlab"].attrs["video_path"] == "../../flies/x.mp4"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs rights that can be taken away")
def test_a_place_that_may_not_be_entered_is_passed_over(result: Path, lab: Path) -> None:
    beside = Path(shutil.copy(lab / "flies/x.mp4", result.parent))
    (lab / "flies").chmod(0)
    try:
        assert find_video(result) == beside
    finally:
        (lab / "flies").chmod(0o755)
