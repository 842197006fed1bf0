"""Some poses into the files of one format."""

from contextlib import ExitStack
from pathlib import Path

from poetlab.errors import ResultsError
from poetlab.files import whole_file
from poetlab.poses import Poses
from poetlab.results.exporting.formats import ExportFormat


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
        ResultsError: If one of the files exists and may not be replaced, or cannot be written.
    """
    writers = {folder / file_name: write for file_name, write in export_format.files(poses, name).items()}
    taken = [path for path in writers if path.exists()]
    if taken and not overwrite:
        raise ResultsError(f"{taken[0]}: exists; --overwrite replaces it, --output writes elsewhere")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as all_whole:
            for path, write in writers.items():
                write(poses, all_whole.enter_context(whole_file(path)))
    except (OSError, RuntimeError) as error:  # h5py and PyTables raise both where the disk is full
        reason = " ".join(str(error).split())
        raise ResultsError(f"{folder}: writing {name} failed ({reason}); is the disk full, or read-only?") from error
    return tuple(writers)
