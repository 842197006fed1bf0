"""One video in, one result file out."""

import logging
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from poetlab.analysis.batches import Batch, automatic_batch_size, read_batches
from poetlab.analysis.plan import AnalysisPlan, Progress
from poetlab.analysis.prediction import FittingPredictor
from poetlab.analysis.selection import Crop
from poetlab.analysis.workers import share_cores
from poetlab.errors import ResultsError, VideoError
from poetlab.inference import Predictor
from poetlab.model.network import NetworkOutput
from poetlab.overlap import map_in_threads, run_ahead
from poetlab.poses import Instances
from poetlab.results.writing import ResultsWriter
from poetlab.skeleton import Skeleton
from poetlab.tracking.track import track_detections
from poetlab.video.fingerprint import fingerprint
from poetlab.video.reading import VideoFile, open_video

logger = logging.getLogger(__name__)

_NOT_TOLD_APART = "%s: too little goes on from frame to frame to tell the animals apart, so they are left as slots"


@dataclass(frozen=True)
class Analyzed:
    """What the analysis of one video did.

    Attributes:
        n_frames: Frames in the result.
        n_earlier: Of these, frames that a run that was stopped had finished.
        problems: What was wrong with the video, one sentence each.
    """

    n_frames: int
    n_earlier: int
    problems: tuple[str, ...]


def analyze_video(
    predictor: FittingPredictor, video_path: Path, path: Path, plan: AnalysisPlan, progress: Progress
) -> Analyzed:
    """Predict the poses in the frames of a video and write them to a result file.

    Decoding, the network and writing run at the same time. Batches start at multiples of their size, counted in the
    selected frames, also where a stopped run is continued; so that gives what a run in one go gives.

    Then the animals are told apart. Where tracking is off, or too little goes on from frame to frame (as in a single
    frame, or with a large stride), the slots of the result are ordered by score in each frame, so a slot is not one
    animal over time; the file says that it is not tracked.

    Args:
        predictor: The network.
        video_path: The video; it is streamed, so memory does not grow with its length.
        path: HDF5 file to write; it appears when it is whole.
        plan: Threshold, batch size, number of slots, selection; and `overwrite`, to give up a stopped run that has more
            frames than are wanted.
        progress: Functions to call.

    Raises:
        VideoError: If the video cannot be decoded, has none of the frames, or is smaller than the crop.
        ResultsError: If the result cannot be written, or another run is writing it.
        DeviceError: If memory does not hold what one frame takes.
    """
    with open_video(video_path) as video, share_cores(predictor.network.device) as n_workers:
        seen_size = _seen_size(video, plan.selection.crop)
        batch_size = plan.settings.batch_size or automatic_batch_size(predictor.network.device, seen_size)
        plan = replace(plan, settings=plan.settings.model_copy(update={"batch_size": batch_size}))
        with _open_results(path, predictor, video, plan) as writer:
            n_earlier = writer.n_frames
            progress.on_earlier_frames(n_earlier)
            n_in_whole_batches = n_earlier // batch_size * batch_size
            batches = _read(video, plan, n_in_whole_batches, predictor.network)
            with closing(run_ahead(_predict(predictor, run_ahead(batches), n_workers))) as outputs:
                n_known = n_earlier - n_in_whole_batches  # of the first batch
                for batch in outputs:
                    detections = _detections(predictor, batch, seen_size, plan)[n_known:]
                    if detections:
                        writer.append(batch.times[n_known:], detections, batch.frames[n_known:])
                        progress.on_frames(len(detections))
                    n_known = 0
            if not writer.n_frames:
                raise VideoError(f"{video_path}: ends before frame {plan.selection.start}; choose a smaller start")
            writer.finish(video.problems, **_tracks(writer, predictor.network.skeleton, plan, video.path, progress))
            return Analyzed(writer.n_frames, n_earlier, video.problems)


def _read(video: VideoFile, plan: AnalysisPlan, first: int, network: Predictor) -> Generator[Batch]:
    """The batches; a GPU resizes frames itself, for a CPU it is less work where they are decoded."""
    batch_size = plan.settings.batch_size or 1
    if network.device.type == "cpu":
        return read_batches(video, plan.selection, batch_size, first=first, prepare=network.resized)
    return read_batches(video, plan.selection, batch_size, first=first, pinned=network.device.type == "cuda")


