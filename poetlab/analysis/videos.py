"""Many videos in, result files out."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

from poetlab.analysis.finding import FoundVideo
from poetlab.analysis.pipeline import analyze_video
from poetlab.analysis.plan import AnalysisPlan, Progress, VideoResult
from poetlab.analysis.prediction import FittingPredictor
from poetlab.analysis.selection import Selection
from poetlab.errors import PoetlabError, ResultsError, VideoError
from poetlab.inference import Predictor
from poetlab.rendering.video import render_video
from poetlab.results.naming import labeled_video_path, result_path
from poetlab.results.reading import read_attributes, read_poses
from poetlab.results.result_file import ResultFile
from poetlab.video.fingerprint import fingerprint
from poetlab.video.reading import open_video


def analyze_videos(
    predictor: Predictor, videos: Sequence[FoundVideo], plan: AnalysisPlan, progress: Progress | None = None
) -> Iterator[VideoResult]:
    """Analyze one video after another; a video that fails does not stop the rest.

    Args:
        predictor: The network.
        videos: The videos (`find_videos`).
        plan: What to do with each.
        progress: Functions to call.

    Yields:
        What became of each video, when it is finished.
    """
    progress = progress or Progress()
    fitting = FittingPredictor(predictor)
    progress.on_found({video.path: _expected_frames(video, plan.selection) for video in videos})
    for video in videos:
        progress.on_video(video.path)
        yield _result_of(fitting, video, plan, progress)


def _expected_frames(found: FoundVideo, selection: Selection) -> int | None:
    """Frames to analyze by the video's header; 0 if it cannot be opened, None if it does not say."""
    if found.problem:
        return 0
    try:
        with open_video(found.path) as video:
            return selection.count(video.n_frames_estimate)
    except (VideoError, OSError):
        return 0  # which is reported when its turn comes


def _result_of(predictor: FittingPredictor, video: FoundVideo, plan: AnalysisPlan, progress: Progress) -> VideoResult:
    if video.problem:
        return VideoResult(video.path, "failed", notes=(f"{video.path}: {video.problem}",))
    plan = replace(plan, output_dir=plan.output_dir / video.folder)
    try:
        return _analyze_unless_done(predictor, video.path, plan, progress)
    except PoetlabError as error:
        return VideoResult(video.path, "failed", notes=(str(error),))
    except OSError as error:
        return VideoResult(video.path, "failed", notes=(f"{error.filename or video.path}: {error.strerror or error}",))


def _analyze_unless_done(
    predictor: FittingPredictor, video: Path, plan: AnalysisPlan, progress: Progress
) -> VideoResult:
    started = time.monotonic()
    path = result_path(plan.output_dir, video, fingerprint(video))
    labeled = labeled_video_path(path)
    if plan.save_video and labeled.exists() and not path.exists():
        raise VideoError(f"{labeled}: exists, and may not be poetlab's; move it away, or choose another --output")
    if path.exists() and not plan.overwrite and _is_done(path, plan.selection):
        result = _finished(video, path, "skipped", plan, progress)
        progress.on_earlier_frames(result.n_frames)
        note = f"has results in {path.name}; --overwrite analyzes it again"
        return replace(result, notes=(note,))
    _make_folder(plan.output_dir)
    if path.exists():
        labeled.unlink(missing_ok=True)  # it shows the poses that are now replaced
    analyzed = analyze_video(predictor, video, path, plan, progress)
    seconds = time.monotonic() - started
    went_on = (f"went on after {analyzed.n_earlier} frames of a run that was stopped",) if analyzed.n_earlier else ()
    return replace(
        _finished(video, path, "done", plan, progress),
        n_new_frames=analyzed.n_frames - analyzed.n_earlier,
        seconds=seconds,
        notes=(*went_on, *analyzed.problems),
    )


def _finished(
    video: Path, path: Path, status: Literal["done", "skipped"], plan: AnalysisPlan, progress: Progress
) -> VideoResult:
    """What is in a finished result file, whose labeled video is made now where it is wanted and missing."""
    labeled = labeled_video_path(path)
    if plan.save_video and not labeled.exists():
        on_progress = partial(progress.on_drawn, video)
        render_video(video, read_poses(path), labeled, on_progress=on_progress)
    with ResultFile(path) as results:
        is_found = results.scores() > 0
        attributes = results.attributes
    n_animals = is_found.sum(axis=1)
    return VideoResult(
        video,
        status,
        path,
        labeled_video=labeled if plan.save_video else None,
        n_frames=len(n_animals),
        most_animals=int(n_animals.max()),
        mean_animals=float(n_animals.mean()),
        n_tracks=int(is_found.any(axis=0).sum()) if attributes["tracked"] else None,
        n_joins=attributes.get("tracking", {}).get("joins"),
    )


def _is_done(path: Path, selection: Selection) -> bool:
    """Whether a finished result has all the frames that are wanted."""
    attributes = read_attributes(path)
    earlier = Selection.from_dict(attributes["settings"])
    if not selection.goes_on_from(earlier):
        raise ResultsError(
            f"{path}: has results of other frames or of another crop (start {earlier.start}, stride {earlier.stride}, "
            f"crop {earlier.crop or 'none'}); --overwrite replaces them, another --output keeps them"
        )
    return selection.is_done_by(earlier, int(attributes["n_frames"]))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResultsError(f"{folder}: cannot be made ({error.strerror}); choose another --output") from error
