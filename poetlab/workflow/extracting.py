"""`extract_frames`: frames of videos as images, for the first round of labeling."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from poetlab.analysis.finding import FoundVideo, find_videos
from poetlab.errors import ConfigError, PoetlabError, VideoError
from poetlab.frames.choosing import METHODS, choose_frames
from poetlab.frames.folder import FrameFolder
from poetlab.labels.frame_names import frame_file_name, video_names
from poetlab.video.fingerprint import fingerprint
from poetlab.video.reading import open_video


@dataclass(frozen=True)
class ExtractedFrames:
    """What became of one video.

    Attributes:
        video: The video.
        name: What it is called in the folder of the frames.
        frames: The numbers of the frames, rising; none if it failed.
        n_wanted: How many it was to give.
        problems: What was wrong with the video, one sentence each.
        error: Why it failed; None if it did not.
    """

    video: Path
    name: str
    frames: tuple[int, ...] = ()
    n_wanted: int = 0
    problems: tuple[str, ...] = ()
    error: str | None = None


def extract_frames(
    videos: Sequence[str | Path],
    n: int,
    *,
    method: str = "kmeans",
    output: str | Path = "frames",
    on_progress: Callable[[Path, int, int | None], None] | None = None,
    on_result: Callable[[ExtractedFrames], None] | None = None,
) -> list[ExtractedFrames]:
    """Write frames of videos as PNG images into a new folder, with the table `frames.csv` of them.

    A stopped run is continued by the same call. It leaves its work in `<output>.partial`, and nothing under `output`.

    Args:
        videos: Video files, folders of them, and patterns.
        n: How many frames in all, shared evenly by the videos; a video that is shorter gives all that it has.
        method: `kmeans` for frames that look different, `uniform` for equal distances, `motion` for most change.
        output: The folder to make.
        on_progress: Called with a video, its frames that were looked at so far, and all by its header (None if
            that does not say); once for choosing, and once more for writing.
        on_result: Called with what became of each video, when it is finished.

    Returns:
        What became of each video that was to give frames; one that fails does not stop the rest.

    Raises:
        ConfigError: If a choice does not fit.
        LabelError: If the folder exists or cannot be written, or a stopped run has begun other work there.
    """
    if n < 1:
        raise ConfigError(f"the number of frames is {n}; choose at least 1")
    if method not in METHODS:
        raise ConfigError(f"there is no method '{method}'; there are {', '.join(METHODS)}")
    found = find_videos(videos)
    names = video_names([video.path for video in found])
    shares = [(place + 1) * n // len(found) - place * n // len(found) for place in range(len(found))]
    work = {"method": method, "videos": [[_identity(video), share] for video, share in zip(found, shares, strict=True)]}
    extracted = []
    with FrameFolder(Path(output), work) as folder:
        for video, name, share in zip(found, names, shares, strict=True):
            if share:
                extracted.append(_extract(video, name, share, method, folder, on_progress))
                if on_result:
                    on_result(extracted[-1])
        if rows := [_row(one.name, frame) for one in extracted for frame in one.frames]:
            folder.finish(rows)
    return extracted


def _extract(
    found: FoundVideo,
    name: str,
    n: int,
    method: str,
    folder: FrameFolder,
    on_progress: Callable[[Path, int, int | None], None] | None,
) -> ExtractedFrames:
    if found.problem:
        return ExtractedFrames(found.path, name, n_wanted=n, error=f"{found.path}: {found.problem}")
    try:
        with open_video(found.path) as video:
            total = video.n_frames_estimate
            on_frames = partial(_tell, on_progress, found.path, total)
            problems: tuple[str, ...] = ()
            frames = folder.chosen(name)
            if frames is None:
                frames = choose_frames(video, n, method, on_frames)
                problems = video.problems
                folder.choose(name, frames)
            folder.write(video, name, lambda frame: on_frames(frame + 1))
    except VideoError as error:
        return ExtractedFrames(found.path, name, n_wanted=n, error=str(error))
    return ExtractedFrames(found.path, name, tuple(frames), n, problems)


def _tell(
    on_progress: Callable[[Path, int, int | None], None] | None, path: Path, total: int | None, done: int
) -> None:
    if on_progress:
        on_progress(path, done, total)


def _row(name: str, frame: int) -> dict[str, str | int]:
    return {"video": name, "frame": frame, "image": frame_file_name(name, frame)}


def _identity(video: FoundVideo) -> str:
    """What tells whether a video is still the same one; its path if it cannot be read."""
    try:
        return fingerprint(video.path)
    except PoetlabError:
        return str(video.path)
