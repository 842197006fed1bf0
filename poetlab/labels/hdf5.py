"""HDF5 files of labels, opened such that whatever is wrong with one ends in a `LabelError` that names it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from poetlab.errors import LabelError, SkeletonError

_FAULTS = (AttributeError, LookupError, TypeError, ValueError, OverflowError, RecursionError, RuntimeError)
"""What reading a file may raise that is laid out in another way than its format says."""


@contextmanager
def open_labels(path: Path, what: str, advice: str) -> Iterator[h5py.File]:
    """Open a file to read.

    Args:
        path: The file.
        what: What it should be, such as `a SLEAP project`.
        advice: What to do if it is not, such as `save it again in SLEAP`.

    Raises:
        LabelError: If the file cannot be read, or what is done with it fails as it does with a file of another layout.
        SkeletonError: If what is done with it raises one; the file is named.
    """
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (LabelError, SkeletonError) as error:
        raise type(error)(f"{path}: {error}") from error
    except OSError as error:
        reason = error.strerror or "it is cut short or damaged, or no HDF5 file"
        raise LabelError(f"{path}: cannot be read ({reason}); {advice}, or copy it again") from error
    except _FAULTS as error:
        raise LabelError(f"{path}: not {what} ({type(error).__name__}: {error}); {advice}") from error
