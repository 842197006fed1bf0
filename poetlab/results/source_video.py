"""The video that a result file is of, wherever it lies now."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from poetlab.errors import ConfigError, VideoError
from poetlab.results.reading import read_attributes
from poetlab.video.fingerprint import fingerprint

VIDEO_PATH = "video_path"
"""The attribute of a result file that says where its video was, from the folder of the result file."""


def find_video(result: Path, *, video: str | Path | None = None, videos: str | Path | None = None) -> Path:
    """The video of a result file, by its place and its name, and where several have that by its content.

    Args:
        result: The result file, which states the name and the fingerprint of its video, and where it was.
        video: The video itself.
        videos: The folder that it is in, or in a folder of; None looks where it was
            when it was analyzed, beside the result, and in the current folder.

    Raises:
        ResultsError: If the result file cannot be read.
        VideoError: If the video is not there, or another one has its name.
        ConfigError: If both `video` and `videos` are given.
    """
    facts = read_attributes(result)
    if video is not None:
        if videos is not None:
            raise ConfigError("give one video or a folder of videos, not both")
        if fingerprint(video) != facts["video_fingerprint"]:
            raise VideoError(f"{video}: not the video of {result}, which is of another file of name {facts['video']}")
        return Path(video)
    found = [path for path in _named(facts, result, videos) if _is_file(path)]
    matching = [path for path in found if fingerprint(path) == facts["video_fingerprint"]]
    if matching:
        return matching[0]
    if found:
        raise VideoError(
            f"{found[0]}: has the name of the video of {result}, but is another; name its own with --video"
        )
    places = f"in {videos}" if videos is not None else f"beside {result}"
    if videos is None and VIDEO_PATH in facts:
        places += f", nor where it was ({os.path.normpath(result.parent / facts[VIDEO_PATH])})"
    raise VideoError(f"{facts['video']}: the video is not {places}; name it with --video, or its folder with --videos")


def place_of(video: str | Path, result: Path) -> dict[str, str]:
    """What a result file states about where its video is, as an attribute.

    Args:
        video: The video, which need not be there any more.
        result: The result file, which need not be there yet; its folder must.

    Returns:
        The path of the video from the folder of the result file, so that both can be moved together; the absolute path
        if they are on different drives. Parts are separated by `/`. Nothing if a name on the way is not Unicode.
    """
    video, folder = Path(video), result.parent
    path = _path_from(folder, video)
    if not _is_same_file(folder / path, video):  # `..` leads elsewhere from a folder that is a link
        path = _path_from(folder.resolve(), video.parent.resolve() / video.name)
    return {VIDEO_PATH: path.as_posix()} if _is_unicode(path) else {}


def moved_place(facts: Mapping[str, Any], result: Path, new: Path) -> dict[str, str]:
    """What a result file that is made of another states about where its video is.

    Args:
        facts: The attributes of the other one; those of older files do not have the place.
        result: The other one.
        new: The new one; its folder must exist.
    """
    return place_of(result.parent / facts[VIDEO_PATH], new) if VIDEO_PATH in facts else {}


def _path_from(folder: Path, path: Path) -> Path:
    try:
        return Path(os.path.relpath(path, folder))
    except ValueError:  # there is no way from one drive to another
        return path.absolute()


def _is_unicode(path: Path) -> bool:
    """Whether HDF5 can hold a path; old disks have names in other encodings."""
    try:
        path.as_posix().encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a folder on the way may not be entered
        return False


def _named(facts: Mapping[str, Any], result: Path, videos: str | Path | None) -> Iterator[Path]:
    """Where the video may be, likeliest first."""
    name = facts["video"]
    if videos is None:
        if VIDEO_PATH in facts:
            yield result.parent / facts[VIDEO_PATH]
        yield from (result.parent / name, Path(name))
    elif not Path(videos).is_dir():
        raise VideoError(f"{videos}: no such folder; check the path")
    else:
        yield Path(videos) / name
        yield from (path for path in sorted(Path(videos).rglob("*")) if path.name == name)
