"""`poetlab export-labels`: labels, and predictions to correct, into labeling tools."""

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from poetlab.cli.console import counted, plain, progress_bar, relative, show, stopped_by_ctrl_c
from poetlab.cli.options import ProjectOption

if TYPE_CHECKING:
    from poetlab.labels.exporting.export import ExportedLabels
    from poetlab.workflow.exporting_labels import LabelsExport


def export_labels(
    to: Annotated[str, typer.Option(metavar="FORMAT", help="sleap, coco, cvat, label-studio, dlc or yolo.")],
    results: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[RESULTS]...", help="Result files whose predictions to export.", show_default="none"),
    ] = None,
    frames: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|N,N",
            help="Frames of the results: numbers, or a CSV file with the columns video,frame.",
            show_default="none",
        ),
    ] = None,
    labels: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A label set to export, can be repeated; with results, the one that predictions go to.",
            show_default="all; with results corrections",
        ),
    ] = None,
    video: Annotated[
        Path | None,
        typer.Option(help="The video of the results, if these are of one.", show_default="where it was analyzed"),
    ] = None,
    videos: Annotated[
        Path | None, typer.Option(help="Folder of their videos.", show_default="where they were analyzed")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder to make.", show_default="exports/001-FORMAT in the project")
    ] = None,
    project: ProjectOption = Path(),
) -> None:
    """Write labels, or predictions to correct, with their images for SLEAP, CVAT, DeepLabCut and others.

    `poetlab import` brings them back.
    """
    from poetlab.project import open_project
    from poetlab.workflow.exporting_labels import export_labels as export

    opened = open_project(project)
    with (
        progress_bar("steps") as progress,
        stopped_by_ctrl_c(lambda: "nothing was exported, though predictions may be in their label set"),
    ):
        task = progress.add_task(f"exporting to {plain(to)}", total=None)
        exported = export(
            opened,
            to,
            results or (),
            labels=labels or (),
            frames=frames,
            video=video,
            videos=videos,
            output=output,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    _show_added(exported)
    for one in exported.label_sets:
        _show_label_set(one, exported)


def _show_added(exported: "LabelsExport") -> None:
    """Print what became of predictions."""
    if (added := exported.added) is None:
        return
    show(
        f"predictions in {relative(added.label_set.images_dir.parent)}: {counted(added.n_added, 'image')} added, "
        f"{added.n_renewed} renewed; they do not train until a person has corrected or confirmed them"
    )
    if added.n_kept:
        show(f"  {counted(added.n_kept, 'image')} labeled by a person before: exported as they are")
    for reason, (n_cases, examples) in exported.left_out.items():
        show(f"  [yellow]left out:[/] {plain(reason)}: {n_cases} (such as {plain(', '.join(examples))})")


def _show_label_set(one: "ExportedLabels", exported: "LabelsExport") -> None:
    """Print what was written of a label set, what has no place there, and how it comes back."""
    show(
        f"exported [bold]{plain(one.name)}[/] to {relative(one.folder)}: {counted(one.n_images, 'image')}, "
        f"{counted(one.n_instances, 'animal')}, {one.n_predictions} of them predictions"
    )
    for loss, n in one.losses.items():
        show(f"  [yellow]left out, as {exported.format.name} has no place for it:[/] {plain(loss)}: {n}")
    if one.losses:
        show("  what is left out stays in the project, also when the labels come back")
    folder, images, name = (quote(text) for text in (relative(one.folder), relative(one.folder / "images"), one.name))
    if exported.format.is_edited_in_place:
        show(f"  when it is corrected: poetlab import {folder}")
    else:
        show(f"  when it is corrected: poetlab import EXPORTED --name {plain(name)} --images {images}")
