"""The video that a result file is of, wherever it lies now."""

from collections.abc import Iterator
from pathlib import Path

from poetlab.errors import ConfigError, VideoError
from poetlab.results.reading import read_attributes
from poetlab.video.fingerprint import fingerprint


def find_video(result: Path, *, video: str | Path | None = None, videos: str | Path | None = None) -> Path:
    """The video of a result file, by its name, and where several have that by its content.

    Args:
        result: The result file, which states the name and the fingerprint of its video.
        video: The video itself.
        videos: The folder that it is in, or in a folder of; None looks beside the result and in the current folder.

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
    found = [path for path in _named(facts["video"], result, videos) if path.is_file()]
    matching = [path for path in found if fingerprint(path) == facts["video_fingerprint"]]
    if matching:
        return matching[0]
    if found:
        raise VideoError(
            f"{found[0]}: has the name of the video of {result}, but is another; name its own with --video"
        )
    places = f"in {videos}" if videos is not None else f"beside {result}"
    raise VideoError(f"{facts['video']}: the video is not {places}; name it with --video, or its folder with --videos")


def _named(name: str, result: Path, videos: str | Path | None) -> Iterator[Path]:
    """Where a video of this name may be, likeliest first."""
    if videos is None:
        yield from (result.parent / name, Path(name))
    elif not Path(videos).is_dir():
        raise VideoError(f"{videos}: no such folder; check the path")
    else:
        yield Path(videos) / name
        yield from (path for path in sorted(Path(videos).rglob("*")) if path.name == name)
