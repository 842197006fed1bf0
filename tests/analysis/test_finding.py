"""Which videos are meant by files, folders and patterns."""

from pathlib import Path

import pytest

from poetlab.analysis.finding import FoundVideo, find_videos


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Folders with videos and other things, by their names alone."""
    for name in (
        "recordings/a.mp4",
        "recordings/notes.txt",
        "recordings/._a.mp4",
        "recordings/.trash/old.mp4",
        "recordings/day1/cam1.MP4",
        "recordings/day1/cam2.avi",
        "recordings/day1/cam2.h5",
        "recordings/day1/cam2_labeled.mp4",
        "recordings/day1/mine_labeled.mp4",
        "recordings/day2/late/cam1.mkv",
        "recordings/empty/readme.md",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "recordings"


def names(found: list[FoundVideo], base: Path) -> list[tuple[str, str]]:
    assert all(video.problem is None for video in found)
    return [(video.path.relative_to(base).as_posix(), video.folder.as_posix()) for video in found]


def test_a_folder_gives_the_videos_in_it_and_its_folders(recordings: Path) -> None:
    assert names(find_videos([recordings]), recordings) == [
        ("a.mp4", "."),
        ("day1/cam1.MP4", "day1"),
        ("day1/cam2.avi", "day1"),
        ("day1/mine_labeled.mp4", "day1"),
        ("day2/late/cam1.mkv", "day2/late"),
    ]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.mp4", [("a.mp4", ".")]),
        ("*/cam*", [("day1/cam1.MP4", "day1"), ("day1/cam2.avi", "day1")]),
        ("**/cam1.*", [("day1/cam1.MP4", "day1"), ("day2/late/cam1.mkv", "day2/late")]),
        ("day1/cam[2-9].*", [("day1/cam2.avi", ".")]),
        ("day[2]", [("day2/late/cam1.mkv", "day2/late")]),
    ],
)
def test_a_pattern_gives_what_matches_and_mirrors_from_its_first_wildcard(
    recordings: Path, pattern: str, expected: list[tuple[str, str]]
) -> None:
    assert names(find_videos([recordings / pattern]), recordings) == expected


def test_patterns_and_folders_work_from_the_current_folder(recordings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(recordings)
    assert [str(video.path) for video in find_videos(["*.mp4", "day2"])] == ["a.mp4", "day2/late/cam1.mkv"]


def test_a_video_is_there_once_however_often_it_is_meant(recordings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(recordings)
    (recordings / "link.mp4").symlink_to("a.mp4")
    found = find_videos(["day1/../a.mp4", "a.mp4", recordings, "*.mp4", recordings / "day1"])
    assert [video.path.name for video in found] == ["a.mp4", "cam1.MP4", "cam2.avi", "mine_labeled.mp4", "cam1.mkv"]


def test_a_named_file_is_taken_at_its_word(recordings: Path) -> None:
    named = [recordings / "notes.txt", recordings / "missing.mp4", recordings / "day1" / "cam2_labeled.mp4"]
    assert find_videos(named) == [FoundVideo(path) for path in named]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(recordings: Path) -> None:
    odd = recordings / "a[1].mp4"
    odd.touch()
    (recordings / "a1.mp4").touch()
    assert find_videos([odd]) == [FoundVideo(odd)]


def test_a_folder_or_pattern_without_videos_has_a_problem(recordings: Path) -> None:
    folder, pattern = find_videos([recordings / "empty", recordings / "*.mov"])
    assert folder.path == recordings / "empty"
    assert "no video in this folder" in str(folder.problem)
    assert pattern.path == recordings / "*.mov"
    assert "no video matches" in str(pattern.problem)
