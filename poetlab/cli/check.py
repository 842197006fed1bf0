"""`poetlab check`: look through labels for mistakes."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poetlab.cli.console import counted, plain, progress_bar, relative, show, show_table, stopped_by_ctrl_c, table
from poetlab.cli.options import ProjectOption

if TYPE_CHECKING:
    from poetlab.checking.finding import Place
    from poetlab.checking.report import CheckReport

FOUND = 3
"""The exit status where something was found that is as bad as `--fail-on`."""

_MOST_ROWS = 20


class FailOn(StrEnum):
    """From which severity on the command fails."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"
    NEVER = "never"


def check(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME...", help="Label sets.", show_default="all of them")
    ] = None,
    fail_on: Annotated[
        FailOn, typer.Option(help="From which severity on to exit with status 3, for scripts.")
    ] = FailOn.ERROR,
    skip: Annotated[
        list[str] | None, typer.Option(metavar="CHECK", help="Leave out a check; may be repeated.", show_default="none")
    ] = None,
    accept: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="A finding that is right, or all; may be repeated.", show_default="none"),
    ] = None,
    min_images: Annotated[int, typer.Option(help="In how many images a keypoint shall be labeled.")] = 10,
    pictures: Annotated[int, typer.Option(help="Findings on the picture sheet; 0 for no sheet.")] = 24,
    no_images: Annotated[
        bool, typer.Option("--no-images", help="Do not read the images; copies of them are not found then.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option(help="Folder to write to.", show_default="the project's labels")
    ] = None,
    project: ProjectOption = Path(),
) -> None:
    """Look for mistakes in labels: a table, a picture sheet of the worst, and JSON."""
    from poetlab.project import open_project
    from poetlab.workflow.checking import check_labels

    opened = open_project(project)
    with progress_bar("images") as progress, stopped_by_ctrl_c(lambda: "nothing was written"):
        task = progress.add_task("reading images", total=None, visible=not no_images)
        report = check_labels(
            opened,
            names or (),
            skip=skip or (),
            accept=accept or (),
            read_images=not no_images,
            min_images=min_images,
            n_pictures=pictures,
            output=output,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    show_report(report)
    if _fails(report, fail_on):
        raise typer.Exit(FOUND)


def show_report(report: "CheckReport") -> None:
    """Print the counts of every check, then the worst findings."""
    from poetlab.checking.checks import CHECKS
    from poetlab.checking.finding import Severity

    sets = ", ".join(report.label_sets)
    show(f"checked {plain(sets)}: {counted(report.n_images, 'image')}, {counted(report.n_animals, 'animal')}")
    counts = table("check", *(f"{severity.value}s" for severity in Severity), "looks for")
    counts.columns[-1].justify = "left"
    for name, found in report.counts().items():
        counts.add_row(name, *(str(found[severity] or "-") for severity in Severity), CHECKS[name].looks_for)
    show_table(counts)
    _show_findings(report)
    if len(report.findings) > _MOST_ROWS:
        show(f"and {len(report.findings) - _MOST_ROWS} more, see {relative(report.path)}")
    if report.n_accepted:
        show(f"[dim]not shown:[/] {counted(report.n_accepted, 'finding')} accepted in check_accepted.yaml")
    for remark in report.remarks:
        show(f"[dim]not judged:[/] {plain(remark)}")
    show(f"written to {relative(report.path)}" + (f"; pictures: {relative(report.sheet)}" if report.sheet else ""))


def _show_findings(report: "CheckReport") -> None:
    """Print the worst findings, three lines each: where and by which id, what, and what to do."""
    colors = {"error": "red", "warning": "yellow", "note": "blue"}
    for name, finding in zip(report.ids[:_MOST_ROWS], report.findings, strict=False):
        kind = finding.severity.value
        show(f"[{colors[kind]}]{kind}[/] {finding.check}: {_named(finding.place)} [dim]({name})[/]")
        show(f"  {plain(finding.what)}")
        show(f"  [dim]{plain(finding.advice)}[/]")


def _named(place: "Place") -> str:
    """A place in words."""
    if place.image is None:
        return "all labels" if place.label_set is None else plain(place.label_set)
    animal = ""
    if place.instance is not None:
        animal = f", animal {place.instance}" + (f" ({place.individual})" if place.individual else "")
    return plain(f"{place.label_set}/{place.image}{animal}")


def _fails(report: "CheckReport", fail_on: FailOn) -> bool:
    from poetlab.checking.finding import Severity

    return fail_on is not FailOn.NEVER and report.n_at_least(Severity(fail_on.value)) > 0
