"""`poetlab import`: bring labels into a project and say what came in."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poetlab.cli.console import counted, plain, progress_bar, relative, show, show_table, stopped_by_ctrl_c, table
from poetlab.cli.options import ProjectOption
from poetlab.errors import LabelError

if TYPE_CHECKING:
    from poetlab.labels.report import ImportReport
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
    val_fraction: Annotated[float, typer.Option(help="Part of the images kept for validation.")] = 0.2,
    project: ProjectOption = Path(),
) -> None:
    """Import labels: COCO, CVAT, DeepLabCut, Label Studio, Lightning Pose, MacaquePose, NWB, SLEAP or YOLO-pose."""
    from poetlab.project import open_project

    if name is not None and len(paths) > 1:
        raise LabelError("--name fits one PATH; import several one by one to name them")
    opened = open_project(project)
    for path in paths:
        run_import(
            opened, path, label_format=label_format, images=images, name=name, link=link, val_fraction=val_fraction
        )


def run_import(
    project: "Project",
    path: Path,
    *,
    label_format: str | None = None,
    images: Path | None = None,
    name: str | None = None,
    link: bool = False,
    val_fraction: float = 0.2,
) -> None:
    """Import one source with a progress bar, and show the report."""
    from poetlab.workflow.importing import import_labels

    with progress_bar("steps") as progress, stopped_by_ctrl_c(lambda: "nothing was imported"):
        task = progress.add_task(f"importing {plain(path.name)}", total=None)
        report = import_labels(
            project,
            path,
            label_format=label_format,
            images=images,
            name=name,
            link=link,
            val_fraction=val_fraction,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    show_report(report)


def show_report(report: "ImportReport") -> None:
    """Print what came in, and what was left out and why."""
    show(f"imported [bold]{plain(report.name)}[/] ({report.format}) into {relative(report.folder)}")
    (low_height, low_width), (high_height, high_width) = report.image_sizes
    sizes = f"{low_width} x {low_height}"
    if report.image_sizes[0] != report.image_sizes[1]:
        sizes += f" to {high_width} x {high_height}"
    show(
        f"  {counted(report.n_images, 'image')} of {sizes} pixels: {report.n_train} for training, "
        f"{report.n_val} for validation; {report.n_negatives} without animals"
    )
    if report.n_made:
        show(f"  {report.n_made} of them taken out of videos or the label file, so they are files here in any case")
    n_animals = report.n_instances - report.n_crowd
    show(
        f"  {counted(n_animals, 'animal')}, {report.n_without_keypoints} of them without keypoints; "
        f"{counted(report.n_crowd, 'crowd region')}"
    )
    size = report.animal_sizes
    show(f"  animal size (root of area): {size.smallest:.0f} to {size.largest:.0f} pixels, median {size.median:.0f}")
    show(f"  area for OKS: {plain(report.area_rule)}")
    points = table("keypoint", "visible", "occluded")
    for keypoint, count in report.points.items():
        points.add_row(plain(keypoint), str(count.visible), str(count.occluded))
    show_table(points)
    for reason, (n_cases, examples) in report.left_out.items():
        named = f" (such as {plain(', '.join(examples))})" if examples else ""
        show(f"  [yellow]left out:[/] {plain(reason)}: {n_cases}{named}")
