"""`evaluate`: a trained network measured on labeled images of a project."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from poetlab.analysis.batches import automatic_batch_size
from poetlab.errors import ProjectError
from poetlab.evaluation.evaluate import score_predictions
from poetlab.evaluation.predicting import predict_images
from poetlab.evaluation.report import Evaluation
from poetlab.labels.confirmed import confirmed_only
from poetlab.labels.label_set import LabelSet, Split
from poetlab.labels.split_file import read_split_file
from poetlab.labels.splitting import restore_splits
from poetlab.project import Project
from poetlab.training.run_folder import RunFolder
from poetlab.workflow.evaluation_files import write_evaluation
from poetlab.workflow.networks import load_predictor

_SPLITS: tuple[Split, ...] = ("train", "val")


def evaluate(
    project: Project,
    *,
    snapshot: str | None = None,
    split: str = "val",
    decoder_layers: int | Literal["all"] | None = None,
    device: str | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[Evaluation, Path]:
    """Measure a trained network on labeled images and write the figures as JSON, with detections and plots beside it.

    Args:
        project: The project.
        snapshot: Which network; None for the latest run's best.
        split: `val` or `train`, as the network's run had them, or the name of a label set, all of which is then used.
        decoder_layers: Measure the network with only so many decoder layers, the first; `all` measures it as it is
            and adds the COCO figures after each layer.
        device: Where to compute; None to choose.
        on_progress: Called with images done and in all.

    Returns:
        The figures, and the file that holds them.

    Raises:
        ProjectError: If there are no labels, no label set of that name, or if the files cannot be written.
        SnapshotError: If there is no such snapshot, it cannot be read, it has fewer decoder layers, or it predicts what
            is not a number.
        SkeletonError: If it predicts another skeleton than the project's.
    """
    label_sets = _label_sets_of_split(project, split, snapshot)
    every_layer = decoder_layers == "all"
    n_layers = None if isinstance(decoder_layers, str) else decoder_layers
    predictor, path = load_predictor(project, snapshot, device, decoder_layers=n_layers)
    folder = path.parent if path.is_relative_to(project.models_dir) else project.results_dir
    _check_writable(folder)
    settings = project.config.analysis
    batch_size = settings.batch_size or automatic_batch_size(predictor.device)
    predicted = predict_images(
        predictor, label_sets, every_layer=every_layer, batch_size=batch_size, on_progress=on_progress
    )
    evaluation = score_predictions(predicted, predictor.skeleton, settings.threshold, every_layer=every_layer)
    name = f"evaluation_{path.stem}_{split}"
    if decoder_layers is not None:
        name += "_decoder_layers" if every_layer else f"_decoder_layers_{n_layers}"
    origin = {
        "snapshot": path.name,
        "split": split,
        "n_decoder_layers": predictor.model.settings.n_decoder_layers,
    }
    return evaluation, write_evaluation(folder, name, origin, evaluation, predicted)


def _label_sets_of_split(project: Project, split: str, snapshot: str | None) -> list[LabelSet]:
    """The labels to measure on, as the network's run has split them; labels that were added since are as imported."""
    for known in _SPLITS:
        if split == known:
            label_sets = project.label_sets()
            if (run := RunFolder(project.find_snapshot(snapshot).parent)).split.is_file():
                label_sets = restore_splits(label_sets, read_split_file(run.split))
            selected = [label_set.select(known) for label_set in confirmed_only(label_sets)]
            return [label_set for label_set in selected if label_set.images]
    return confirmed_only([project.label_set(split)])


def _check_writable(folder: Path) -> None:
    """Raise a ProjectError now rather than after the work is done."""
    try:
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ProjectError(f"{folder}: cannot be written to ({error.strerror}); is it read-only or full?") from error
