"""The videos that result files are of."""

from collections.abc import Iterator
from pathlib import Path

from poetlab.errors import VideoError
from poetlab.results.reading import read_attributes
from poetlab.video.fingerprint import fingerprint


def find_video(result: Path, videos: str | Path | None) -> Path:
    """The video of a result file by its name, and where several have it by its fingerprint.

    Args:
        result: The result file.
        videos: Folder of the video, which may lie in a folder in it; None looks beside the result file and in the
            current folder.

    Raises:
        VideoError: If it is not there, or only another one of its name.
        ResultsError: If the result file cannot be read.
    """
    facts = read_attributes(result)
    found = [path for path in _named(facts["video"], result, videos) if path.is_file()]
    matching = [path for path in found if fingerprint(path) == facts["video_fingerprint"]]
    if matching:
        return matching[0]
    if found:
        raise VideoError(
            f"{found[0]}: has the name of the video of {result}, but is another; name its own folder with --videos"
        )
    places = f"in {videos}" if videos is not None else f"beside {result}"
    raise VideoError(f"{facts['video']}: the video is not {places}; name its folder with --videos")


def _named(name: str, result: Path, videos: str | Path | None) -> Iterator[Path]:
    """Where a video of this name may be, likeliest first."""
    if videos is None:
        yield from (result.parent / name, Path(name))
    elif not Path(videos).is_dir():
        raise VideoError(f"{videos}: no such folder; check the path")
    else:
        yield Path(videos) / name
        yield from (path for path in sorted(Path(videos).rglob("*")) if path.name == name)
