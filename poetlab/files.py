"""Writing files and folders so that they appear whole or not at all."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def whole_file(path: Path, suffix: str = ".partial") -> Iterator[Path]:
    """Give a temporary path beside `path` to write to; when the block ends well, it becomes `path`.

    If the block raises, the temporary file is removed and `path` stays as it was.

    Args:
        path: The file to write.
        suffix: What the temporary file's name has more than the file's own.

    Raises:
        OSError: If the file cannot be flushed to disk or renamed.
    """
    partial = path.with_name(path.name + suffix)
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder beside `path` to fill; when the block ends well, it becomes `path`.

    If the block raises, nothing is left of it; what a killed run left is removed at the start.

    Args:
        path: The folder to make; absent or empty. The folder that it lies in is made too.

    Raises:
        OSError: If a folder cannot be made, emptied or renamed.
    """
    partial = path.with_name(f".{path.name}.partial")
    parent_is_new = not os.path.lexists(path.parent)
    try:
        if partial.exists():
            shutil.rmtree(partial)
        partial.mkdir(parents=True)
        yield partial
        if path.is_dir():
            path.rmdir()
        partial.rename(path)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        if parent_is_new:
            with suppress(OSError):
                path.parent.rmdir()
        raise


@contextmanager
def staging_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder beside `path` for what is to go into it; it is removed at the end, whatever happens.

    Args:
        path: The folder that things are to go into.

    Raises:
        OSError: If the temporary folder cannot be made.
    """
    partial = path.with_name(f".{path.name}.partial")
    if partial.exists():
        shutil.rmtree(partial)
    try:
        partial.mkdir(parents=True)
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def move_all(moves: Sequence[tuple[Path, Path]], last: tuple[Path, Path]) -> None:
    """Move files to places where nothing refers to them yet, and then the one file that does.

    If anything fails before that one has moved, the others are removed, and all is as it was.

    Args:
        moves: Where each file lies and where it shall lie, on the same disk.
        last: The same of the one that makes it count; it replaces what was there.

    Raises:
        OSError: If one cannot be moved.
    """
    try:
        for source, target in moves:
            target.parent.mkdir(parents=True, exist_ok=True)
            source.replace(target)
        last[0].replace(last[1])
    except BaseException:
        if last[0].exists():
            for source, target in moves:
                if not os.path.lexists(source):
                    target.unlink(missing_ok=True)
        raise
    sync_folder(last[1].parent)


def sync_folder(folder: Path) -> None:
    """Make sure that a power cut does not undo what was created or renamed in a folder, where the system can."""
    with suppress(OSError):  # Windows opens no folders
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
