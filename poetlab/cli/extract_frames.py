"""`poetlab extract-frames`: frames of videos as images, for the first round of labeling."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poetlab.cli.console import counted, exit_if_any_failed, plain, progress_bar, relative, show, stopped_by_ctrl_c

if TYPE_CHECKING:
    from poetlab.workflow.extracting import ExtractedFrames


def extract_frames(
    videos: Annotated[
        list[Path], typer.Argument(metavar="VIDEO...", help="Video files, folders of them, or quoted patterns.")
    ],
    n: Annotated[int, typer.Option("--number", "-n", help="Frames in all, shared evenly by the videos.")],
    method: Annotated[
        str,
        typer.Option(
            metavar="kmeans|uniform|motion",
            help="Frames that look different, at equal distances, or where most changes.",
        ),
    ] = "kmeans",
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to make.")] = Path("frames"),
) -> None:
    """Write frames of videos as images, for the first round of labeling."""
    from poetlab.workflow.extracting import extract_frames as extract

    with (
        progress_bar("frames") as progress,
        stopped_by_ctrl_c(lambda: "what is done is kept. The same command goes on from there"),
    ):
        task = progress.add_task("preparing", total=None)

        def on_progress(video: Path, done: int, total: int | None) -> None:
            progress.update(task, description=plain(video.name), completed=done, total=total)

        def on_result(one: "ExtractedFrames") -> None:
            progress.update(task, completed=progress.tasks[0].total)  # nothing is wanted of what comes after its last
            _show_result(one)

        extracted = extract(videos, n, method=method, output=output, on_progress=on_progress, on_result=on_result)
    n_frames = sum(len(one.frames) for one in extracted)
    if n_frames:
        show(f"{counted(n_frames, 'image')} -> {relative(output)}; frames.csv in it lists them")
    exit_if_any_failed([one.error for one in extracted], "videos")


def _show_result(extracted: "ExtractedFrames") -> None:
    if extracted.error is not None:
        show(f"[red]failed:[/] {plain(extracted.error)}")
        return
    show(f"{plain(extracted.name)}: {counted(len(extracted.frames), 'frame')}")
    if len(extracted.frames) < extracted.n_wanted:
        show(f"  [yellow]note:[/] it has no more, {extracted.n_wanted} were wanted")
    for problem in extracted.problems:
        show(f"  [yellow]note:[/] {plain(problem)}; other programs may number its frames otherwise")
