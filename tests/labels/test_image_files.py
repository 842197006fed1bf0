"""Image files: safe names, where they lie, whether they are whole."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from poetlab.errors import LabelError
from poetlab.labels.image_files import find_image, inspect_image, is_turned, safe_file_name

DAMAGED = "image file is cut short or damaged"


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("a.png", "a.png"),
        ("./frames//a.png", "frames/a.png"),
        ("frames\\day 1\\a.png", "frames/day 1/a.png"),
        ("mäuse/a..png", "mäuse/a..png"),
    ],
)
def test_names_are_relative_with_slashes(name: str, safe: str) -> None:
    assert safe_file_name(name) == safe


@pytest.mark.parametrize("name", ["/a.png", "\\a.png", "C:\\a.png", "c:a.png", "\\\\server\\share\\a.png", "//x/y/a"])
def test_absolute_names_are_refused(name: str) -> None:
    with pytest.raises(LabelError, match="absolute path"):
        safe_file_name(name)


@pytest.mark.parametrize("name", ["", ".", "..", "../a.png", "a/../../b.png", "a\\..\\b.png", "a\0.png"])
def test_names_that_leave_the_folder_are_refused(name: str) -> None:
    with pytest.raises(LabelError, match="does not stay in the images folder"):
        safe_file_name(name)


@given(name=st.text())
def test_a_safe_name_stays_below_the_folder(name: str) -> None:
    try:
        safe = safe_file_name(name)
    except LabelError:
        return
    path = Path("/images") / safe
    assert path.is_relative_to("/images")
    assert path != Path("/images")
    assert ".." not in path.parts
    assert safe_file_name(safe) == safe


def test_images_are_looked_for_in_each_folder_and_then_without_their_folders(tmp_path: Path, make_image) -> None:
    first, second = tmp_path, tmp_path / "images"
    flat = make_image(second / "a.png")
    assert find_image(["train/a.png"], [first, second]) == flat
    nested = make_image(second / "train" / "a.png")
    assert find_image(["train/a.png"], [first, second]) == nested
    assert find_image(["a.png"], [first, second]) == flat
    beside = make_image(first / "a.png")
    assert find_image(["a.png"], [first, second]) == beside
    assert find_image(["b.png"], [first, second]) is None
    assert find_image(["train"], [second]) is None
    assert find_image(["x" * 5000], [first]) is None


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "tif", "gif", "webp"])
def test_the_size_is_height_and_width(tmp_path: Path, make_image, suffix: str) -> None:
    file = inspect_image(make_image(tmp_path / f"a.{suffix}", (48, 64)))
    assert (file.size, file.problem) == ((48, 64), None)


def test_only_the_header_of_a_whole_file_is_decoded(tmp_path: Path, make_image) -> None:
    path = make_image(tmp_path / "a.jpg", (480, 640))
    content = bytearray(path.read_bytes())
    content[2000:-2000] = bytes(len(content) - 4000)  # the pixels, which nobody should look at
    path.write_bytes(content)
    assert inspect_image(path).problem is None


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "tif"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_files_that_are_cut_short_are_found(tmp_path: Path, make_image, suffix: str, share: float) -> None:
    path = make_image(tmp_path / f"a.{suffix}")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert inspect_image(path).problem is not None


@pytest.mark.parametrize("trailer", [b"\0" * 100, b"\0" * 1000, b"a video that a phone appends" * 50])
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_bytes_after_the_end_do_no_harm(tmp_path: Path, make_image, suffix: str, trailer: bytes) -> None:
    path = make_image(tmp_path / f"a.{suffix}")
    path.write_bytes(path.read_bytes() + trailer)
    assert inspect_image(path).problem is None


@pytest.mark.parametrize("content", [b"", b"hello", b"\xff\xd8", b"\x89PNG\r\n\x1a\n"])
def test_files_that_are_no_image_are_named_so(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    assert inspect_image(tmp_path / "a.png").problem is not None


def test_an_image_of_absurd_size_is_refused(tmp_path: Path, make_image, monkeypatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert inspect_image(make_image(tmp_path / "a.png")).problem == DAMAGED


@pytest.mark.parametrize(("orientation", "turned"), [(1, False), (3, False), (6, True), (8, True)])
def test_a_quarter_turn_by_exif_is_seen(tmp_path: Path, make_image, orientation: int, turned: bool) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = make_image(tmp_path / "a.jpg", exif=exif)
    assert is_turned(path) is turned
    assert inspect_image(path).size == (48, 64)
    assert not is_turned(make_image(tmp_path / "b.png"))
