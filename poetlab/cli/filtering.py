"""`poetlab filter`: clean up results."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poetlab.cli.console import exit_if_any_failed, plain, progress_bar, relative, show, stopped_by_ctrl_c
from poetlab.cli.options import ResultsArgument

if TYPE_CHECKING:
    from poetlab.workflow.filtering import FilteredResult


def filter_(
    results: ResultsArgument,
    threshold: Annotated[
        float | None, typer.Option(help="Visibility below which a keypoint becomes missing.", show_default="none")
    ] = None,
    max_gap: Annotated[
        int | None, typer.Option(help="Most missing frames in a row to fill in.", show_default="none")
    ] = None,
    fill: Annotated[str, typer.Option(help="How: linear or cubic.")] = "linear",
    smooth: Annotated[str | None, typer.Option(help="median or savgol.", show_default="none")] = None,
    window: Annotated[int, typer.Option(help="Frames that a smoothed position is made of; odd.")] = 5,
    order: Annotated[int, typer.Option(help="Order of savgol's polynomial.")] = 2,
    output: Annotated[
        Path | None, typer.Option(help="Folder to write to.", show_default="beside, as NAME_filtered.h5")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
) -> None:
    """Clean up results: a threshold, gaps filled, positions smoothed."""
    from poetlab.workflow.filtering import filter_results

    with progress_bar("results") as progress, stopped_by_ctrl_c(lambda: "the finished files are kept"):
        task = progress.add_task("filtering", total=len(results))
        filtered = filter_results(
            results,
            threshold=threshold,
            max_gap=max_gap,
            fill=fill,
            smooth=smooth,
            window=window,
            order=order,
            output=output,
            overwrite=overwrite,
            on_progress=lambda done, _: progress.update(task, completed=done),
            on_result=_show_result,
        )
    exit_if_any_failed([one.error for one in filtered])


def _show_result(filtered: "FilteredResult") -> None:
    if filtered.left_out:
        show(f"{plain(filtered.result.name)}: left out, because it was made of another of these results by filtering")
        return
    if filtered.path is None:
        show(f"[red]failed:[/] {plain(filtered.error)}")
        return
    show(
        f"{plain(filtered.result.name)} -> {relative(filtered.path)}: "
        f"{filtered.n_before} keypoints with a position before, {filtered.n_after} now"
    )
