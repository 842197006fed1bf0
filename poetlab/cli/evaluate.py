"""`poetlab evaluate`: measure a network on labeled images."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poetlab.cli.console import number, plain, progress_bar, relative, show, show_table, stopped_by_ctrl_c, table
from poetlab.cli.options import DeviceOption, ProjectOption, SnapshotOption

if TYPE_CHECKING:
    from poetlab.evaluation.report import Evaluation
    from poetlab.project import Project


def evaluate(
    snapshot: SnapshotOption = None,
    split: Annotated[str, typer.Option(metavar="val|train|LABELSET", help="Which images.")] = "val",
    device: DeviceOption = None,
    project: ProjectOption = Path(),
) -> None:
    """Measure a trained network: COCO figures, pixel errors, visibility and counts."""
    from poetlab.project import open_project

    run_evaluate(open_project(project), snapshot=snapshot, split=split, device=device)


def run_evaluate(
    project: "Project", *, snapshot: str | None = None, split: str = "val", device: str | None = None
) -> None:
    """Evaluate with a progress bar and show the figures."""
    from poetlab.workflow.evaluating import evaluate as evaluate_network

    with progress_bar("images") as progress, stopped_by_ctrl_c(lambda: "nothing was written"):
        task = progress.add_task(f"evaluating {plain(split)}", total=None)
        evaluation, report = evaluate_network(
            project,
            snapshot=snapshot,
            split=split,
            device=device,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    show_evaluation(evaluation)
    show(f"written to {relative(report)}")


def show_evaluation(evaluation: "Evaluation") -> None:
    """Print the figures as tables."""
    figures = table(*evaluation.coco, title="COCO keypoint figures (pycocotools)")
    figures.columns[0].justify = "right"
    figures.add_row(*(number(value, ".3f") for value in evaluation.coco.values()))
    show_table(figures)
    show(f"areas that scale OKS: {plain(evaluation.area_rule)}")
    errors = table("keypoint", "n", "median px", "90% within px", title="Distance to the labels, matched animals")
    for error in evaluation.keypoint_errors:
        errors.add_row(
            plain(error.keypoint), str(error.n), number(error.median, ".1f"), number(error.percentile_90, ".1f")
        )
    show_table(errors)
    show(
        f"{evaluation.n_images} images, {evaluation.n_animals} animals, {evaluation.n_detections} detections with a "
        f"score of at least {evaluation.threshold:g}: {evaluation.n_missed} missed, {evaluation.n_extra} too many, "
        f"mean count error {evaluation.count_error:.2f} an image"
    )
    accuracy = number(evaluation.visibility_accuracy, ".1%")
    show(f"visibility is right for {accuracy} of the keypoints of matched animals")
