"""`poetlab evaluate`: measure a network on labeled images."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from poetlab.cli.console import (
    counted,
    number,
    plain,
    progress_bar,
    relative,
    show,
    show_table,
    stopped_by_ctrl_c,
    table,
)
from poetlab.cli.options import DeviceOption, ProjectOption, SnapshotOption
from poetlab.errors import ConfigError

if TYPE_CHECKING:
    from poetlab.evaluation.calibration import Calibration
    from poetlab.evaluation.report import Evaluation
    from poetlab.project import Project


def evaluate(
    snapshot: SnapshotOption = None,
    split: Annotated[str, typer.Option(metavar="val|train|LABELSET", help="Which images.")] = "val",
    decoder_layers: Annotated[
        str | None,
        typer.Option(
            metavar="K|all",
            help="Use only the first K decoder layers; all: compare the figures after each.",
            show_default="the whole network",
        ),
    ] = None,
    device: DeviceOption = None,
    project: ProjectOption = Path(),
) -> None:
    """Measure a trained network: COCO figures, pixel errors, centers, visibility, calibration and counts."""
    from poetlab.project import open_project

    layers = _parse_layers(decoder_layers)
    run_evaluate(open_project(project), snapshot=snapshot, split=split, decoder_layers=layers, device=device)


def run_evaluate(
    project: "Project",
    *,
    snapshot: str | None = None,
    split: str = "val",
    decoder_layers: int | Literal["all"] | None = None,
    device: str | None = None,
) -> None:
    """Evaluate with a progress bar and show the figures."""
    from poetlab.workflow.evaluating import evaluate as evaluate_network

    with progress_bar("images") as progress, stopped_by_ctrl_c(lambda: "nothing was written"):
        task = progress.add_task(f"evaluating {plain(split)}", total=None)
        evaluation, report = evaluate_network(
            project,
            snapshot=snapshot,
            split=split,
            decoder_layers=decoder_layers,
            device=device,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    show_evaluation(evaluation)
    beside = "detections and plots" if len(evaluation.matched) else "detections"
    show(f"written to {relative(report)}, with {beside} beside it")


def show_evaluation(evaluation: "Evaluation") -> None:
    """Print the figures: tables first, then a line each."""
    _show_coco(evaluation)
    errors = table("keypoint", "n", "median px", "90% within px", title="Distance to the labels, matched animals")
    for error in evaluation.keypoint_errors:
        errors.add_row(
            plain(error.keypoint), str(error.n), number(error.median, ".1f"), number(error.percentile_90, ".1f")
        )
    show_table(errors)
    if evaluation.calibration.n:
        _show_calibration(evaluation.calibration)
    show(
        f"{counted(evaluation.n_images, 'image')}, {counted(evaluation.n_animals, 'animal')}, "
        f"{counted(evaluation.n_detections, 'detection')} with a score of at least {evaluation.threshold:g}: "
        f"{evaluation.n_missed} missed (recall {number(evaluation.recall, '.3f')}), {evaluation.n_extra} too many, "
        f"mean count error {evaluation.count_error:.2f} an image"
    )
    _show_centers(evaluation)
    _show_visibility(evaluation)
    if not math.isnan(evaluation.score_ranking):
        show(f"scores rank matched animals by OKS: rank correlation {evaluation.score_ranking:.2f}")


def _show_coco(evaluation: "Evaluation") -> None:
    """The COCO figures, those of each decoder layer and label set where there are several, and what scales OKS."""
    figures = table(*evaluation.coco, title="COCO keypoint figures (pycocotools)")
    figures.columns[0].justify = "right"
    figures.add_row(*_numbers(evaluation.coco))
    show_table(figures)
    show(
        f"areas that scale OKS: {plain(evaluation.area_rule)}; sigmas: {plain(evaluation.sigma_rule)}; "
        f"at most {evaluation.most_detections} detections an image count"
    )
    layers = {str(number): layer for number, layer in enumerate(evaluation.coco_by_decoder_layer, start=1)}
    for column, rows in (("decoder layers", layers), ("label set", evaluation.coco_by_label_set)):
        if rows:
            parts = table(column, *evaluation.coco)
            for name, part in rows.items():
                parts.add_row(plain(name), *_numbers(part))
            show_table(parts)


def _numbers(figures: Mapping[str, float]) -> list[str]:
    return [number(value, ".3f") for value in figures.values()]


def _show_centers(evaluation: "Evaluation") -> None:
    error = evaluation.center_error
    if error.n:
        show(
            f"centers of matched animals ({error.n}): median error {error.median:.1f} px, 90% within "
            f"{error.percentile_90:.1f} px; {error.median_x:.1%} of a box's width, {error.median_y:.1%} of its height"
        )
    else:
        show("centers: no matched animal has a visible keypoint, so there is nothing to compare or draw")


def _show_visibility(evaluation: "Evaluation") -> None:
    figures = evaluation.visibility
    if len(evaluation.matched):
        show(
            f"visibility is right for {figures.accuracy:.1%} of the keypoints of matched animals: for "
            f"{number(figures.visible_seen, '.2%')} of {figures.n_visible} visible ones and "
            f"{number(figures.not_visible_unseen, '.2%')} of {figures.n_not_visible} others"
        )
    else:
        show("visibility: no animal is matched, so there is nothing to compare or draw")


def _show_calibration(figures: "Calibration") -> None:
    calibration = table(
        "keypoints",
        "labeled visible",
        "mean prediction",
        "calibration error",
        "by chance",
        "Brier score",
        title="Predicted visibility as a probability, matched animals",
    )
    calibration.columns[0].justify = "right"
    calibration.add_row(
        str(figures.n),
        f"{figures.visible:.3f}",
        f"{figures.predicted:.3f}",
        f"{figures.error:.3f}",
        f"{figures.error_by_chance:.3f}",
        f"{figures.brier_score:.3f}",
    )
    show_table(calibration)


def _parse_layers(text: str | None) -> int | Literal["all"] | None:
    if text is None:
        return None
    if text == "all":
        return "all"
    if not text.isdecimal():
        raise ConfigError(f"--decoder-layers is '{text}'; give a number of layers, or all")
    return int(text)
