"""Writing files so that they appear whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to; when the block ends well, it becomes `path`.

    If the block raises, the temporary file is removed and `path` stays as it was.

    Raises:
        OSError: If the file cannot be flushed to disk or renamed.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
