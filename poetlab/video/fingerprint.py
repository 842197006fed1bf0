"""A short name for a video's content that survives renaming, moving and copying."""

import hashlib
from pathlib import Path

from poetlab.errors import VideoError

_END_BYTES = 1 << 20


def fingerprint(path: str | Path) -> str:
    """Digest of a file's size and of its first and last megabyte.

    Only the ends are read, so that hour-long recordings cost no more than short ones: a recording's
    header and index lie there, and they differ between any two recordings.

    Returns:
        16 hexadecimal digits.

    Raises:
        VideoError: If the file cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            size = file.seek(0, 2)
            digest = hashlib.blake2b(str(size).encode(), digest_size=8)
            file.seek(0)
            digest.update(file.read(_END_BYTES))
            file.seek(max(0, size - _END_BYTES))
            digest.update(file.read(_END_BYTES))
    except OSError as error:
        raise VideoError(f"{path}: cannot be read ({error.strerror or error}); check the path") from error
    return digest.hexdigest()
