"""What to do with videos, how to be told of it, and what became of each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from poetlab.analysis.selection import Selection
from poetlab.analysis.settings import AnalysisSettings
from poetlab.tracking.settings import TrackingSettings


@dataclass(frozen=True)
class AnalysisPlan:
    """What to do with each video.

    Attributes:
        output_dir: Folder of the results.
        n_individuals: Most instances a frame: the individuals of the result, or its slots if it is not tracked.
        settings: Threshold and batch size.
        selection: Which frames, and which part of each.
        tracking: Whether and how each animal gets one name throughout.
        save_video: Whether to draw the poses into a copy of the video.
        overwrite: Whether to analyze again what has results.
    """

    output_dir: Path
    n_individuals: int
    settings: AnalysisSettings
    selection: Selection = field(default_factory=Selection)
    tracking: TrackingSettings = field(default_factory=TrackingSettings)
    save_video: bool = False
    overwrite: bool = False


def _ignore(*_: object) -> None:
    pass


@dataclass(frozen=True)
class Progress:
    """Functions that are told how far an analysis is; each does nothing unless given.

    Attributes:
        on_found: Called once, with every video and the frames that it should have by its header; None if unknown.
        on_video: Called with each video before it starts.
        on_frames: Called with the number of frames that were just finished.
        on_earlier_frames: Called with the number of a video's frames that an earlier run had finished.
        on_tracked: Called with a video and the frames in which its animals are told apart, and all of them.
        on_drawn: Called with a video and the frames of its labeled copy that are drawn, and all of them.
    """

    on_found: Callable[[Mapping[Path, int | None]], None] = _ignore
    on_video: Callable[[Path], None] = _ignore
    on_frames: Callable[[int], None] = _ignore
    on_earlier_frames: Callable[[int], None] = _ignore
    on_tracked: Callable[[Path, int, int], None] = _ignore
    on_drawn: Callable[[Path, int, int], None] = _ignore


@dataclass(frozen=True)
class VideoResult:
    """What became of one video.

    Attributes:
        video: The video.
        status: "done", "skipped" because its results exist, or "failed".
        path: Its result file; None if it failed.
        labeled_video: The video with its poses drawn in, if that was asked for.
        n_frames: Frames in the result file.
        n_new_frames: Of these, frames analyzed now.
        seconds: Time that took.
        most_animals: Largest number of animals found in one frame; None if it failed.
        mean_animals: Their mean number in a frame; None if it failed.
        n_tracks: Individuals that were ever found under a name of tracking; None if it was off.
        n_joins: Places where tracking took two stretches for one animal: where a switch could be; None if it was off.
        notes: What was wrong with the video, or why it failed or was skipped; one sentence each.
    """

    video: Path
    status: Literal["done", "skipped", "failed"]
    path: Path | None = None
    labeled_video: Path | None = None
    n_frames: int = 0
    n_new_frames: int = 0
    seconds: float = 0.0
    most_animals: int | None = None
    mean_animals: float | None = None
    n_tracks: int | None = None
    n_joins: int | None = None
    notes: tuple[str, ...] = ()
