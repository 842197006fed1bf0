"""`suggest_frames`: frames of analyzed videos that are worth labeling next, as images and a table."""

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from poetlab.analysis.prediction import FittingPredictor
from poetlab.analysis.selection import Selection
from poetlab.errors import ConfigError, LabelError, ProjectError, ResultsError
from poetlab.files import whole_folder
from poetlab.frames.folder import TABLE, check_new_folder, telling_errors, write_frame_table, write_frames
from poetlab.frames.looking import Look, look_at_frames
from poetlab.frames.signals import measure_results
from poetlab.frames.suggesting import AnalyzedFrames, Suggestion
from poetlab.frames.suggesting import suggest_frames as suggest_among
from poetlab.labels.frame_names import frame_file_name, names_of_video, video_names
from poetlab.labels.split import group_of
from poetlab.project import Project
from poetlab.results.reading import read_attributes, read_poses
from poetlab.results.result_file import ResultFile
from poetlab.results.source_video import find_video
from poetlab.video.reading import open_video
from poetlab.workflow.networks import load_predictor

logger = logging.getLogger(__name__)

OnProgress = Callable[[str, Path, int, int], None]
"""Called with what is done, with which video, the frames done and all."""


@dataclass(frozen=True)
class _Source:
    """A result file, the video that it is of, what that is called, and what the file says of itself."""

    result: Path
    video: Path
    name: str
    attributes: dict[str, Any]


def suggest_frames(
    project: Project,
    results: Sequence[str | Path],
    n: int,
    *,
    snapshot: str | None = None,
    video: str | Path | None = None,
    videos: str | Path | None = None,
    output: str | Path = "suggested",
    device: str | None = None,
    on_progress: OnProgress | None = None,
) -> list[Suggestion]:
    """Write frames that a network was unsure of as PNG images into a new folder, with the table `frames.csv` of them.

    Frames that are in the project's labels already are left out.

    Args:
        project: The project.
        results: Result files of videos that were analyzed with a network of the project.
        n: How many frames in all.
        snapshot: Which network looks at the shortlist again; None for the latest run's best.
        video: The video of the results, if these are of one.
        videos: Folder of their videos; None looks where they were, beside the results, and in the
            current folder.
        output: The folder to make; nothing is there if this fails or is stopped.
        device: Where to compute; None to choose.
        on_progress: Called with what is done, with which video, the frames done and all.

    Returns:
        The frames, the least sure first.

    Raises:
        ConfigError: If the number is not at least 1, or both `video` and `videos` are given.
        LabelError: If the folder exists or cannot be written, or all frames are labeled already.
        ResultsError: If a result file cannot be read, or is of another skeleton or the same video as another one.
        VideoError: If a video is not there, is another one, or cannot be read.
        SnapshotError: If there is no such snapshot or it cannot be read.
    """
    if n < 1:
        raise ConfigError(f"the number of frames is {n}; choose at least 1")
    folder, tell = Path(output), on_progress or (lambda *_: None)
    check_new_folder(folder)
    labeled = _labeled_frames(project)
    sources = _sources(results, video, videos, labeled)
    network, _ = load_predictor(project, snapshot, device)
    predictor = FittingPredictor(network)
    for source in sources:
        _check_model(source, network.name, project)
    analyzed = [_measure(source, project.config.individuals, labeled) for source in sources]

    def look(place: int, frames: list[int]) -> Look:
        return _look(predictor, sources[place], frames, project.config.analysis.threshold, tell)

    suggestions = suggest_among(analyzed, n, look)
    if not suggestions:
        raise LabelError("every analyzed frame of these videos is labeled already; analyze others")
    _write(folder, sources, suggestions, tell)
    return suggestions


