"""Videos in, result files out."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from poetlab.analysis_settings import AnalysisSettings
from poetlab.errors import PoetlabError, ResultsError, VideoError
from poetlab.inference import Predictor
from poetlab.rendering import render_video
from poetlab.results.naming import labeled_video_path, result_path
from poetlab.results.reading import read_attributes, read_poses
from poetlab.results.writing import ResultsWriter
from poetlab.video.fingerprint import fingerprint
from poetlab.video.reading import Frame, VideoFile, open_video

OnFrames = Callable[[int], None]
"""Called with the number of frames that were just finished."""


@dataclass(frozen=True)
class VideoResult:
    """What became of one video.

    Attributes:
        video: The video.
        status: "done", "skipped" because its results exist, or "failed".
        path: Its result file; None if it failed.
        labeled_video: The video with its poses drawn in, if that was asked for.
        n_frames: Frames analyzed now.
        seconds: Time that took.
        notes: What was wrong with the video, or why it failed or was skipped; one sentence each.
    """

    video: Path
    status: Literal["done", "skipped", "failed"]
    path: Path | None = None
    labeled_video: Path | None = None
    n_frames: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class AnalysisPlan:
    """What to do with each video.

    Attributes:
        output_dir: Folder of the results.
        n_individuals: Most instances a frame; the slots of the result.
        settings: Threshold and batch size.
        max_frames: Frames to analyze of each video; None for all.
        save_video: Whether to draw the poses into a copy of the video.
        overwrite: Whether to analyze again what has results.
    """

    output_dir: Path
    n_individuals: int
    settings: AnalysisSettings
    max_frames: int | None = None
    save_video: bool = False
    overwrite: bool = False


def analyze_videos(
    predictor: Predictor,
    videos: Sequence[Path],
    plan: AnalysisPlan,
    on_video: Callable[[Path], None] | None = None,
    on_frames: OnFrames | None = None,
) -> Iterator[VideoResult]:
    """Analyze one video after another; a video that fails does not stop the rest.

    Args:
        predictor: The network.
        videos: The videos.
        plan: What to do with each.
        on_video: Called with each video before it starts.
        on_frames: Called with the frames just finished, and with all of a skipped video's.

    Yields:
        What became of each video, when it is finished.
    """
    for video in videos:
        if on_video:
            on_video(video)
        try:
            yield _analyze_unless_done(predictor, video, plan, on_frames)
        except PoetlabError as error:
            yield VideoResult(video, "failed", notes=(str(error),))
        except OSError as error:
            yield VideoResult(video, "failed", notes=(f"{error.filename or video}: {error.strerror or error}",))


def analyze_video(
    predictor: Predictor, video_path: Path, path: Path, plan: AnalysisPlan, on_frames: OnFrames | None = None
) -> tuple[int, tuple[str, ...]]:
    """Predict the poses in every frame of a video and write them to a result file.

    The slots of the result are ordered by score in each frame, so a slot is not one animal over time; the file
    says that it is not tracked.

    Args:
        predictor: The network.
        video_path: The video; it is streamed, so memory does not grow with its length.
        path: HDF5 file to write; it appears when it is whole.
        plan: Threshold, batch size, number of slots and frames.
        on_frames: Called with the number of frames just finished.

    Returns:
        The number of frames, and what was wrong with the video.

    Raises:
        VideoError: If the video cannot be decoded.
        ResultsError: If the result cannot be written.
    """
    n_frames = 0
    with (
        open_video(video_path) as video,
        ResultsWriter(
            path,
            skeleton=predictor.skeleton,
            individuals=tuple(f"slot_{number}" for number in range(1, plan.n_individuals + 1)),
            size=video.size,
            fps=video.fps,
            video=video_path.name,
            video_fingerprint=fingerprint(video_path),
            model=predictor.name,
            tracked=False,
            settings=plan.settings.model_dump() | {"max_frames": plan.max_frames},
            resume=False,
        ) as writer,
    ):
        for frames in _batches(video, plan.settings.batch_size, plan.max_frames):
            images = torch.from_numpy(np.stack([frame.image for frame in frames])).permute(0, 3, 1, 2)
            detections = [found.above(plan.settings.threshold) for found in predictor.predict(images)]
            times, numbers = [frame.time for frame in frames], [frame.index for frame in frames]
            writer.append(times, detections, numbers)
            n_frames += len(frames)
            if on_frames:
                on_frames(len(frames))
        writer.finish(problems=video.problems)
    return n_frames, video.problems


def _analyze_unless_done(
    predictor: Predictor, video: Path, plan: AnalysisPlan, on_frames: OnFrames | None
) -> VideoResult:
    started = time.monotonic()
    path = result_path(plan.output_dir, video, fingerprint(video))
    labeled = labeled_video_path(path)
    if plan.save_video and labeled.exists() and not path.exists():
        raise VideoError(f"{labeled}: exists, and may not be poetlab's; move it away, or choose another --output")
    n_done = None if plan.overwrite else _frames_done(path, plan.max_frames)
    if n_done is not None:
        if on_frames:
            on_frames(n_done if plan.max_frames is None else min(n_done, plan.max_frames))
        if plan.save_video and not labeled.exists():
            render_video(video, read_poses(path), labeled)
        note = f"has results in {path.name}; --overwrite analyzes it again"
        return VideoResult(video, "skipped", path, labeled if plan.save_video else None, notes=(note,))
    _make_folder(plan.output_dir)
    if path.exists():
        labeled.unlink(missing_ok=True)  # it shows the poses that are now replaced
    n_frames, problems = analyze_video(predictor, video, path, plan, on_frames)
    seconds = time.monotonic() - started
    if plan.save_video:
        render_video(video, read_poses(path), labeled)
    return VideoResult(video, "done", path, labeled if plan.save_video else None, n_frames, seconds, problems)


def _frames_done(path: Path, max_frames: int | None) -> int | None:
    """Frames of a finished result; None if there is none, or if fewer frames were asked for than now."""
    if not path.exists():
        return None
    attributes = read_attributes(path)
    limit = attributes["settings"].get("max_frames")
    n_frames = int(attributes["n_frames"])
    is_enough = limit is None or n_frames < limit or (max_frames is not None and max_frames <= n_frames)
    return n_frames if is_enough else None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResultsError(f"{folder}: cannot be made ({error.strerror}); choose another --output") from error


def _batches(video: VideoFile, batch_size: int, max_frames: int | None) -> Iterator[list[Frame]]:
    batch: list[Frame] = []
    for frame in video:
        if max_frames is not None and frame.index >= max_frames:
            break
        batch.append(frame)
        if len(batch) == batch_size:
            yield batch
            batch = []
    if batch:
        yield batch
