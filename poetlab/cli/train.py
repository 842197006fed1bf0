"""`poetlab train`: train a network, or go on with a run that was interrupted."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from poetlab.cli.console import count_megabytes, counted, number, plain, progress_bar, relative, show, stopped_by_ctrl_c
from poetlab.cli.options import DeviceOption, ProjectOption

if TYPE_CHECKING:
    from poetlab.model.pretrained import Transfer
    from poetlab.project import Project
    from poetlab.workflow.training import TrainingStart

_MOST_NAMES = 20


def train(
    preset: Annotated[
        str | None,
        typer.Option(
            help="poet-swift-light, -medium or -large; poet-r18, poet-r50 or poet-dc5-r50.",
            show_default="from config.yaml",
        ),
    ] = None,
    pretrained: Annotated[str, typer.Option(metavar="coco|imagenet|none|FILE", help="Weights to start from.")] = "none",
    keypoint_map: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="YAML: the project's keypoints and the pretrained ones to start from.",
            show_default="none",
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Times that every image is shown.", show_default="from config.yaml")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images a step.", show_default="from config.yaml")] = None,
    device: DeviceOption = None,
    seed: Annotated[int | None, typer.Option(help="Of everything random.", show_default="from config.yaml")] = None,
    also_evaluate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LABELSET",
            help="Never train on this label set, only measure on it at each validation; can be repeated.",
            show_default="from config.yaml",
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="video|frame|FILE", help="Split the images anew, or as a file says.", show_default="as imported"
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the latest run.")] = False,
    project: ProjectOption = Path(),
) -> None:
    """Train a network on the project's labels."""
    from poetlab.project import open_project

    run_train(
        open_project(project),
        preset=preset,
        pretrained=pretrained,
        keypoint_map=keypoint_map,
        epochs=epochs,
        batch_size=batch_size,
        device=device,
        seed=seed,
        also_evaluate=also_evaluate or (),
        split=split,
        resume=resume,
    )


def run_train(project: "Project", **choices: Any) -> None:
    """Train with a progress bar and show what came of it; `choices` are those of `poetlab.train`."""
    from poetlab.workflow.training import train as train_network

    with progress_bar("steps") as progress:
        task = progress.add_task("preparing", total=None)
        begun: list[TrainingStart] = []

        def on_start(start: "TrainingStart") -> None:
            begun.append(start)
            _show_start(start)

        def on_step(done: int, total: int, loss: float) -> None:
            progress.update(task, completed=done, total=total, description=f"training, loss {loss:7.2f}")

        def what_is_kept() -> str:
            return "the run is saved. Go on with: poetlab train --resume" if begun else "the run had not begun"

        with stopped_by_ctrl_c(what_is_kept):
            result = train_network(
                project,
                on_download=count_megabytes(progress, "weights"),
                on_start=on_start,
                on_step=on_step,
                on_epoch=lambda row: _show_epoch(row, begun[0].also_evaluated),
                **choices,
            )
    is_trained = result.rows[-1]["epoch"] > 0
    if result.n_skipped:
        show(
            f"left out {counted(result.n_skipped, 'epoch')} before the upright ones: for "
            f"{counted(result.patience, 'epoch')} validation AP had not become better"
        )
    if result.stopped_early:
        show(f"stopped early: for {counted(result.patience, 'epoch')} validation AP has not become better")
    show(f"{'trained' if is_trained else 'measured the start of'} {relative(result.folder.path)}")
    show(f"  metrics: {relative(result.folder.metrics)} and {relative(result.folder.metrics_plot)}")
    if is_trained:
        found = "0; the run has learned nothing yet" if result.best_ap is None else f"{result.best_ap:.3f}"
        show(f"  best validation AP: {found}")


