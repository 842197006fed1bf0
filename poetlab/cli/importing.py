"""`poetlab import`: bring labels into a project and say what came in."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from poetlab.cli.console import counted, plain, progress_bar, relative, show, show_table, stopped_by_ctrl_c, table
from poetlab.cli.options import ProjectOption
from poetlab.errors import LabelError

if TYPE_CHECKING:
    from poetlab.labels.report import ImportReport
    from poetlab.labels.updating import UpdateReport
    from poetlab.project import Project


def import_(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Label files, folders of labels, or zip archives of these.")
    ],
    label_format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="coco, cvat, dlc, label-studio, lightning-pose, macaquepose, nwb, sleap or yolo.",
            show_default="detected",
        ),
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="Folder of the images or videos.", show_default="beside the labels")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="What to call the label set.", show_default="as the file or folder")
    ] = None,
    link: Annotated[bool, typer.Option("--link", help="Link to image files instead of copying them.")] = False,
    rename: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OLD=NEW|FILE",
            help="What to call a keypoint of the labels, or a YAML file of that; can be repeated.",
            show_default="none",
        ),
    ] = None,
    keypoints: Annotated[
        str | None,
        typer.Option(metavar="A,B,C", help="The keypoints to take, by their new names, in order.", show_default="all"),
    ] = None,
    split: Annotated[
        str, typer.Option(metavar="video|frame|FILE", help="Whether images of one video validate together.")
    ] = "video",
    val_fraction: Annotated[float, typer.Option(help="Part of the images kept for validation.")] = 0.2,
    confirmed: Annotated[
        bool, typer.Option("--confirmed", help="A person has looked at every prediction; unchanged ones are right.")
    ] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Remove images that the labels no longer have.")] = False,
    project: ProjectOption = Path(),
) -> None:
    """Import labels: COCO, CVAT, DeepLabCut, Label Studio, Lightning Pose, MacaquePose, NWB, SLEAP or YOLO-pose.

    A label set of that name is updated.
    """
    from poetlab.labels.keypoint_names import read_renames
    from poetlab.project import open_project

    if name is not None and len(paths) > 1:
        raise LabelError("--name fits one PATH; import several one by one to name them")
    opened = open_project(project)
    renames = read_renames(rename or ())
    chosen = None if keypoints is None else [keypoint.strip() for keypoint in keypoints.split(",")]
    for path in paths:
        run_import(
            opened,
            path,
            label_format=label_format,
            images=images,
            name=name,
            link=link,
            rename=renames,
            keypoints=chosen,
            split=split,
            val_fraction=val_fraction,
            confirmed=confirmed,
            prune=prune,
        )


def run_import(project: "Project", path: Path, **choices: Any) -> None:
    """Import one source with a progress bar, and show the report; `choices` are those of `poetlab.import_labels`."""
    from poetlab.workflow.importing import import_labels

    with progress_bar("steps") as progress, stopped_by_ctrl_c(lambda: "nothing was imported"):
        task = progress.add_task(f"importing {plain(path.name)}", total=None)
        report = import_labels(
            project,
            path,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
            **choices,
        )
    show_report(report)


def show_report(report: "ImportReport") -> None:
    """Print what came in, and what was left out and why."""
    done, into = ("updated", "in") if report.update else ("imported", "into")
    show(f"{done} [bold]{plain(report.name)}[/] ({report.format}) {into} {relative(report.folder)}")
    if report.update:
        _show_update(report.update)
    (low_height, low_width), (high_height, high_width) = report.image_sizes
    sizes = f"{low_width} x {low_height}"
    if report.image_sizes[0] != report.image_sizes[1]:
        sizes += f" to {high_width} x {high_height}"
    show(
        f"  {counted(report.n_images, 'image')} of {sizes} pixels: {report.n_train} for training, "
        f"{report.n_val} for validation; {report.n_negatives} without animals"
    )
    if report.split_rule:
        show(f"  split {plain(report.split_rule)}")
    if report.n_made:
        show(f"  {report.n_made} of them taken out of videos or the label file, so they are files here in any case")
    n_animals = report.n_instances - report.n_crowd
    show(
        f"  {counted(n_animals, 'animal')}, {report.n_without_keypoints} of them without keypoints; "
        f"{counted(report.n_crowd, 'crowd region')}"
    )
    _show_predictions(report)
    size = report.animal_sizes
    show(f"  animal size (root of area): {size.smallest:.0f} to {size.largest:.0f} pixels, median {size.median:.0f}")
    show(f"  area for OKS: {plain(report.area_rule)}")
    if report.lacking:
        show(
            f"  [yellow]not in these labels:[/] {plain(', '.join(report.lacking))}; unlabeled in all their images, so "
            "training takes them as not visible there"
        )
    points = table("keypoint", "visible", "occluded")
    for keypoint, count in report.points.items():
        points.add_row(plain(keypoint), str(count.visible), str(count.occluded))
    show_table(points)
    for reason, (n_cases, examples) in report.left_out.items():
        named = f" (such as {plain(', '.join(examples))})" if examples else ""
        show(f"  [yellow]left out:[/] {plain(reason)}: {n_cases}{named}")


def _show_predictions(report: "ImportReport") -> None:
    """Print what models have made, and what of that nobody has confirmed."""
    if report.n_corrected or report.n_unconfirmed:
        show(f"  {report.n_corrected} of them are corrected or confirmed predictions")
    if report.n_unconfirmed:
        show(
            f"  [yellow]{counted(report.n_unconfirmed, 'prediction')} that nobody has confirmed:[/] images with these "
            "are not trained on; correct or confirm them, or import with --confirmed"
        )
    if report.n_found_empty:
        show(
            f"  [yellow]{counted(report.n_found_empty, 'image')} in which a model has found no animal:[/] not trained "
            "on either, until animals are labeled there, or --confirmed says that there are none"
        )


def _show_update(update: "UpdateReport") -> None:
    """Print what has changed in a label set that was there."""
    show(
        f"  {counted(update.n_added, 'image')} added, {update.n_changed} changed, {update.n_unchanged} unchanged, "
        f"{update.n_gone} gone"
    )
    if update.n_replaced:
        show(f"  {update.n_replaced} of the changed show something else than before under the same name")
    if update.n_gone:
        what = "removed with their labels" if update.gone_are_removed else "kept; to remove them, import with --prune"
        show(f"  those that are gone from the labels are {what}")
