"""Image files on disk: are their names safe, where do they lie, are they whole and how large are they?"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

import numpy as np
from PIL import Image, UnidentifiedImageError

from poetlab.errors import LabelError

_END_MARKERS = {
    "JPEG": b"\xff\xd9",
    "MPO": b"\xff\xd9",
    "PNG": b"\x00\x00\x00\x00IEND\xaeB\x60\x82",
}
"""What a whole file of these formats ends with; a file cut short does not."""

_COMPRESSION = 1
"""Of PNG, from 0 to 9: pixels of a camera hardly get smaller beyond this, but take several times as long."""

_TAIL_BYTES = 256
_EXIF_ORIENTATION = 0x0112


@dataclass(frozen=True, slots=True)
class ImageFile:
    """What can be known of an image file without decoding it.

    Attributes:
        size: (height, width) in pixels as stored, before any EXIF turn; (0, 0) where `problem` is set.
        problem: Why the file cannot be used, or None.
    """

    size: tuple[int, int]
    problem: str | None = None


def safe_file_name(name: str) -> str:
    """`name` as a path relative to an images folder, with `/` between folders.

    Raises:
        LabelError: If it is absolute, empty, or leads out of the folder.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or PureWindowsPath(name).drive:
        raise LabelError(f"the image name '{name}' is an absolute path; make it relative to the images folder")
    if ".." in path.parts or not path.parts or "\0" in name:
        raise LabelError(f"the image name '{name}' does not stay in the images folder; make it relative to it")
    return str(path)


def find_image(file_names: Sequence[str], folders: Sequence[Path]) -> Path | None:
    """The file of the first of these names that a folder has; the last try is the first name without its folders."""
    for name in dict.fromkeys((*file_names, PurePosixPath(file_names[0]).name)):
        for folder in folders:
            path = folder / name
            if os.path.isfile(path):  # noqa: PTH113  Path.is_file raises where it may not look
                return path
    return None


def inspect_image(path: Path) -> ImageFile:
    """Read an image's size from its header and check that the file has its end.

    Only the header and the last bytes are read. A file without the end marker of its format, or of a format
    that has none, is decoded to find out whether it is whole.
    """
    try:
        with path.open("rb") as file:
            return inspect_image_bytes(file)
    except PermissionError:
        return ImageFile((0, 0), "image file must not be read (permissions)")
    except OSError:
        return ImageFile((0, 0), "image file is cut short or damaged")


def inspect_image_bytes(file: IO[bytes]) -> ImageFile:
    """The same as `inspect_image` of an open file, or of bytes in memory."""
    try:
        with Image.open(file) as image:
            if not _has_end(file, image.format):
                image.load()
            return ImageFile((image.height, image.width))
    except UnidentifiedImageError:
        return ImageFile((0, 0), "image file is of no known image format")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return ImageFile((0, 0), "image file is cut short or damaged")


def is_turned(path: Path) -> bool:
    """Whether the image's EXIF tag asks viewers to turn it by a quarter, so that they see height and width swapped."""
    try:
        with Image.open(path) as image:
            return int(image.getexif().get(_EXIF_ORIENTATION, 1)) >= 5
    except (OSError, ValueError, SyntaxError):
        return False


def save_png(pixels: np.ndarray, path: Path) -> None:
    """Write (height, width) or (height, width, 3) uint8 pixels as PNG, without loss; gray colors as one channel."""
    if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
        pixels = pixels[..., 0]
    Image.fromarray(np.ascontiguousarray(pixels)).save(path, format="PNG", compress_level=_COMPRESSION)


def _has_end(file: IO[bytes], image_format: str | None) -> bool:
    """Whether the file ends with its format's marker; zeros after it, as cameras write them, do no harm."""
    marker = _END_MARKERS.get(image_format or "")
    if marker is None:
        return False
    place = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - _TAIL_BYTES))
    tail = file.read()
    file.seek(place)
    return tail.rstrip(b"\0").endswith(marker)
