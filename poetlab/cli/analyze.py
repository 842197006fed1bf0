"""`poetlab analyze`: predict the poses in videos."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import Progress as Bar
from rich.progress import TaskID

from poetlab.cli.console import (
    count_as_done,
    counted,
    number,
    plain,
    progress_bar,
    relative,
    show,
    show_table,
    stopped_by_ctrl_c,
    table,
)
from poetlab.cli.options import DeviceOption, ProjectOption, SnapshotOption

if TYPE_CHECKING:
    from poetlab.analysis.plan import VideoResult
    from poetlab.project import Project


def analyze(
    videos: Annotated[
        list[Path], typer.Argument(metavar="VIDEO...", help="Video files, folders of them, or quoted patterns.")
    ],
    snapshot: SnapshotOption = None,
    threshold: Annotated[
        float | None, typer.Option(help="Score from which a detection counts.", show_default="from config.yaml")
    ] = None,
    start: Annotated[int, typer.Option(help="First frame, counted from 0.")] = 0,
    stop: Annotated[
        int | None, typer.Option(help="First frame not to analyze any more.", show_default="the video's end")
    ] = None,
    stride: Annotated[int, typer.Option(help="Every how many-th frame.")] = 1,
    max_frames: Annotated[int | None, typer.Option(help="Most frames of each video.", show_default="all")] = None,
    crop: Annotated[
        str | None,
        typer.Option(metavar="X,Y,W,H", help="Part of each frame to look at, in pixels.", show_default="all of it"),
    ] = None,
    track: Annotated[
        bool | None,
        typer.Option(
            "--track/--no-track", help="One name for each animal throughout.", show_default="from config.yaml"
        ),
    ] = None,
    save_video: Annotated[bool, typer.Option("--save-video", help="Also draw the poses into a copy.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Analyze again what has results.")] = False,
    output: Annotated[Path | None, typer.Option(help="Folder of the results.", show_default="results/")] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Frames that the network sees at once.", show_default="from config.yaml")
    ] = None,
    device: DeviceOption = None,
    project: ProjectOption = Path(),
) -> None:
    """Predict the poses in every frame of videos."""
    from poetlab.analysis.selection import Crop
    from poetlab.project import open_project

    results = run_analyze(
        open_project(project),
        videos,
        snapshot=snapshot,
        threshold=threshold,
        start=start,
        stop=stop,
        stride=stride,
        max_frames=max_frames,
        crop=astuple(Crop.parse(crop)) if crop is not None else None,
        track=track,
        save_video=save_video,
        overwrite=overwrite,
        output=output,
        batch_size=batch_size,
        device=device,
    )
    if any(result.status == "failed" for result in results):
        raise typer.Exit(1)


def run_analyze(project: "Project", videos: list[Path], **choices: Any) -> "list[VideoResult]":
    """Analyze with one progress bar over all videos, and show what became of each."""
    from poetlab.analysis.plan import Progress
    from poetlab.workflow.analyzing import analyze as analyze_videos

    with progress_bar("frames") as bar:
        frames = _FramesBar(bar)
        progress = Progress(
            frames.expect, frames.begin, frames.advance, frames.advance_by_earlier, frames.track, frames.draw
        )
        with stopped_by_ctrl_c(lambda: "what is finished is kept. The same command goes on from there"):
            results = analyze_videos(project, videos, progress=progress, on_result=frames.end, **choices)
    _show_summary(results)
    return results


class _FramesBar:
    """One bar over the frames of all videos, whose total follows what the videos turn out to have."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._task = bar.add_task("preparing", total=None)
        self._n_frames: dict[Path, int | None] = {}
        self._n_done = 0
        self._further: TaskID | None = None

    def expect(self, n_frames: Mapping[Path, int | None]) -> None:
        self._n_frames = dict(n_frames)
        self._show_total()

    def begin(self, video: Path) -> None:
        self._n_done = 0
        self._bar.update(self._task, description=plain(video.name))

    def advance(self, n: int) -> None:
        self._n_done += n
        self._bar.advance(self._task, n)

    def advance_by_earlier(self, n: int) -> None:
        self._n_done += n
        self._bar.advance(self._task, 0)  # the rate counts from here on, as the first batches may come all at once
        count_as_done(self._bar, self._task, n)

    def track(self, video: Path, done: int, total: int) -> None:
        """Count the frames in which the animals are told apart."""
        self._count_further("tracking", video, done, total)

    def draw(self, video: Path, done: int, total: int) -> None:
        """Count the frames of a labeled video that are drawn."""
        self._count_further("drawing", video, done, total)

    def _count_further(self, work: str, video: Path, done: int, total: int) -> None:
        """Count in a second bar, which is there until the video is finished."""
        description = f"{work} {plain(video.name)}"
        if self._further is None:
            self._further = self._bar.add_task(description, total=total)
        self._bar.update(self._further, description=description, completed=done, total=total)

    def end(self, result: "VideoResult") -> None:
        if self._further is not None:
            self._bar.remove_task(self._further)
            self._further = None
        self._n_frames[result.video] = self._n_done
        self._show_total()
        _show_result(result)

    def _show_total(self) -> None:
        known = [n for n in self._n_frames.values() if n is not None]
        self._bar.update(self._task, total=sum(known) if len(known) == len(self._n_frames) else None)


def _show_result(result: "VideoResult") -> None:
    if result.status == "done" and result.path:
        show(f"{plain(result.video.name)}: {counted(result.n_frames, 'frame')} -> {relative(result.path)}")
    else:
        show(f"{plain(result.video.name)}: {result.status}")
    if result.status != "failed":
        for note in result.notes:
            show(f"  [yellow]note:[/] {plain(note)}")
    if result.labeled_video:
        show(f"  labeled video: {relative(result.labeled_video)}")


def _show_summary(results: "Sequence[VideoResult]") -> None:
    summary = table("video", "frames", "seconds", "frames/s", "animals", "tracks", "joins", "status")
    for result in results:
        rate = result.n_new_frames / result.seconds if result.seconds else math.nan
        summary.add_row(
            plain(result.video),
            str(result.n_frames),
            f"{result.seconds:.1f}",
            number(rate, ".1f"),
            _animals(result),
            "-" if result.n_tracks is None else str(result.n_tracks),
            "-" if result.n_joins is None else str(result.n_joins),
            result.status,
        )
    show_table(summary)
    failed = [result for result in results if result.status == "failed"]
    if failed:
        show(f"[red]{len(failed)} of {len(results)} videos failed:[/]")
        for result in failed:
            reason = "; ".join(result.notes)
            video = str(result.video)
            show(f"  {plain(reason if reason.startswith(video) else f'{video}: {reason}')}")


def _animals(result: "VideoResult") -> str:
    if result.most_animals is None or result.mean_animals is None:
        return "-"
    return f"{result.most_animals}, mean {result.mean_animals:.2f}"
