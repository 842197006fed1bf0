"""`train`: a network from a project's labels."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poetlab.config import Config, changed
from poetlab.device import choose_device
from poetlab.errors import ProjectError, TrainingError
from poetlab.labels.label_set import LabelSet
from poetlab.labels.split_file import SplitFile, read_split_file, write_split_file
from poetlab.labels.split_rule import read_split_rule
from poetlab.labels.splitting import split_label_sets, split_rows
from poetlab.model.keypoint_map import KeypointMap, read_keypoint_map
from poetlab.model.presets import find_preset
from poetlab.model.pretrained import Transfer
from poetlab.project import Project
from poetlab.skeleton import Skeleton
from poetlab.training.choosing import Choice
from poetlab.training.data import TrainingData
from poetlab.training.loop import OnEpoch, OnStep, Trainer
from poetlab.training.optimizer import initial_rates
from poetlab.training.recipe import Wishes, choose_recipe
from poetlab.training.run_folder import RunFolder
from poetlab.training.settings import TrainingConfig
from poetlab.training.start import Pretrained, new_trainer, resumed_trainer
from poetlab.weights.catalog import DOWNLOADABLE, preset_that_fits, weights_for_network
from poetlab.weights.download import OnBytes, fetch

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class TrainingStart:
    """What a run begins with, to tell the user.

    Attributes:
        folder: The run.
        device: Where it computes.
        preset: Name of the network's sizes.
        backbone: The torchvision model in place of the preset's backbone; None if it has its own.
        n_training_images: Images to learn from.
        n_validation_images: Images to be measured on; 0 means that the training images serve for that.
        also_evaluated: Number of images of each label set that is measured beside, by name.
        resumed: Whether an earlier part of the run is gone on with.
        n_epochs_done: Epochs that it has finished.
        n_epochs: Epochs in all.
        stopped_early: Whether it has ended before its last epoch.
        transfer: What was taken from pretrained weights; None if none were given.
        rates: The learning rate that each part of the network starts with; that of all else under the name ''.
        frozen: Parts of the network that do not learn.
        split_rule: How the images were split for this run, in words; None if as at their import or as the run began.
        choices: What was chosen from the data and why, by its name in `config.yaml`; of a new run.
    """

    folder: RunFolder
    device: str
    preset: str
    backbone: str | None
    n_training_images: int
    n_validation_images: int
    also_evaluated: Mapping[str, int]
    resumed: bool
    n_epochs_done: int
    n_epochs: int
    stopped_early: bool
    transfer: Transfer | None
    rates: Mapping[str, float]
    frozen: tuple[str, ...]
    split_rule: str | None
    choices: Mapping[str, Choice[Any]]


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """What a finished run leaves.

    Attributes:
        folder: The run, with its snapshots and metrics.
        rows: Its metrics, one mapping an epoch.
        best_ap: The highest validation AP; None if it was never above 0.
        stopped_early: Whether it ended before its last epoch, since its validation AP was flat.
        n_skipped: Epochs left out before the upright ones for the same reason.
        patience: Epochs without a better validation AP after which either happens; 0 for never.
    """

    folder: RunFolder
    rows: tuple[Mapping[str, Any], ...]
    best_ap: float | None
    stopped_early: bool
    n_skipped: int
    patience: int


def train(
    project: Project,
    *,
    preset: str | None = None,
    pretrained: str = "none",
    keypoint_map: Mapping[str, str | None] | str | Path | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    device: str | None = None,
    seed: int | None = None,
    also_evaluate: Sequence[str] = (),
    split: str | Path | None = None,
    resume: bool = False,
    on_download: OnBytes | None = None,
    on_start: Callable[[TrainingStart], None] | None = None,
    on_step: OnStep | None = None,
    on_epoch: OnEpoch | None = None,
) -> TrainingResult:
    """Train a network on all of a project's label sets.

    Args:
        project: The project; its `config.yaml` has the settings that the arguments do not give.
        preset: Name of the network's sizes; None for the config's, or for one that the pretrained weights fit.
        pretrained: `none`; `coco` or `imagenet`, which are fetched if they are not on this machine yet; or the file of
            a snapshot, of a published POET checkpoint, or of a torchvision ResNet.
        keypoint_map: Names of the project's keypoints to names of the pretrained network's, or to None for one that
            shall start as new; or a YAML file of that. Names without an entry are matched with equal ones.
        epochs: Times that every image is shown.
        batch_size: Images a step.
        device: Where to compute; None to choose.
        seed: Of everything random.
        also_evaluate: Label sets that are not trained on, only measured at each validation; none for the config's.
        split: `video` or `frame` to split the images anew, or a CSV file with the columns name and split; None for the
            config's, which by default leaves them as they were split at import.
        resume: Go on with the project's latest run; then only `epochs` and `device` may be given.
        on_download: Called with bytes done and in all while pretrained weights are fetched.
        on_start: Called before the first step.
        on_step: Called after each step with steps done, steps in all, and the loss.
        on_epoch: Called after each epoch with its metrics, and before the first with those of the start (epoch 0) if
            the network starts from pretrained poses or there is something to evaluate beside.

    Raises:
        ProjectError: If there are no labels.
        TrainingError: If the run cannot start, go on, or be written, or there is no such label set to evaluate.
        SnapshotError: If pretrained weights or the last snapshot cannot be used.
        SkeletonError: If the keypoint map is malformed or names an unknown keypoint.
        ConfigError: If an argument or a setting does not fit.
        KeyboardInterrupt: If Ctrl-C was pressed; the run is saved and can be resumed.
    """
    label_sets = project.label_sets()
    transfer: Transfer | None = None
    split_rule: str | None = None
    choices: Mapping[str, Choice[Any]] = {}
    if resume:
        if (
            preset
            or pretrained != "none"
            or keypoint_map is not None
            or batch_size
            or seed is not None
            or also_evaluate
            or split is not None
        ):
            raise TrainingError("a resumed run keeps its settings; with --resume give at most --epochs and --device")
        trainer = _resume(project, label_sets, epochs, device)
    else:
        changes = {
            "epochs": epochs,
            "batch_size": batch_size,
            "seed": seed,
            "also_evaluate": tuple(also_evaluate) or None,
            "split": None if split is None else str(split),
        }
        wishes, skeleton = _wishes(project.config, changes), project.skeleton()
        label_sets, split_rule = _split(project, label_sets, wishes.training)
        data = TrainingData.from_label_sets(label_sets, wishes.training)
        checked_map = _checked_map(keypoint_map, skeleton, pretrained)
        preset = preset or _preset_for(pretrained, project.config.preset)
        recipe = choose_recipe(preset, wishes, skeleton, data, choose_device(device))
        choices = recipe.choices
        trainer, transfer = new_trainer(
            project.new_run(preset),
            skeleton,
            data,
            recipe,
            choose_device(device),
            _find_pretrained(pretrained, preset, project.config.backbone, checked_map, on_download),
        )
    if on_start:
        on_start(_describe_start(trainer, transfer, split_rule, choices))
    progress = trainer.fit(on_step, on_epoch)
    best_ap = progress.best[0] if progress.best and progress.best[0] > 0 else None
    return TrainingResult(
        trainer.folder,
        tuple(progress.rows),
        best_ap,
        progress.stopped_early,
        progress.n_skipped,
        trainer.settings.patience,
    )


def _resume(project: Project, label_sets: Sequence[LabelSet], epochs: int | None, device: str | None) -> Trainer:
    runs = project.runs()
    if not runs:
        raise TrainingError(f"{project.models_dir}: no run to resume; start one without --resume")
    return resumed_trainer(runs[-1], label_sets, epochs, choose_device(device))


def _split(
    project: Project, label_sets: tuple[LabelSet, ...], settings: TrainingConfig
) -> tuple[tuple[LabelSet, ...], str | None]:
    """The label sets split as the settings say, and how, in words.

    A drawn split is kept in the project's labels folder, so that later runs have the same, and labels that are added
    move no image.
    """
    if settings.split is None:
        return label_sets, None
    rule = read_split_rule(settings.split, (Path(), project.path))
    if isinstance(rule, SplitFile):
        return split_label_sets(label_sets, rule, settings.val_fraction)
    file = project.labels_dir / f"split-{rule}.csv"
    earlier = read_split_file(file) if file.is_file() else None
    label_sets, text = split_label_sets(label_sets, rule, settings.val_fraction, earlier)
    rows = dict(split_rows(label_sets))
    if earlier is None or not rows.items() <= earlier.splits.items():
        try:
            write_split_file(file, list((dict(earlier.splits if earlier else {}) | rows).items()))
        except OSError as error:
            raise ProjectError(f"{file}: cannot be written ({error.strerror}); is the folder read-only?") from error
    return label_sets, text or f"as in {file.name}, by an earlier run"


def _wishes(config: Config, changes: Mapping[str, Any]) -> Wishes:
    """What the user has set, in the config or by arguments, which count instead."""
    return Wishes(
        changed(config.training, changes), config.image_size, config.n_queries, config.individuals, config.backbone
    )


def _describe_start(
    trainer: Trainer, transfer: Transfer | None, split_rule: str | None, choices: Mapping[str, Choice[Any]]
) -> TrainingStart:
    preset, backbone = trainer.facts["preset"], trainer.model.settings.backbone
    return TrainingStart(
        folder=trainer.folder,
        device=str(trainer.device),
        preset=preset,
        backbone=backbone if backbone != find_preset(preset).backbone else None,
        n_training_images=trainer.n_images,
        n_validation_images=sum(label_set.n_images for label_set in trainer.data.validation),
        also_evaluated={label_set.name: label_set.n_images for label_set in trainer.data.also},
        resumed=trainer.progress.epoch > 0 or trainer.progress.step > 0,
        n_epochs_done=trainer.progress.epoch,
        n_epochs=trainer.settings.epochs,
        stopped_early=trainer.progress.stopped_early,
        transfer=transfer,
        rates=initial_rates(trainer.optimizer),
        frozen=trainer.frozen,
        split_rule=split_rule,
        choices=choices,
    )


def _preset_for(pretrained: str, preset: str) -> str:
    """The config's preset, unless the published weights that were asked for fit only others."""
    fitting = preset_that_fits(pretrained, preset) if pretrained in DOWNLOADABLE else preset
    if fitting != preset:
        logger.warning("the '%s' weights do not fit %s, so a %s is trained", pretrained, preset, fitting)
    return fitting


def _checked_map(
    given: Mapping[str, str | None] | str | Path | None, skeleton: Skeleton, pretrained: str
) -> KeypointMap | None:
    """The keypoint map, read before anything is fetched."""
    if given is None:
        return None
    if pretrained in {"none", "imagenet"}:
        raise TrainingError(
            f"--keypoint-map maps to the keypoints of pretrained weights, and with --pretrained {pretrained} there are "
            "none; give --pretrained coco or a file"
        )
    return read_keypoint_map(given, skeleton.keypoints)


def _find_pretrained(
    name: str, preset: str, backbone: str | None, keypoint_map: KeypointMap | None, on_download: OnBytes | None
) -> Pretrained | None:
    if name == "none":
        return None
    path = fetch(weights_for_network(name, preset, backbone), on_download) if name in DOWNLOADABLE else Path(name)
    return Pretrained(name, path, keypoint_map)
