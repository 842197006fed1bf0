"""`render_results`: result files drawn into copies of their videos."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from poetlab.errors import ConfigError, PoetlabError, VideoError
from poetlab.rendering.video import Look, render_video
from poetlab.results.naming import labeled_video_path, mirrored_folders
from poetlab.results.reading import read_poses
from poetlab.results.source_video import find_video


@dataclass(frozen=True)
class RenderedResult:
    """What became of one result file.

    Attributes:
        result: The result file.
        path: Its labeled video; None if that failed.
        n_frames: Frames in it.
        tracked: Whether its individuals are animals; if not, the video shows neither names nor trails.
        error: Why it failed; None if it did not.
    """

    result: Path
    path: Path | None = None
    n_frames: int = 0
    tracked: bool = False
    error: str | None = None


def render_results(
    results: Sequence[str | Path],
    *,
    video: str | Path | None = None,
    videos: str | Path | None = None,
    output: str | Path | None = None,
    trail: float = Look.trail,
    names: bool = Look.names,
    start: int = Look.start,
    stop: int | None = Look.stop,
    overwrite: bool = False,
    on_progress: Callable[[Path, int, int], None] | None = None,
    on_result: Callable[[RenderedResult], None] | None = None,
) -> list[RenderedResult]:
    """Draw result files into copies of their videos: skeletons, names, and the trails of tracked individuals.

    A result file states the name and the fingerprint of its video, and where it was. It is looked for in `videos` and
    the folders in it; else where it was, beside the result file, and in the current folder.

    Args:
        results: Result files.
        video: The video of all of them.
        videos: Folder of their videos.
        output: Folder to write to, in which folders of the results are mirrored if there are several; None for beside
            each result, as `<name>_labeled.mp4`.
        trail: Seconds that trails reach back; 0 for none.
        names: Whether to write names; where results are not tracked, scores.
        start: First frame to draw, counted from 0 in the video.
        stop: First frame not to draw any more; None for the end.
        overwrite: Whether to replace files that exist.
        on_progress: Called with a result file and its frames done and in all.
        on_result: Called with what became of each, when it is finished.

    Returns:
        What became of each result file; one that fails does not stop the rest.

    Raises:
        VideoError: If a number does not fit.
        ConfigError: If both `video` and `videos` are given.
    """
    if video is not None and videos is not None:
        raise ConfigError("give one video or a folder of videos, not both")
    look = Look(trail, names, start, stop)
    rendered: list[RenderedResult] = []
    paths = list(map(Path, results))
    for result, folder in zip(paths, mirrored_folders(paths, output), strict=True):
        path = labeled_video_path(folder / result.name)
        try:
            if path in {earlier.path for earlier in rendered}:
                raise VideoError(f"{path}: another of these results is drawn there; use different --output folders")
            chosen = find_video(result, video=video, videos=videos)
            rendered.append(_render(result, chosen, path, look, overwrite, on_progress))
        except PoetlabError as error:
            rendered.append(RenderedResult(result, error=str(error)))
        except OSError as error:
            rendered.append(RenderedResult(result, error=f"{error.filename or path}: {error.strerror or error}"))
        if on_result:
            on_result(rendered[-1])
    return rendered


def _render(
    result: Path,
    video: Path,
    path: Path,
    look: Look,
    overwrite: bool,  # noqa: FBT001
    on_progress: Callable[[Path, int, int], None] | None,
) -> RenderedResult:
    if path.exists() and (not overwrite or path.resolve() == video.resolve()):
        raise VideoError(f"{path}: exists; --overwrite replaces it, --output writes elsewhere")
    path.parent.mkdir(parents=True, exist_ok=True)
    poses = read_poses(result)
    n_frames = render_video(
        video,
        poses,
        path,
        look=look,
        on_progress=(lambda done, total: on_progress(result, done, total)) if on_progress else None,
    )
    return RenderedResult(result, path, n_frames, poses.tracked)