@dataclass(frozen=True, eq=False)
class _Output:
    """What the network says of a batch, in one or more parts, and where the frames belong."""

    frames: np.ndarray
    times: np.ndarray
    parts: list[NetworkOutput]


def _predict(predictor: FittingPredictor, batches: Generator[Batch], n_workers: int) -> Generator[_Output]:
    """The outputs of the batches, of which several are computed at the same time."""

    def run(batch: Batch) -> _Output:
        return _Output(batch.frames, batch.times, predictor.run(batch.images))

    return map_in_threads(run, batches, n_workers)


def _tracks(
    writer: ResultsWriter, skeleton: Skeleton, plan: AnalysisPlan, video: Path, progress: Progress
) -> dict[str, Any]:
    """Who is who in the frames that were written, as `ResultsWriter.finish` takes it."""
    if not plan.tracking.enabled:
        return {}
    done = count(1)
    n_individuals = None if plan.tracking.unlimited else plan.n_individuals
    tracks = track_detections(
        writer.frames(),
        skeleton,
        plan.tracking,
        n_individuals,
        lambda _: progress.on_tracked(video, next(done), writer.n_frames),
    )
    if not tracks.tell_apart:
        if len(tracks.slots):
            logger.warning(_NOT_TOLD_APART, video)
        return {}
    how = plan.tracking.model_dump() | {"individuals": n_individuals, "joins": len(tracks.joins)}
    who = {"individuals": tracks.individuals, "slots": tracks.slots, "joins": tracks.joins}
    return who | {"fill_gap": plan.tracking.fill_gap, "tracking": how}


def _detections(
    predictor: FittingPredictor, output: _Output, size: tuple[int, int], plan: AnalysisPlan
) -> list[Instances]:
    found = [instances for part in output.parts for instances in predictor.network.instances(part, size)]
    crop = plan.selection.crop
    moved = [instances.moved(crop.x, crop.y) for instances in found] if crop else found
    return [instances.above(plan.settings.threshold) for instances in moved]


def _seen_size(video: VideoFile, crop: Crop | None) -> tuple[int, int]:
    """(height, width) of what the network sees of a frame."""
    if crop is None:
        return video.size
    if not crop.fits_in(video.size):
        height, width = video.size
        raise VideoError(f"{video.path}: the crop {crop} reaches out of the frame, which is {width} x {height} pixels")
    return crop.height, crop.width


def _open_results(path: Path, predictor: FittingPredictor, video: VideoFile, plan: AnalysisPlan) -> ResultsWriter:
    """The result file with the frames of a run that was stopped, none of which may be left out unless overwritten."""
    writer = _writer(path, predictor, video, plan)
    wanted, n_earlier = plan.selection.count(), writer.n_frames
    if wanted is None or n_earlier <= wanted:
        return writer
    with writer:
        if not plan.overwrite:
            raise ResultsError(
                f"{path}: a run that was stopped has analyzed {n_earlier} frames, more than are wanted now; "
                "go on with it by the same command as then, or give it up with --overwrite"
            )
    return _writer(path, predictor, video, plan, resume=False)


def _writer(
    path: Path, predictor: FittingPredictor, video: VideoFile, plan: AnalysisPlan, *, resume: bool = True
) -> ResultsWriter:
    where = plan.selection.to_dict()
    how_far = {name: where.pop(name) for name in ("stop", "max_frames")}
    return ResultsWriter(
        path,
        skeleton=predictor.network.skeleton,
        individuals=tuple(f"slot_{number}" for number in range(1, plan.n_individuals + 1)),
        size=video.size,
        fps=video.fps,
        video=video.path.name,
        video_path=video.path,
        video_fingerprint=fingerprint(video.path),
        model=predictor.network.name,
        tracked=False,
        settings={"threshold": plan.settings.threshold, **where},
        other_settings={"batch_size": plan.settings.batch_size, **how_far},
        model_digest=predictor.digest,
        resume=resume,
    )
