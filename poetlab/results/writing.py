"""Poses into a result file while a video is being analyzed, so that no interruption costs what is done."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import numpy as np

import poetlab
from poetlab.errors import ResultsError
from poetlab.poses import Instances
from poetlab.results.assembling import telling_errors, whole_result, write_results
from poetlab.results.detections import DetectionBlock, join_instances, slots_by_score
from poetlab.results.joins import Joins
from poetlab.results.locking import only_writer
from poetlab.results.partial import PartialFile, partial_path
from poetlab.results.pose_blocks import fill_gaps, place_in_slots
from poetlab.results.source_video import place_of
from poetlab.skeleton import Skeleton


class ResultsWriter:
    """Writes one video's result file, which appears under its name only when `finish` has succeeded.

    Until then every batch goes to `<name>.partial` in the same folder, which stays however the analysis ends. The next
    writer of the same results goes on with it: `n_frames` says how many frames it has, `last_frame` which was the
    last. What decides the results is stated in it; where that differs now, it is begun anew.

    Args:
        path: The file to write; its folder must exist, an older file of this name is replaced.
        skeleton: Names of the keypoint axis.
        individuals: Unique names of the slots that a frame's best detections are put into.
        size: (height, width) of the full frame in pixels.
        fps: Average frames per second; NaN if unknown.
        video: File name of the video.
        video_path: Where the video is, to state it from the folder of the file; None states nothing.
        video_fingerprint: What identifies the video's content.
        model: Name of the model that predicted the poses.
        tracked: Whether a name means one animal throughout, or only a slot.
        settings: What decides the detections, such as the threshold; anything that JSON can hold.
        other_settings: What does not, such as where to stop; stated among the settings, but it may change
            between an interruption and going on.
        model_digest: What identifies the model's weights.
        resume: Whether to go on with what an interrupted analysis has left.

    Raises:
        ResultsError: If the file cannot be created, or another process is writing it.
    """

    def __init__(  # noqa: PLR0913 - the facts that a result file states about itself, each by name
        self,
        path: str | Path,
        *,
        skeleton: Skeleton,
        individuals: tuple[str, ...],
        size: tuple[int, int],
        fps: float,
        video: str,
        video_path: str | Path | None = None,
        video_fingerprint: str,
        model: str,
        tracked: bool,
        settings: Mapping[str, Any],
        other_settings: Mapping[str, Any] | None = None,
        model_digest: str = "",
        resume: bool = True,
    ) -> None:
        self.path = Path(path)
        self._individuals = individuals
        self._tracked = tracked
        self._n_keypoints = skeleton.n_keypoints
        made_with = {
            "poetlab_version": poetlab.__version__,
            "video_fingerprint": video_fingerprint,
            "model": model,
            "model_digest": model_digest,
            "skeleton": skeleton.to_dict(),
            "individuals": list(individuals),
            "height": size[0],
            "width": size[1],
            "settings": dict(settings),
        }
        self._attributes = made_with | {
            "video": video,
            "fps": float(fps),
            "settings": dict(settings) | dict(other_settings or {}),
        }
        if not self.path.parent.is_dir():
            raise ResultsError(f"{self.path}: the folder {self.path.parent} does not exist; create it first")
        if video_path is not None:
            self._attributes |= place_of(video_path, self.path)
        with ExitStack() as stack, telling_errors(self.path.parent):
            stack.enter_context(only_writer(self.path))
            self._partial = PartialFile(partial_path(self.path), self._n_keypoints, made_with, resume=resume)
            self._held = stack.pop_all()

    @property
    def n_frames(self) -> int:
        """Frames kept so far, those of interrupted analyses included."""
        return self._partial.n_frames

    @property
    def last_frame(self) -> int | None:
        """Number in the video of the last frame kept; None if there is none."""
        return self._partial.last_frame if self.n_frames else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._held, telling_errors(self.path.parent):
            self._partial.close()
            if not self.n_frames:
                self._partial.path.unlink(missing_ok=True)

    def append(
        self, times: Sequence[float] | np.ndarray, detections: Sequence[Instances], frames: Sequence[int] | np.ndarray
    ) -> None:
        """Add frames that follow those already added; when this returns, killing the process does not lose them.

        Args:
            times: (n,) seconds since the first frame of the video.
            detections: n frames' instances, all of which are kept.
            frames: (n,) numbers of the frames in the video, rising.

        Raises:
            ResultsError: If the three differ in length, the numbers do not rise, the keypoints do not fit the
                skeleton, or the disk is full.
        """
        if not len(times) == len(detections) == len(frames):
            found = f"{len(times)} times and {len(frames)} frame numbers for {len(detections)} frames"
            raise ResultsError(f"{self.path}: {found}; give one of each a frame")
        if not len(frames):
            return
        block = self._block(np.asarray(times, float), detections, np.asarray(frames, np.int64))
        with telling_errors(self.path.parent):
            self._partial.append(block)

    def frames(self) -> Iterator[tuple[int, float, Instances]]:
        """Everything kept so far, frame by frame: number in the video, seconds, instances.

        Raises:
            ResultsError: If the partial file was damaged since it was written.
        """
        for block in self._partial.blocks():
            yield from zip(block.frames.tolist(), block.times.tolist(), block.instances(), strict=True)

    def finish(
        self,
        problems: Sequence[str] = (),
        individuals: tuple[str, ...] | None = None,
        slots: np.ndarray | None = None,
        joins: Joins | None = None,
        fill_gap: float = 0.0,
        **attributes: Any,
    ) -> None:
        """Put the detections into their slots and write the file; the partial one goes.

        Args:
            problems: What was wrong with the video, as sentences.
            individuals: Names of the individuals that tracking told apart; None for slots of the best detections.
            slots: (detections,) position of each detection in `individuals`, -1 for none, in the order of `frames`.
            joins: Where animals could be switched; None if they were not tracked.
            fill_gap: Most seconds between two detections of an individual to fill in between.
            **attributes: Further facts to state in the file; lists and mappings become JSON.

        Raises:
            ResultsError: If there is no frame, or the disk is full; then the partial file stays.
        """
        if not self.n_frames:
            raise ResultsError(f"{self.path}: no frame was added, so there is nothing to keep")
        with telling_errors(self.path.parent):
            self._partial.close()
        tracked = True
        if individuals is None or slots is None:
            individuals, tracked = self._individuals, self._tracked
            slots = slots_by_score(self._partial.counts(), len(individuals))
        facts = {"individuals": list(individuals), "tracked": int(tracked), "problems": list(problems)}
        with whole_result(self.path) as temporary:
            write_results(
                temporary,
                fill_gaps(place_in_slots(self._partial.blocks(), slots, len(individuals)), fill_gap),
                n_frames=self.n_frames,
                n_detections=len(slots),
                attributes=self._attributes | attributes | facts,
                joins=joins,
            )
        with telling_errors(self.path.parent):
            self._partial.path.unlink(missing_ok=True)

    def _block(self, times: np.ndarray, detections: Sequence[Instances], frames: np.ndarray) -> DetectionBlock:
        k = self._n_keypoints
        if (np.diff(frames, prepend=self._partial.last_frame) <= 0).any():
            raise ResultsError(f"{self.path}: frame {frames[0]} does not follow those added; add frames in their order")
        if any(instances.keypoints.shape[1:] != (k, 2) for instances in detections):
            raise ResultsError(f"{self.path}: the poses do not have the skeleton's {k} keypoints; use its own model")
        return DetectionBlock(
            frames=frames,
            times=times,
            counts=np.array([len(instances) for instances in detections], np.int32),
            detections=join_instances([_sorted_by_score(instances) for instances in detections]),
        )


def _sorted_by_score(instances: Instances) -> Instances:
    return instances.take(np.argsort(-instances.scores, kind="stable"))
