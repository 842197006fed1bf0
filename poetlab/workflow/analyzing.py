"""`analyze`: videos in, result files out."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from poetlab.analysis.finding import find_videos
from poetlab.analysis.plan import AnalysisPlan, Progress, VideoResult
from poetlab.analysis.selection import Crop, Selection
from poetlab.analysis.videos import analyze_videos
from poetlab.config import changed
from poetlab.errors import ProjectError
from poetlab.project import Project
from poetlab.workflow.networks import load_predictor

logger = logging.getLogger(__name__)


def analyze(
    project: Project,
    videos: Sequence[str | Path],
    *,
    snapshot: str | None = None,
    threshold: float | None = None,
    batch_size: int | None = None,
    start: int = 0,
    stop: int | None = None,
    stride: int = 1,
    max_frames: int | None = None,
    crop: tuple[int, int, int, int] | None = None,
    track: bool | None = None,
    save_video: bool = False,
    overwrite: bool = False,
    output: str | Path | None = None,
    device: str | None = None,
    progress: Progress | None = None,
    on_result: Callable[[VideoResult], None] | None = None,
) -> list[VideoResult]:
    """Predict the poses in every frame of some videos and write one result file each.

    Args:
        project: The project.
        videos: Video files, folders of them, and patterns such as `recordings/**/*.mp4`.
        snapshot: Which network; None for the latest run's best.
        threshold: Score from which a detection counts; None for the config's.
        batch_size: Frames that the network sees at once; None for the config's.
        start: First frame to analyze, counted from 0.
        stop: First frame not to analyze any more; None for the end of each video.
        stride: Analyze every how many-th frame.
        max_frames: Most frames to analyze of each video; None for no limit.
        crop: x, y, width, height in pixels of what the network sees of each frame; None for all of it.
        track: Whether to give each animal one name throughout a video; None for what the config says.
        save_video: Whether to draw the poses into a copy of each video.
        overwrite: Whether to analyze again what has results.
        output: Folder of the results, in which those of a folder's videos mirror its folders; None for the project's.
        device: Where to compute; None to choose.
        progress: Functions that are told how far it is.
        on_result: Called with what became of each video, when it is finished.

    Returns:
        What became of each video; one that fails does not stop the rest.

    Raises:
        SnapshotError: If there is no such snapshot or it cannot be read.
        SkeletonError: If it predicts another skeleton than the project's.
        ConfigError: If a number does not fit.
    """
    selection = Selection(start, stop, stride, max_frames, Crop(*crop) if crop else None)
    settings = changed(project.config.analysis, {"threshold": threshold, "batch_size": batch_size})
    predictor, _ = load_predictor(project, snapshot, device)
    plan = AnalysisPlan(
        output_dir=Path(output) if output is not None else project.results_dir,
        n_individuals=count_individuals(project, most=predictor.model.settings.n_queries),
        settings=settings,
        selection=selection,
        tracking=changed(project.config.tracking, {"enabled": track}),
        save_video=save_video,
        overwrite=overwrite,
    )
    results = []
    for result in analyze_videos(predictor, find_videos(videos), plan, progress):
        results.append(result)
        if on_result:
            on_result(result)
    return results


def count_individuals(project: Project, most: int) -> int:
    """Slots for animals in a result: the config's, else the most labeled in one image, else `most`."""
    if project.config.individuals is not None:
        if project.config.individuals > most:
            logger.warning("the network finds at most %d of the %d individuals", most, project.config.individuals)
        return min(project.config.individuals, most)
    try:
        images = [image for label_set in project.label_sets() for image in label_set.images]
    except ProjectError:  # a project may analyze with a network from elsewhere, without labels of its own
        return most
    counts = [sum(not animal.is_crowd for animal in image.instances) for image in images]
    return min(max(counts, default=most) or most, most)