def _sources(
    results: Sequence[str | Path], video: str | Path | None, videos: str | Path | None, labeled: Collection[str]
) -> list[_Source]:
    paths = list(map(Path, results))
    found = [find_video(path, video=video, videos=videos) for path in paths]
    for place, path in enumerate(found):
        if path.resolve() in [earlier.resolve() for earlier in found[:place]]:
            raise ResultsError(f"{paths[place]}: is of the same video as another of these results; give one of them")
    parts = zip(paths, found, _names(found, labeled), map(read_attributes, paths), strict=True)
    return [_Source(*each) for each in parts]


def _names(videos: Sequence[Path], labeled: Collection[str]) -> list[str]:
    """What labels call these videos already, so that all frames of one stay together; else names of their own."""
    own = video_names(videos)
    called = [names_of_video(path).intersection(labeled) for path in videos]
    names = [group_of(min(one)) if len(one) == 1 else name for one, name in zip(called, own, strict=True)]
    return names if len({Path(name).stem for name in names}) == len(names) else own


def _check_model(source: _Source, model: str, project: Project) -> None:
    with ResultFile(source.result) as result:
        if result.skeleton.keypoints != project.skeleton().keypoints:
            raise ResultsError(f"{source.result}: has other keypoints than the project; give results of this project")
    if source.attributes["model"] != model:
        logger.warning(
            "%s: was made by %s, but %s looks at its frames again; name one network with --snapshot, or analyze anew",
            source.result,
            source.attributes["model"],
            model,
        )


def _labeled_frames(project: Project) -> dict[str, set[int]]:
    """Name of each video -> numbers of its frames that are labeled."""
    try:
        images = [image for label_set in project.label_sets() for image in label_set.images]
    except ProjectError:  # there may be none yet: the network may be from elsewhere
        return {}
    labeled: dict[str, set[int]] = {}
    for image in images:
        if image.video is not None and image.frame is not None:
            labeled.setdefault(image.video, set()).add(image.frame)
    return labeled


def _measure(source: _Source, n_individuals: int | None, labeled: dict[str, set[int]]) -> AnalyzedFrames:
    poses = read_poses(source.result)
    with ResultFile(source.result) as result:
        counts = np.concatenate([block.counts for block in result.blocks()])
    usual = n_individuals or int(np.bincount(counts).argmax())
    signals = measure_results(poses, counts, usual)
    known = set().union(*(labeled.get(name, ()) for name in names_of_video(source.video)))
    return AnalyzedFrames(source.name, poses.frames, signals, known)


def _look(predictor: FittingPredictor, source: _Source, frames: list[int], threshold: float, tell: OnProgress) -> Look:
    settings = source.attributes["settings"]
    n_done = 0

    def on_frames(n: int) -> None:
        nonlocal n_done
        n_done += n
        tell("looking again", source.video, n_done, len(frames))

    with open_video(source.video) as video:
        return look_at_frames(
            predictor,
            video,
            frames,
            crop=Selection.from_dict(settings).crop,
            threshold=settings.get("threshold", threshold),
            on_frames=on_frames,
        )


def _write(folder: Path, sources: Sequence[_Source], suggestions: Sequence[Suggestion], tell: OnProgress) -> None:
    with telling_errors(folder), whole_folder(folder) as partial:
        for source in sources:
            frames = [one.frame for one in suggestions if one.video == source.name]
            if frames:
                _write_images(source, frames, partial, tell)
        write_frame_table(partial / TABLE, [_row(one) for one in suggestions])


def _write_images(source: _Source, frames: list[int], folder: Path, tell: OnProgress) -> None:
    places = {frame: place for place, frame in enumerate(sorted(frames), start=1)}
    with open_video(source.video) as video:
        write_frames(
            video,
            source.name,
            frames,
            folder,
            lambda frame: tell("writing", source.video, places[frame], len(frames)),
        )


def _row(one: Suggestion) -> dict[str, Any]:
    return {
        "video": one.video,
        "frame": one.frame,
        "image": frame_file_name(one.video, one.frame),
        "score": f"{one.score:.3f}",
        "reasons": "; ".join(one.reasons),
    }