def show_transfer(transfer: "Transfer") -> None:
    """Print what became of pretrained weights."""
    show(
        f"  pretrained: {len(transfer.taken)} tensors taken, {len(transfer.adapted)} adapted "
        f"({plain(', '.join(transfer.adapted) or 'none')}), {len(transfer.left)} left at their own start"
    )
    if transfer.left:
        show(f"    left: {plain(_summarize(transfer.left))}")
    origins = transfer.keypoints_from
    if not transfer.uses_pose_head:
        reason = "is of another size" if transfer.known_keypoints else "is not among these weights"
        show(f"    keypoints: all {len(origins)} start at random, as the pose head {reason}")
        return
    groups = {
        "taken from those of equal name": [name for name, origin in origins.items() if name == origin],
        "taken from others": [
            f"{name} from {origin}" for name, origin in origins.items() if origin not in {name, None}
        ],
        "new, at the animal's center at first": [name for name, origin in origins.items() if origin is None],
    }
    for what, names in groups.items():
        if names:
            show(f"    keypoints {what}: {plain(', '.join(names))}")


def _summarize(names: Sequence[str]) -> str:
    """Names of tensors; if there are many, how many of each part of the network."""
    if len(names) <= _MOST_NAMES:
        return ", ".join(names)
    parts = Counter(name.partition(".")[0] for name in names)
    return ", ".join(f"{part} ({n})" for part, n in parts.items())


def _show_start(start: "TrainingStart") -> None:
    begun = f"going on after epoch {start.n_epochs_done} of" if start.resumed else "training"
    network = f"{start.preset} with {plain(start.backbone)}" if start.backbone else start.preset
    show(f"{begun} {relative(start.folder.path)}: {network} on {start.device}, {counted(start.n_epochs, 'epoch')}")
    _show_images(start)
    if start.stopped_early:
        show("  it has ended early, since its validation AP was flat; to go on, give --epochs")
    elif start.n_epochs_done >= start.n_epochs > 0:
        show("  all its epochs are done already; for more, give a higher --epochs")
    if start.choices:
        show("  chosen for these images, and why; config.yaml can say otherwise:")
    for name, choice in start.choices.items():
        value = list(choice.value) if isinstance(choice.value, tuple) else choice.value
        show(f"    {name} {plain(value)}: {plain(choice.reason)}")
    if start.transfer:
        show_transfer(start.transfer)
    if start.frozen:
        show(f"  frozen: {plain(', '.join(start.frozen))}")
    if len(set(start.rates.values())) > 1:
        named_first = sorted(start.rates.items(), key=lambda item: not item[0])
        rates = (f"{plain(part) or 'all else'} {rate:g}" for part, rate in named_first)
        show(f"  learning rates: {', '.join(rates)}")


def _show_images(start: "TrainingStart") -> None:
    """Print which images a run learns from and is measured on."""
    validated = f"{start.n_validation_images} for validation"
    if not start.n_validation_images:
        validated = "none for validation, so AP is measured on the training images"
    show(f"  {counted(start.n_training_images, 'training image')}, {validated}")
    if start.split_rule:
        show(f"  split {plain(start.split_rule)}")
    for name, n_images in start.also_evaluated.items():
        show(f"  {plain(name)}: {counted(n_images, 'image')}, not trained on, measured at each validation")


def _show_epoch(row: Mapping[str, Any], also_evaluated: Iterable[str]) -> None:
    if "val_AP" not in row:
        return
    loss = f"loss {row['loss']:.2f}" if "loss" in row else "the start"
    show(f"  epoch {row['epoch']}: {loss}, validation {_figures(row, 'val')}")
    for name in also_evaluated:
        show(f"    {plain(name)}: {_figures(row, name)}")


def _figures(row: Mapping[str, Any], prefix: str) -> str:
    return (
        f"AP {number(row[f'{prefix}_AP'], '.3f')}, AP50 {number(row[f'{prefix}_AP50'], '.3f')}, "
        f"median error {number(row[f'{prefix}_median_error'], '.1f')} px"
    )
