"""`poetlab render`: draw results into copies of their videos."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poetlab.cli.console import counted, exit_if_any_failed, plain, progress_bar, relative, show, stopped_by_ctrl_c
from poetlab.cli.options import ResultsArgument

if TYPE_CHECKING:
    from poetlab.workflow.rendering import RenderedResult


def render(
    results: ResultsArgument,
    video: Annotated[Path | None, typer.Option(help="The video.", show_default="found by its name")] = None,
    videos: Annotated[
        Path | None, typer.Option(help="Folder of the videos.", show_default="where they were analyzed")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Folder to write to.", show_default="beside the results")] = None,
    trail: Annotated[float, typer.Option(help="Seconds that trails reach back; 0 for none.")] = 2.0,
    names: Annotated[bool, typer.Option("--names/--no-names", help="Write names.")] = True,
    start: Annotated[int, typer.Option(help="First frame of the video, counted from 0.")] = 0,
    stop: Annotated[
        int | None, typer.Option(help="First frame not to draw any more.", show_default="the video's end")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
) -> None:
    """Draw results into copies of their videos."""
    from poetlab.workflow.rendering import render_results

    with (
        progress_bar("frames") as progress,
        stopped_by_ctrl_c(lambda: "the finished videos are kept, nothing is half written"),
    ):
        task = progress.add_task("preparing", total=None)

        def on_progress(result: Path, done: int, total: int) -> None:
            if done == 1:
                progress.reset(task, total=total, description=plain(result.name))
            progress.update(task, completed=done)

        rendered = render_results(
            results,
            video=video,
            videos=videos,
            output=output,
            trail=trail,
            names=names,
            start=start,
            stop=stop,
            overwrite=overwrite,
            on_progress=on_progress,
            on_result=_show_result,
        )
    exit_if_any_failed([one.error for one in rendered])


def _show_result(rendered: "RenderedResult") -> None:
    if rendered.path is None:
        show(f"[red]failed:[/] {plain(rendered.error)}")
        return
    show(f"{plain(rendered.result.name)}: {counted(rendered.n_frames, 'frame')} -> {relative(rendered.path)}")
    if not rendered.tracked:
        show("  [yellow]note:[/] not tracked, so there are scores in place of names, and no trails")
