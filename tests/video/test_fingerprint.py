"""What identifies a video's content."""

import shutil
from pathlib import Path

import pytest

from poetlab.errors import VideoError
from poetlab.video.fingerprint import fingerprint

MEGABYTE = 1 << 20


def test_name_and_folder_do_not_matter(tmp_path: Path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"some video" * 1000)
    (tmp_path / "other").mkdir()
    copy = shutil.copy(path, tmp_path / "other" / "b.avi")
    assert fingerprint(path) == fingerprint(copy)
    assert len(fingerprint(path)) == 16
    assert set(fingerprint(path)) <= set("0123456789abcdef")


@pytest.mark.parametrize("place", [0, MEGABYTE - 1, 2 * MEGABYTE, 3 * MEGABYTE - 1])
def test_one_byte_at_either_end_matters(tmp_path: Path, place: int):
    content = bytearray(3 * MEGABYTE)
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    before = fingerprint(path)
    content[place] = 1
    path.write_bytes(content)
    assert fingerprint(path) != before


def test_the_size_matters(tmp_path: Path):
    path = tmp_path / "a.mp4"
    path.write_bytes(bytes(3 * MEGABYTE))
    before = fingerprint(path)
    path.write_bytes(bytes(3 * MEGABYTE + 1))
    assert fingerprint(path) != before


def test_an_empty_file_has_one_too(tmp_path: Path):
    path = tmp_path / "a.mp4"
    path.touch()
    assert len(fingerprint(path)) == 16


def test_a_missing_file_is_explained(tmp_path: Path):
    with pytest.raises(VideoError, match=r"missing\.mp4: cannot be read"):
        fingerprint(tmp_path / "missing.mp4")
