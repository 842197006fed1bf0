"""Which videos are meant by files, folders and patterns."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from glob import has_magic
from pathlib import Path

from poetlab.results.naming import is_labeled_video

VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".3gp", ".mj2"),
    *(".avi", ".divx", ".wmv", ".asf", ".flv", ".mkv", ".webm", ".ogv"),
    *(".mpg", ".mpeg", ".vob", ".ts", ".mts", ".m2ts", ".mxf", ".dv"),
    *(".mjpg", ".mjpeg", ".h264", ".h265", ".hevc", ".seq"),
)
"""How the names of videos end. Only those found in folders and by patterns are told by it, not those given by name."""


@dataclass(frozen=True)
class FoundVideo:
    """A video to analyze, or what was given in place of one.

    Attributes:
        path: The file, by the name it was given or found by.
        folder: Where its results go, relative to the folder of all results.
        problem: Why there is nothing to analyze; None if there is.
    """

    path: Path
    folder: Path = Path()
    problem: str | None = None


def find_videos(sources: Sequence[str | Path]) -> list[FoundVideo]:
    """The videos that are meant, each once, however often it is named or found.

    A file stands for itself, a folder for the videos in it and in its folders, a pattern with `*`, `?`, `[...]` or
    `**` for the files and folders that match it. Hidden files, and poetlab's own labeled videos beside their results,
    are left out of folders and patterns.

    Args:
        sources: Files, folders and patterns.

    Returns:
        Videos in the order of the sources, those of one source sorted by name. The results of what a folder holds
        mirror its folders; those of a pattern the folders below its first part with a wildcard. What cannot be
        read, or holds no video, is there too, with its problem.
    """
    found: dict[Path, FoundVideo] = {}
    for source in map(Path, sources):
        for video in _found_by(source):
            found.setdefault(video.path.resolve(), video)
    return list(found.values())


def _found_by(source: Path) -> list[FoundVideo]:
    if source.is_dir():
        videos = list(_in_folder(source, source))
        return videos or [FoundVideo(source, problem="there is no video in this folder")]
    if source.exists() or not has_magic(str(source)):
        return [FoundVideo(source)]
    videos = list(_matching(source))
    return videos or [FoundVideo(source, problem="no video matches this pattern; does the folder exist?")]


def _matching(pattern: Path) -> Iterator[FoundVideo]:
    n_fixed = next(i for i, part in enumerate(pattern.parts) if has_magic(part))
    base = Path(*pattern.parts[:n_fixed])
    for path in sorted(base.glob(str(Path(*pattern.parts[n_fixed:])))):
        if path.is_dir():
            yield from _in_folder(path, base)
        elif _is_video(path):
            yield FoundVideo(path, path.parent.relative_to(base))


def _in_folder(folder: Path, base: Path) -> Iterator[FoundVideo]:
    unreadable: list[OSError] = []
    for name, subfolders, files in os.walk(folder, onerror=unreadable.append):
        subfolders[:] = sorted(subfolder for subfolder in subfolders if not subfolder.startswith("."))
        here = Path(name)
        for path in (here / file for file in sorted(files)):
            if _is_video(path):
                yield FoundVideo(path, here.relative_to(base))
    for error in unreadable:
        yield FoundVideo(Path(error.filename), problem=f"cannot be read ({error.strerror})")


def _is_video(path: Path) -> bool:
    is_hidden = path.name.startswith(".")  # such as ._video.mp4, in which macOS keeps what other disks cannot
    return path.suffix.lower() in VIDEO_SUFFIXES and not is_hidden and not is_labeled_video(path)
