"""`poetlab suggest`: frames of analyzed videos that are worth labeling next."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poetlab.cli.console import counted, plain, progress_bar, relative, show, show_table, stopped_by_ctrl_c, table
from poetlab.cli.options import DeviceOption, ProjectOption, ResultsArgument, SnapshotOption

if TYPE_CHECKING:
    from poetlab.frames.suggesting import Suggestion

_SHOWN = 10


def suggest(
    results: ResultsArgument,
    n: Annotated[int, typer.Option("--number", "-n", help="Frames in all.")],
    video: Annotated[Path | None, typer.Option(help="The video.", show_default="found by its name")] = None,
    videos: Annotated[
        Path | None, typer.Option(help="Folder of the videos.", show_default="where they were analyzed")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to make.")] = Path("suggested"),
    snapshot: SnapshotOption = None,
    device: DeviceOption = None,
    project: ProjectOption = Path(),
) -> None:
    """Find the frames of analyzed videos that are worth labeling next, and write them as images."""
    from poetlab.project import open_project
    from poetlab.workflow.suggesting import suggest_frames

    with progress_bar("frames") as progress, stopped_by_ctrl_c(lambda: "nothing was written"):
        task = progress.add_task("ranking", total=None)

        def on_progress(work: str, path: Path, done: int, total: int) -> None:
            progress.update(task, description=f"{work} {plain(path.name)}", completed=done, total=total)

        suggestions = suggest_frames(
            open_project(project),
            results,
            n,
            snapshot=snapshot,
            video=video,
            videos=videos,
            output=output,
            device=device,
            on_progress=on_progress,
        )
    _show_suggestions(suggestions)
    if len(suggestions) < n:
        show(f"[yellow]note:[/] there are no more frames that are not labeled; {n} were wanted")
    show(f"{counted(len(suggestions), 'image')} -> {relative(output)}; frames.csv in it lists them")


def _show_suggestions(suggestions: "list[Suggestion]") -> None:
    shown = table("video", "frame", "score")
    shown.add_column("why", overflow="fold")
    for one in suggestions[:_SHOWN]:
        shown.add_row(plain(one.video), str(one.frame), f"{one.score:.2f}", plain("; ".join(one.reasons)))
    show_table(shown)
    if len(suggestions) > _SHOWN:
        show(f"and {len(suggestions) - _SHOWN} more")
