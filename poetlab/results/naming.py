"""Which files a video's results go to, so that no two videos ever share one."""

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from poetlab.errors import ResultsError
from poetlab.results.partial import partial_path, read_made_with
from poetlab.results.reading import read_attributes

_LABELED = "_labeled.mp4"
_UNKNOWN = "unknown"
FILTERED, TRACKED = "_filtered", "_tracked"
"""How the names of what is made of a result file end, beside it."""


def result_path(output_dir: str | Path, video_path: str | Path, fingerprint: str) -> Path:
    """The result file of a video: `<stem>.h5`, or `<stem>_<fingerprint>.h5` where another video has that name.

    A video analyzed again gets its own file again, also after a run that was stopped. A result file that cannot be read
    counts as another video's.

    Args:
        output_dir: The folder of the result files.
        video_path: The video; only the last part counts, less its extension.
        fingerprint: What identifies the video's content (`poetlab.video.fingerprint`).

    Raises:
        ResultsError: If both names are taken.
    """
    stem = Path(video_path).stem
    candidates = [Path(output_dir) / f"{stem}.h5", Path(output_dir) / f"{stem}_{fingerprint[:8]}.h5"]
    owners = [_fingerprint_of(candidate) for candidate in candidates]
    for wanted in (fingerprint, None):
        if wanted in owners:
            return candidates[owners.index(wanted)]
    raise ResultsError(f"{candidates[1]}: exists, but is not of {video_path}; move it away")


def changed_result_paths(results: Sequence[Path], ending: str, output: str | Path | None) -> list[Path]:
    """Where what is made of results goes: beside each with another ending, or below a folder under its own name."""
    if output is None:
        return [result.with_name(f"{result.stem}{ending}.h5") for result in results]
    return [folder / result.name for result, folder in zip(results, mirrored_folders(results, output), strict=True)]


def mirrored_folders(results: Sequence[Path], output: str | Path | None) -> list[Path]:
    """The folder below `output` for what is made of each result file: as it lies below the folder that all share.

    Results of one folder go to `output` itself; so do those that share none, being on several drives. Without `output`,
    it is the folder of each result file.
    """
    if output is None:
        return [result.parent for result in results]
    folders = [Path(os.path.abspath(result.parent)) for result in results]  # noqa: PTH100 - without `..`, links kept
    try:
        shared = os.path.commonpath(folders) if folders else ""
    except ValueError:
        return [Path(output)] * len(folders)
    return [Path(output) / folder.relative_to(shared) for folder in folders]


def is_made_of_another(result: Path, results: Collection[Path], ending: str) -> bool:
    """Whether a result file was made of another one of some, and not of a video with such a name.

    So a command that is given `*.h5` again does not take its own files for new ones.

    Args:
        result: A result file.
        results: All those that a command is given.
        ending: Of the names of what the command makes.
    """
    source = result.with_name(f"{result.stem.removesuffix(ending)}.h5")
    if source == result or source not in results:
        return False
    owners = [_fingerprint_of(path) if path.exists() else None for path in (source, result)]
    return owners[0] == owners[1] not in (None, _UNKNOWN)


def check_new_result(result: Path, path: Path, written: Collection[Path | None], verb: str, *, overwrite: bool) -> None:
    """Make sure that what is made of a result file replaces neither it nor anything else unasked.

    Args:
        result: The result file.
        path: Where what is made of it shall go.
        written: What the same command has written.
        verb: What the command does, for the message.
        overwrite: Whether older files may be replaced.

    Raises:
        ResultsError: If it does.
    """
    if path.resolve() == result.resolve():
        raise ResultsError(f"{result}: would be replaced by what is made of it; choose another --output")
    if path in written:
        raise ResultsError(f"{result}: another of these results has its name; {verb} them to different folders")
    if path.exists() and not overwrite:
        raise ResultsError(f"{path}: exists; --overwrite replaces it, --output writes elsewhere")


def labeled_video_path(result: str | Path) -> Path:
    """The video with poses drawn on it that belongs to a result file: beside it, `<name>_labeled.mp4`."""
    return Path(result).with_name(f"{Path(result).stem}{_LABELED}")


def is_labeled_video(path: str | Path) -> bool:
    """Whether a file is the labeled video of a result file beside it."""
    name = Path(path).name
    return name.endswith(_LABELED) and Path(path).with_name(f"{name.removesuffix(_LABELED)}.h5").exists()


def _fingerprint_of(path: Path) -> str | None:
    """What identifies the video of a result file, or of the stopped run that would have made it; None if it is free."""
    if path.exists():
        try:
            return str(read_attributes(path)["video_fingerprint"])
        except (ResultsError, KeyError):
            return _UNKNOWN
    return read_made_with(partial_path(path)).get("video_fingerprint")
