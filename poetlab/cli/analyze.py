"""`poetlab analyze`: predict the poses in videos."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from poetlab.cli.console import plain, progress_bar, relative, show, stopped_by_ctrl_c
from poetlab.cli.options import DeviceOption, ProjectOption, SnapshotOption

if TYPE_CHECKING:
    from poetlab.analysis import VideoResult
    from poetlab.project import Project


def analyze(
    videos: Annotated[list[Path], typer.Argument(metavar="VIDEO...", help="Video files.")],
    snapshot: SnapshotOption = None,
    threshold: Annotated[
        float | None, typer.Option(help="Score from which a detection counts.", show_default="from config.yaml")
    ] = None,
    max_frames: Annotated[int | None, typer.Option(help="Frames of each video.", show_default="all")] = None,
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
    from poetlab.project import open_project

    results = run_analyze(
        open_project(project),
        videos,
        snapshot=snapshot,
        threshold=threshold,
        max_frames=max_frames,
        save_video=save_video,
        overwrite=overwrite,
        output=output,
        batch_size=batch_size,
        device=device,
    )
    if any(result.status == "failed" for result in results):
        raise typer.Exit(1)


def run_analyze(project: "Project", videos: list[Path], **choices: Any) -> "list[VideoResult]":
    """Analyze with one progress bar over all videos and show what became of each."""
    from poetlab.workflow.analyzing import analyze as analyze_videos

    with progress_bar("frames") as progress:
        task = progress.add_task("preparing", total=_count_frames(videos, choices.get("max_frames")))
        with stopped_by_ctrl_c(lambda: "the finished videos are kept. The same command goes on with the rest"):
            results = analyze_videos(
                project,
                videos,
                on_video=lambda video: progress.update(task, description=plain(video.name)),
                on_frames=lambda n: progress.advance(task, n),
                on_result=_show_result,
                **choices,
            )
    failed = [result for result in results if result.status == "failed"]
    if failed:
        show(f"[red]{len(failed)} of {len(results)} videos failed:[/]")
        for result in failed:
            show(f"  {plain(result.video)}: {plain('; '.join(result.notes))}")
    return results


def _count_frames(videos: list[Path], max_frames: int | None) -> int | None:
    """Frames in all by the videos' headers; None if one does not say. Videos that cannot be opened count nothing."""
    from poetlab.errors import VideoError
    from poetlab.video.reading import open_video

    total = 0
    for path in videos:
        try:
            with open_video(path) as video:
                n_frames = video.n_frames_estimate
        except VideoError:
            continue
        if n_frames is None and max_frames is None:
            return None
        total += min(n for n in (n_frames, max_frames) if n is not None)
    return total


def _show_result(result: "VideoResult") -> None:
    if result.status == "done" and result.path:
        rate = result.n_frames / result.seconds if result.seconds else 0
        show(f"{plain(result.video.name)}: {result.n_frames} frames, {rate:.1f} a second -> {relative(result.path)}")
    else:
        show(f"{plain(result.video.name)}: {result.status}")
    if result.status != "failed":
        for note in result.notes:
            show(f"  [yellow]note:[/] {plain(note)}")
    if result.labeled_video:
        show(f"  labeled video: {relative(result.labeled_video)}")
