"""One writer a result file at a time, also where several programs or computers share a folder."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from poetlab.errors import ResultsError


@contextmanager
def only_writer(path: Path) -> Iterator[None]:
    """Keep every other process from writing a result file while the block runs.

    The system holds the lock, on `<name>.lock` beside the file, and gives it up when the process ends, however it
    ends; a `.lock` file that a killed process has left locks nothing.

    Raises:
        ResultsError: If another process is writing the file, or the folder does not take a lock.
    """
    lock = FileLock(path.with_name(path.name + ".lock"))
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        raise ResultsError(f"{path}: another run is writing this file; let it finish, or stop it") from error
    except (OSError, NotImplementedError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ResultsError(f"{path}: the folder cannot be written to ({reason}); choose another") from error
    try:
        yield
    finally:
        # Before the release: whoever opened the file meanwhile sees that it is gone and makes a new one.
        with suppress(OSError):  # Windows removes it when it is released
            Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()
