"""Zip archives, as labeling tools export them: unpacked for the time of an import, unless they could do harm."""

import contextlib
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from poetlab.errors import LabelError, PoetlabError
from poetlab.labels.image_files import safe_file_name

_MAX_RATIO = 200
"""How much larger than the archive its files may be; text of labels shrinks to a twentieth."""

_MAX_FREE_BYTES = 2**28
"""What files may take whatever the ratio: nothing that could do harm."""

_MAX_FILES = 2_000_000
_IGNORED = ("__MACOSX", ".DS_Store")
"""What macOS adds to archives."""


def is_archive(path: Path) -> bool:
    """Whether a file is called a zip archive and is one."""
    return path.suffix.lower() == ".zip" and path.is_file() and zipfile.is_zipfile(path)


@contextlib.contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """A folder with what is in an archive, which is removed at the end.

    Errors that name a file in the folder are raised again with the archive's name instead of the folder's.

    Raises:
        LabelError: If the archive is damaged or locked, or could do harm: a name that leads out of the folder, a link,
            or files that are far too large.
    """
    with tempfile.TemporaryDirectory(prefix="poetlab-") as name:
        folder = Path(name).resolve()
        _unpack(path, folder)
        try:
            yield folder
        except PoetlabError as error:
            raise type(error)(str(error).replace(str(folder), str(path))) from error


def _unpack(path: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not _is_ignored(entry)]
            _refuse_harmful(entries, path, folder)
            for entry in entries:
                archive.extract(entry, folder)
    except OSError as error:
        raise LabelError(f"{path}: cannot be unpacked ({error.strerror or error}); unpack it yourself") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise LabelError(f"{path}: cannot be unpacked ({error}); export or copy it again") from error


def _is_ignored(entry: zipfile.ZipInfo) -> bool:
    return entry.filename.startswith(_IGNORED) or entry.filename.endswith(_IGNORED)


def _refuse_harmful(entries: list[zipfile.ZipInfo], path: Path, folder: Path) -> None:
    for entry in entries:
        try:
            safe_file_name(entry.filename)
        except LabelError as error:
            what = f"'{entry.filename}' would be unpacked outside of the archive's folder"
            raise LabelError(f"{path}: {what}; do not trust this archive, or export it again") from error
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise LabelError(f"{path}: '{entry.filename}' is a link, which could lead anywhere; export it again")
        if entry.flag_bits & 1:
            raise LabelError(f"{path}: is locked with a password; unpack it yourself")
    n_bytes = sum(entry.file_size for entry in entries)
    if len(entries) > _MAX_FILES or n_bytes > max(_MAX_FREE_BYTES, _MAX_RATIO * path.stat().st_size):
        what = f"its {len(entries):,} files would take {n_bytes:,} bytes"
        raise LabelError(f"{path}: {what}, which no export does; export it again, or unpack it yourself")
    if n_bytes > shutil.disk_usage(folder).free:
        raise LabelError(f"{path}: there is no space for its {n_bytes:,} bytes in {folder.parent}; unpack it yourself")
