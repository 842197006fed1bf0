"""Importing zip archives: harmless ones of any format, and none that could do harm."""

import json
import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from poetlab.errors import LabelError, PoetlabError
from poetlab.labels.archive import is_archive, unpacked
from poetlab.labels.importing import import_labels
from poetlab.labels.label_set import load_label_set


@pytest.fixture
def write_archive(write_coco, make_image, tmp_path: Path) -> Callable[..., Path]:
    """A function that writes an archive of COCO labels and their image, in a folder of the archive."""

    def write(inner: str = "", **more: bytes) -> Path:
        archive = tmp_path / "mice.zip"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as content:
            content.write(write_coco(), f"{inner}labels.json")
            content.write(make_image(tmp_path / "a.png"), f"{inner}images/a.png")
            for name, data in more.items():
                content.writestr(name, data)
        return archive

    return write


@pytest.mark.parametrize("inner", ["", "export/"])
def test_labels_and_images_come_out_of_an_archive(write_archive, tmp_path: Path, monkeypatch, inner: str) -> None:
    (tmp_path / "space").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "space"))
    archive = write_archive(inner, **{"__MACOSX/._labels.json": b"x"})
    report = import_labels(archive, tmp_path / "labels", skeleton=None)
    assert (report.name, report.format, report.n_images, report.left_out) == ("mice", "coco", 1, {})
    (image,) = load_label_set(report.folder).images
    assert (report.folder / "images" / image.file_name).read_bytes() == (tmp_path / "a.png").read_bytes()
    assert list((tmp_path / "space").iterdir()) == []


def test_errors_name_the_archive_and_leave_nothing(write_archive, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "space").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "space"))
    archive = write_archive()
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("labels.json", json.dumps({"images": [], "annotations": [], "categories": []}))
    with pytest.raises(PoetlabError, match=r"mice\.zip/labels\.json: no category lists keypoints") as caught:
        import_labels(archive, tmp_path / "labels", skeleton=None)
    assert str(tmp_path / "space") not in str(caught.value)
    assert list((tmp_path / "space").iterdir()) == []
    assert not (tmp_path / "labels").exists()


def test_images_in_an_archive_cannot_be_linked_to(write_archive, tmp_path: Path) -> None:
    with pytest.raises(LabelError, match=r"mice\.zip: the images in an archive cannot be linked to"):
        import_labels(write_archive(), tmp_path / "labels", skeleton=None, link=True)


@pytest.mark.parametrize(
    "name", ["../secret.png", "a/../../secret.png", "/etc/secret.png", r"..\secret.png", r"C:\secret.png"]
)
def test_names_that_lead_out_are_refused(write_archive, tmp_path: Path, name: str) -> None:
    archive = write_archive(**{name: b"x"})
    with pytest.raises(LabelError, match="would be unpacked outside") as caught, unpacked(archive):
        pass
    assert "\n" not in str(caught.value)
    assert not any(path.name.endswith("secret.png") for path in tmp_path.rglob("*"))


def test_links_are_refused(write_archive) -> None:
    archive = write_archive()
    link = zipfile.ZipInfo("images/b.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(archive, "a") as content:
        content.writestr(link, "/etc/passwd")
    with pytest.raises(LabelError, match=r"'images/b\.png' is a link"), unpacked(archive):
        pass


def test_bombs_are_refused(write_archive) -> None:
    archive = write_archive(**{"bomb.json": bytes(2**28 + 1)})
    assert archive.stat().st_size < 2**21
    with (
        pytest.raises(LabelError, match=r"its 3 files would take 268,\d{3},\d{3} bytes, which no export does"),
        unpacked(archive),
    ):
        pass


def test_what_does_not_fit_on_the_disk_is_refused(write_archive, monkeypatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(LabelError, match="there is no space for its"), unpacked(write_archive()):
        pass


def test_damaged_and_locked_archives_are_refused(write_archive) -> None:
    archive = write_archive()
    content = bytearray(archive.read_bytes())
    locked = content.copy()
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(locked)
    with pytest.raises(LabelError, match="is locked with a password"), unpacked(archive):
        pass
    content[60:90] = bytes(30)
    archive.write_bytes(content)
    with pytest.raises(LabelError, match=r"mice\.zip: cannot be unpacked"), unpacked(archive):
        pass


def test_other_files_are_no_archives(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_text("PK")
    (tmp_path / "b.zip").mkdir()
    assert not any(is_archive(tmp_path / name) for name in ("a.zip", "b.zip", "c.zip"))
