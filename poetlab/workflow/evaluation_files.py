"""What an evaluation leaves on disk: its figures, the detections behind them, and plots."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from poetlab.errors import ProjectError
from poetlab.evaluation.calibration import Calibration
from poetlab.evaluation.center_error import relative_center_offsets
from poetlab.evaluation.detections import coco_results
from poetlab.evaluation.predicting import PredictedImage
from poetlab.evaluation.report import Evaluation
from poetlab.evaluation.visibility import visibility_by_label
from poetlab.files import whole_file
from poetlab.plots.centers import plot_centers
from poetlab.plots.decoder_layers import plot_decoder_layers
from poetlab.plots.reliability import plot_reliability
from poetlab.plots.visibility import plot_visibility


def write_evaluation(
    folder: Path,
    name: str,
    origin: Mapping[str, Any],
    evaluation: Evaluation,
    predicted: Sequence[PredictedImage],
) -> Path:
    """Write an evaluation's files, all of which start with one name, over those of an earlier one of that name.

    Args:
        folder: Where to.
        name: What their names start with.
        origin: What was evaluated, to stand before the figures.
        evaluation: The figures.
        predicted: What they were computed from.

    Returns:
        The JSON file with the figures.

    Raises:
        ProjectError: If a file cannot be written; what stood under its name before is then still there.
    """
    try:
        _write_detections(folder, name, predicted)
        _draw_plots(folder, name, evaluation)
        report = folder / f"{name}.json"
        with whole_file(report) as partial:
            partial.write_text(json.dumps({**origin, **evaluation.to_dict()}, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        place = error.filename or folder
        raise ProjectError(
            f"{place}: cannot be written ({error.strerror}); is the folder read-only or full?"
        ) from error
    return report


def _write_detections(folder: Path, name: str, predicted: Sequence[PredictedImage]) -> None:
    """Write a file a label set, in COCO's results format; they carry its name where they are several."""
    by_label_set: dict[str, list[PredictedImage]] = {}
    for each in predicted:
        by_label_set.setdefault(each.label_set.name, []).append(each)
    for label_set, images in by_label_set.items():
        middle = f"_{label_set}" if len(by_label_set) > 1 else ""
        path = folder / f"{name}{middle}_detections.json"
        with whole_file(path) as partial, partial.open("w", encoding="utf-8") as file:
            file.writelines(_json_lines(images))


def _json_lines(images: Sequence[PredictedImage]) -> Iterator[str]:
    """A list in pieces, one line a detection, so that it is never in memory as a whole."""
    yield "["
    separator = "\n"
    for each in images:
        for entry in coco_results(each.instances, each.image_id):
            yield separator + json.dumps(entry)
            separator = ",\n"
    yield "\n]\n"


def _draw_plots(folder: Path, name: str, evaluation: Evaluation) -> None:
    """Draw what there is data for; where there is none, an older picture would be wrong."""
    centers, visibility, reliability = (folder / f"{name}_{of}.png" for of in ("centers", "visibility", "reliability"))
    offsets = relative_center_offsets(evaluation.matched)
    if len(offsets):
        plot_centers(offsets, centers)
    else:
        centers.unlink(missing_ok=True)
    if len(evaluation.matched):
        plot_visibility(visibility_by_label(evaluation.matched), visibility)
        _draw_reliability(evaluation.calibration, reliability)
    else:
        visibility.unlink(missing_ok=True)
        reliability.unlink(missing_ok=True)
    layers = folder / f"{name}.png"
    if evaluation.coco_by_decoder_layer and not math.isnan(evaluation.coco["AP"]):
        plot_decoder_layers(evaluation.coco_by_decoder_layer, layers)
    else:
        layers.unlink(missing_ok=True)


def _draw_reliability(calibration: Calibration, path: Path) -> None:
    predicted, visible, chance = np.array([(each.predicted, each.visible, each.chance) for each in calibration.bins]).T
    title = f"{calibration.n:,} keypoints, calibration error {calibration.error:.3f}"
    plot_reliability(predicted, visible, chance, title, path)
