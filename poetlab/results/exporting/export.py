"""Some poses into the files of one format."""

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from poetlab.errors import ResultsError
from poetlab.files import whole_file
from poetlab.poses import Poses
from poetlab.results.assembling import require_space, telling_errors
from poetlab.results.exporting.formats import ExportFormat
from poetlab.results.locking import only_writer

_SPACE = 5
"""What the files of a binary format take at most, in sizes of the positions and visibilities (SLEAP's two: 4.2)."""


def export_poses(
    poses: Poses, export_format: ExportFormat, folder: Path, name: str, *, overwrite: bool = False
) -> tuple[Path, ...]:
    """Write poses as another tool's files, which appear when all of them are whole.

    Positions are those of the result: every format counts pixels from the center of the top-left one.

    Args:
        poses: The poses.
        export_format: The format.
        folder: Where to write; made if need be.
        name: What the files' names start with.
        overwrite: Whether to replace files of these names.

    Returns:
        The files.

    Raises:
        ResultsError: If one of the files exists and may not be replaced, or cannot be written, or another process is
            writing it.
    """
    writers = {folder / file_name: write for file_name, write in export_format.files(poses, name).items()}
    if not overwrite:
        _refuse_existing(writers)
    with telling_errors(folder), ExitStack() as until_all_are_whole:
        folder.mkdir(parents=True, exist_ok=True)
        require_space(folder, _SPACE * (poses.keypoints.nbytes + poses.visibility.nbytes))
        for path in writers:
            until_all_are_whole.enter_context(only_writer(path))
        if not overwrite:
            _refuse_existing(writers)  # another process may just have written them
        for path, write in writers.items():
            write(poses, until_all_are_whole.enter_context(whole_file(path)))
    return tuple(writers)


def _refuse_existing(paths: Iterable[Path]) -> None:
    for path in paths:
        if path.exists():
            raise ResultsError(f"{path}: exists; --overwrite replaces it, --output writes elsewhere")
