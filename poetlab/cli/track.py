"""`poetlab track`: one name for each animal throughout a video, from results that exist."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poetlab.cli.console import (
    exit_if_any_failed,
    number,
    plain,
    progress_bar,
    relative,
    show,
    show_table,
    stopped_by_ctrl_c,
    table,
)
from poetlab.cli.options import ProjectOption, ResultsArgument

if TYPE_CHECKING:
    from poetlab.tracking.settings import TrackingSettings
    from poetlab.workflow.tracking import TrackedResult


def track(
    results: ResultsArgument,
    individuals: Annotated[
        int | None, typer.Option(help="How many animals there are.", show_default="as many as the file has slots")
    ] = None,
    unlimited: Annotated[bool, typer.Option("--unlimited", help="Any number of animals that come and go.")] = False,
    max_speed: Annotated[
        float | None,
        typer.Option(help="Body lengths a second that no animal exceeds.", show_default="from config.yaml"),
    ] = None,
    max_gap: Annotated[
        float | None,
        typer.Option(help="With --unlimited: seconds unseen after which a name ends.", show_default="from config.yaml"),
    ] = None,
    fill_gap: Annotated[
        float | None,
        typer.Option(help="Longest pause to fill, in seconds; 0 for none.", show_default="from config.yaml"),
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Labels with identities to compare with.", show_default="none")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder to write to.", show_default="beside, as NAME_tracked.h5"),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
    project: ProjectOption = Path(),
) -> None:
    """Give each animal one name throughout a video, without running the network again."""
    from poetlab.workflow.tracking import track_results

    with progress_bar("frames") as progress, stopped_by_ctrl_c(lambda: "the finished files are kept"):
        task = progress.add_task("tracking", total=_count_frames(results))
        tracked = track_results(
            results,
            individuals=individuals,
            settings=_settings(project),
            labels=labels,
            output=output,
            overwrite=overwrite,
            unlimited=unlimited or None,
            max_speed=max_speed,
            max_gap=max_gap,
            fill_gap=fill_gap,
            on_result=_show_result,
            on_frames=lambda n_frames: progress.advance(task, n_frames),
        )
    _show_summary([one for one in tracked if one.path])
    exit_if_any_failed([one.error for one in tracked])


def _count_frames(results: list[Path]) -> int:
    """Frames of all results to track that can be read; tracking reports the others."""
    from poetlab.errors import ResultsError
    from poetlab.results.naming import TRACKED, is_made_of_another
    from poetlab.results.reading import read_attributes

    total = 0
    for path in results:
        with suppress(ResultsError):
            if is_made_of_another(path, results, TRACKED):
                continue
            total += int(read_attributes(path)["n_frames"])
    return total


def _settings(project: Path) -> "TrackingSettings":
    """Those of the project, or the default ones outside of any."""
    from poetlab.errors import ProjectError
    from poetlab.project import open_project
    from poetlab.tracking.settings import TrackingSettings

    try:
        return open_project(project).config.tracking
    except ProjectError:
        return TrackingSettings()


def _show_result(tracked: "TrackedResult") -> None:
    if tracked.left_out:
        show(f"{plain(tracked.result.name)}: left out, because it was made of another of these results by tracking")
    elif tracked.path is None:
        show(f"[red]failed:[/] {plain(tracked.error)}")
    else:
        show(f"{plain(tracked.result.name)} -> {relative(tracked.path)}")


def _show_summary(tracked: "list[TrackedResult]") -> None:
    if not tracked:
        return
    summary = table("result", "frames", "individuals", "joins", "doubtful", "gaps", "filled", "left out")
    for one in tracked:
        numbers = (one.n_frames, one.n_seen, one.n_joins, one.n_doubtful, one.n_gaps, one.n_filled)
        left_out = f"{one.n_left_out} of {one.n_detections}"
        summary.add_row(plain(one.result.name), *map(str, numbers), left_out)
    show_table(summary)
    compared = table("labels", "frames", "missed", "switches", "fragments", "IDF1", "IDF1 of found", "HOTA")
    for one in tracked:
        if figures := one.figures:
            counts = (figures.n_labeled, figures.n_frames, figures.n_missed, figures.switches, figures.fragments)
            parts = (figures.idf1, figures.idf1_of_found, figures.hota)
            compared.add_row(*map(str, counts), *(number(part, ".3f") for part in parts))
    if compared.row_count:
        show_table(compared)
