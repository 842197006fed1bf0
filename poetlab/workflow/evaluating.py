"""`evaluate`: a trained network measured on labeled images of a project."""

import json
from collections.abc import Callable
from pathlib import Path

from poetlab.analysis.batches import automatic_batch_size
from poetlab.errors import ProjectError
from poetlab.evaluation.evaluate import evaluate as evaluate_network
from poetlab.evaluation.report import Evaluation
from poetlab.files import whole_file
from poetlab.labels.label_set import LabelSet, Split
from poetlab.project import Project
from poetlab.workflow.networks import load_predictor

_SPLITS: tuple[Split, ...] = ("train", "val")


def evaluate(
    project: Project,
    *,
    snapshot: str | None = None,
    split: str = "val",
    device: str | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[Evaluation, Path]:
    """Measure a trained network on labeled images and write the figures as JSON.

    Args:
        project: The project.
        snapshot: Which network; None for the latest run's best.
        split: `val`, `train`, or the name of a label set, all of which is then used.
        device: Where to compute; None to choose.
        on_progress: Called with images done and in all.

    Returns:
        The figures, and the file that holds them.

    Raises:
        ProjectError: If there are no labels, or no label set of that name.
        SnapshotError: If there is no such snapshot or it cannot be read.
        SkeletonError: If it predicts another skeleton than the project's.
    """
    label_sets = _label_sets_of_split(project, split)
    predictor, path = load_predictor(project, snapshot, device)
    settings = project.config.analysis
    batch_size = settings.batch_size or automatic_batch_size(predictor.device)
    evaluation = evaluate_network(
        predictor, label_sets, threshold=settings.threshold, batch_size=batch_size, on_progress=on_progress
    )
    folder = path.parent if path.is_relative_to(project.models_dir) else project.results_dir
    report = folder / f"evaluation_{path.stem}_{split}.json"
    content = {"snapshot": path.name, "split": split, **evaluation.to_dict()}
    try:
        folder.mkdir(exist_ok=True)
        with whole_file(report) as partial:
            partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ProjectError(
            f"{report}: cannot be written ({error.strerror}); is the folder read-only or full?"
        ) from error
    return evaluation, report


def _label_sets_of_split(project: Project, split: str) -> list[LabelSet]:
    for known in _SPLITS:
        if split == known:
            selected = [label_set.select(known) for label_set in project.label_sets()]
            return [label_set for label_set in selected if label_set.images]
    return [project.label_set(split)]
