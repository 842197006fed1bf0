"""`poetlab export`: result files as those of other tools."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poetlab.cli.console import exit_if_any_failed, plain, progress_bar, relative, show, stopped_by_ctrl_c
from poetlab.cli.options import ResultsArgument

if TYPE_CHECKING:
    from poetlab.workflow.exporting import ExportedResult


def export(
    results: ResultsArgument,
    to: Annotated[str, typer.Option(metavar="FORMAT", help="csv, parquet, dlc, sleap or nwb.")],
    output: Annotated[
        Path | None, typer.Option(help="Folder to write to.", show_default="FORMAT/ beside each result")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
) -> None:
    """Write results as files of pandas, DeepLabCut, SLEAP or NWB."""
    from poetlab.results.exporting.formats import export_format
    from poetlab.workflow.exporting import export_results

    with progress_bar("results") as progress, stopped_by_ctrl_c(lambda: "the finished files are kept"):
        task = progress.add_task(f"exporting to {plain(to)}", total=len(results))
        exported = export_results(
            results,
            to,
            output=output,
            overwrite=overwrite,
            on_progress=lambda done, _: progress.update(task, completed=done),
            on_result=_show_result,
        )
    failed = [one for one in exported if one.error is not None]
    if len(failed) < len(exported):
        show(f"left out, as {plain(to)} has no place for it: {export_format(to).leaves_out}")
    exit_if_any_failed([one.error for one in exported])


def _show_result(exported: "ExportedResult") -> None:
    if exported.error is not None:
        show(f"[red]failed:[/] {plain(exported.error)}")
        return
    show(f"{plain(exported.result.name)} -> {', '.join(relative(path) for path in exported.paths)}")
    if exported.are_slots:
        show("  [yellow]note:[/] not tracked: its individuals are slots by score, not animals over time")
