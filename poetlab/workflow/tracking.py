"""`track`: result files with one name for each animal throughout, made of their detections."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from poetlab.config import changed
from poetlab.errors import ConfigError, LabelError, PoetlabError, ResultsError
from poetlab.labels.coco import matches_coco, read_coco
from poetlab.labels.sleap import matches_sleap, read_sleap
from poetlab.labels.source_labels import SourceImage, SourceLabels
from poetlab.results.naming import TRACKED, changed_result_paths, check_new_result, is_made_of_another
from poetlab.results.pose_blocks import PoseBlock, fill_gaps, place_in_slots
from poetlab.results.reading import iter_detections, read_attributes, read_poses
from poetlab.results.result_file import ResultFile
from poetlab.results.rewriting import rewrite_results
from poetlab.skeleton import Skeleton
from poetlab.tracking.figures import TrackingFigures, tracking_figures
from poetlab.tracking.identities import Identities, identities_of_blocks, identities_of_poses
from poetlab.tracking.settings import TrackingSettings
from poetlab.tracking.track import Tracks, track_detections


@dataclass(frozen=True)
class TrackedResult:
    """What became of one result file.

    Attributes:
        result: The result file.
        path: The new one; None if that failed.
        individuals: Names of the individuals, also of those that were never seen.
        n_seen: Individuals that were ever seen.
        n_joins: Places where two stretches were taken for one animal: where a switch could be.
        n_doubtful: Those of them where another way to join was nearly as likely.
        n_frames: Frames.
        n_detections: Detections in all of them.
        n_left_out: Those that belong to no individual.
        n_gaps: How often an individual is missing between two frames in which it is there.
        n_filled: Poses that were filled in, in short gaps.
        figures: How well this agrees with labels, if there are any.
        left_out: Whether nothing was done, because it is what became of another of the results earlier.
        error: Why it failed; None if it did not.
    """

    result: Path
    path: Path | None = None
    individuals: tuple[str, ...] = ()
    n_seen: int = 0
    n_joins: int = 0
    n_doubtful: int = 0
    n_frames: int = 0
    n_detections: int = 0
    n_left_out: int = 0
    n_gaps: int = 0
    n_filled: int = 0
    figures: TrackingFigures | None = field(default=None)
    left_out: bool = False
    error: str | None = None


def track_results(
    results: Sequence[str | Path],
    *,
    individuals: int | None = None,
    settings: TrackingSettings | None = None,
    labels: str | Path | None = None,
    output: str | Path | None = None,
    overwrite: bool = False,
    on_result: Callable[[TrackedResult], None] | None = None,
    on_frames: Callable[[int], None] | None = None,
    **choices: Any,
) -> list[TrackedResult]:
    """Track the detections of result files; each becomes a new one, whose attribute `tracking` says how.

    Args:
        results: Result files; of one and what an earlier call made of it, only the former is tracked.
        individuals: How many animals there are; None for as many as the file has names or slots.
        settings: Limits; the default ones if omitted.
        labels: A tracked result file, or COCO JSON or a SLEAP project with identities, of the video of a single
            result file.
        output: Folder to write to, in which folders of the results are mirrored if there are several; None for beside
            each result, as `<name>_tracked.h5`.
        overwrite: Whether to replace files that exist.
        on_result: Called with what became of each, when it is finished.
        on_frames: Called with the number of frames just tracked.
        **choices: Settings to change, by name; None changes nothing.

    Returns:
        What became of each result file; one that fails does not stop the rest.

    Raises:
        ConfigError: If a number does not fit.
        LabelError: If the labels cannot be read, or are given for several result files.
    """
    settings = changed(settings or TrackingSettings(), choices)
    if individuals is not None and individuals < 1:
        raise ConfigError(f"individuals is {individuals}; there must be at least 1")
    if labels is not None and len(results) != 1:
        raise LabelError(f"{labels}: is of one video, but there are {len(results)} results; give one with its labels")
    truth = None if labels is None else read_identities(labels)
    tracked: list[TrackedResult] = []
    paths = list(map(Path, results))
    for result, path in zip(paths, changed_result_paths(paths, TRACKED, output), strict=True):
        try:
            if is_made_of_another(result, paths, TRACKED):
                tracked.append(TrackedResult(result, left_out=True))
            else:
                check_new_result(result, path, {one.path for one in tracked}, "track", overwrite=overwrite)
                tracked.append(_track(result, path, individuals, settings, truth, on_frames, overwrite=overwrite))
        except PoetlabError as error:
            tracked.append(TrackedResult(result, error=str(error)))
        except OSError as error:
            tracked.append(TrackedResult(result, error=f"{error.filename or path}: {error.strerror or error}"))
        if on_result:
            on_result(tracked[-1])
    return tracked


def track_file(
    result: str | Path,
    settings: TrackingSettings,
    n_individuals: int | None,
    on_frames: Callable[[int], None] | None = None,
) -> Tracks:
    """Track the detections of a result file, frame by frame, without changing it.

    Args:
        result: The file.
        settings: Limits.
        n_individuals: How many animals there are; None for any number.
        on_frames: Called with the number of frames just tracked.

    Raises:
        ResultsError: If the file is missing, cut off, or was not written by poetlab.
    """
    skeleton = Skeleton.from_dict(read_attributes(result)["skeleton"], str(result))
    return track_detections(iter_detections(result), skeleton, settings, n_individuals, on_frames)


def read_identities(path: str | Path) -> Identities:
    """Read who is where: from a tracked result file, COCO JSON with `track_id` or `individual`, or a SLEAP project.

    COCO's images tell their frame by their key `frame`, or else by the last number in their file names.

    Raises:
        LabelError: If no animal has an identity, an image no frame number, or if there are several videos.
        ResultsError: If it is a result file that cannot be read.
    """
    if matches_coco(Path(path)):
        return _identities_of_labels(read_coco(Path(path)), path)
    if matches_sleap(Path(path)):
        return _identities_of_labels(read_sleap(Path(path)), path)
    poses = read_poses(path)
    if not poses.tracked:
        raise LabelError(f"{path}: is not tracked, so it has no identities; give labels that have")
    return identities_of_poses(poses)


def _track(
    result: Path,
    path: Path,
    individuals: int | None,
    settings: TrackingSettings,
    truth: Identities | None,
    on_frames: Callable[[int], None] | None,
    *,
    overwrite: bool,
) -> TrackedResult:
    attributes = read_attributes(result)
    n_individuals = None if settings.unlimited else individuals or len(attributes["individuals"])
    tracks = track_file(result, settings, n_individuals, on_frames)
    if not tracks.individuals:
        raise ResultsError(f"{result}: nothing in it was seen long enough to be an individual; lower min_duration")
    if not tracks.tell_apart:
        raise ResultsError(
            f"{result}: too little goes on from frame to frame to tell the animals apart; analyze more of the frames"
        )
    figures = None
    if truth is not None:
        found = identities_of_blocks(tracks.individuals, _poses(result, tracks, settings), truth.frames)
        skeleton = Skeleton.from_dict(attributes["skeleton"], str(result))
        if truth.keypoints.shape[2] != skeleton.n_keypoints:
            raise LabelError(f"{result}: has other keypoints than the labels; give labels of its skeleton")
        figures = tracking_figures(truth, found, skeleton)
    path.parent.mkdir(parents=True, exist_ok=True)
    rewrite_results(
        result,
        path,
        individuals=tracks.individuals,
        slots=tracks.slots,
        tracked=True,
        joins=tracks.joins,
        fill_gap=settings.fill_gap,
        overwrite=overwrite,
        tracking=settings.model_dump() | {"individuals": n_individuals, "joins": len(tracks.joins)},
    )
    n_gaps, n_filled = _count_gaps(_poses(result, tracks, settings))
    return TrackedResult(
        result,
        path,
        tracks.individuals,
        n_seen=tracks.n_seen,
        n_joins=len(tracks.joins),
        n_doubtful=int(tracks.joins.is_doubtful.sum()),
        n_frames=int(attributes["n_frames"]),
        n_detections=len(tracks.slots),
        n_left_out=int((tracks.slots < 0).sum()),
        n_gaps=n_gaps,
        n_filled=n_filled,
        figures=figures,
    )


def _poses(result: Path, tracks: Tracks, settings: TrackingSettings) -> Iterator[PoseBlock]:
    """What the new file will have, block by block."""
    with ResultFile(result) as results:
        placed = place_in_slots(results.blocks(), tracks.slots, len(tracks.individuals))
        yield from fill_gaps(placed, settings.fill_gap)


def _count_gaps(blocks: Iterable[PoseBlock]) -> tuple[int, int]:
    """How often an individual is missing between two frames in which it is there, and how many poses are filled in."""
    is_found, n_filled = [], 0
    for block in blocks:
        is_found.append(block.scores > 0)
        n_filled += int(block.is_filled.sum())
    n_gaps = sum(int((np.diff(np.flatnonzero(found)) > 1).sum()) for found in np.concatenate(is_found).T)
    return n_gaps, n_filled


def _identities_of_labels(labels: SourceLabels, path: str | Path) -> Identities:
    names = sorted({one.individual for image in labels.images for one in image.instances if one.individual is not None})
    if not names:
        raise LabelError(f"{path}: no annotation has a track_id or individual; export the labels with identities")
    if len(videos := {image.video for image in labels.images}) > 1:
        listed = ", ".join(sorted(map(str, videos)))
        raise LabelError(f"{path}: has labels of several videos ({listed}); give labels of the result's video")
    numbers = [_frame_number(image, path) for image in labels.images]
    frames = np.unique(numbers)
    keypoints = np.full((len(frames), len(names), labels.skeleton.n_keypoints, 2), np.nan)
    for number, image in zip(numbers, labels.images, strict=True):
        for one in image.instances:
            if one.individual is not None:
                labeled = one.keypoints[..., 2:] > 0
                row = np.searchsorted(frames, number), names.index(one.individual)
                keypoints[row] = np.where(labeled, one.keypoints[..., :2], np.nan)
    return Identities(tuple(names), frames, keypoints)


def _frame_number(image: SourceImage, path: str | Path) -> int:
    if image.frame is not None:
        return image.frame
    numbers = re.findall(r"\d+", Path(image.file_name).stem)
    if not numbers:
        raise LabelError(f"{path}: the image '{image.file_name}' has no frame number in its name; name it as its frame")
    return int(numbers[-1])
