"""`poetlab plot`: draw what is in results."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poetlab.cli.console import exit_if_any_failed, plain, progress_bar, relative, show, stopped_by_ctrl_c
from poetlab.cli.options import ResultsArgument

if TYPE_CHECKING:
    from poetlab.workflow.plotting import PlottedResult


def plot(
    results: ResultsArgument,
    output: Annotated[Path | None, typer.Option(help="Folder to write to.", show_default="beside the results")] = None,
) -> None:
    """Draw trajectories, likelihood, speed and presence as PNG."""
    from poetlab.workflow.plotting import plot_results

    with progress_bar("results") as progress, stopped_by_ctrl_c(lambda: "the finished pictures are kept"):
        task = progress.add_task("plotting", total=len(results))
        plotted = plot_results(
            results,
            output=output,
            on_progress=lambda done, _: progress.update(task, completed=done),
            on_result=_show_result,
        )
    exit_if_any_failed([one.error for one in plotted])


def _show_result(plotted: "PlottedResult") -> None:
    if plotted.error is not None:
        show(f"[red]failed:[/] {plain(plotted.error)}")
        return
    show(f"{plain(plotted.result.name)} -> {', '.join(relative(path) for path in plotted.paths)}")
    if plotted.left_out:
        show(f"  [yellow]note:[/] not tracked, so a slot is not one animal: no {', '.join(plotted.left_out)}")
