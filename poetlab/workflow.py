"""The main job, step by step, on a project: everything that the command line does, as functions."""

import json
import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from poetlab.analysis import AnalysisPlan, OnFrames, VideoResult, analyze_videos
from poetlab.config import explain
from poetlab.device import choose_device
from poetlab.errors import ConfigError, ProjectError, SkeletonError, TrainingError
from poetlab.evaluation import Evaluation
from poetlab.evaluation import evaluate as evaluate_network
from poetlab.files import whole_file
from poetlab.inference import Predictor
from poetlab.labels.importing import import_labels as import_label_files
from poetlab.labels.label_set import LabelSet, Split
from poetlab.labels.report import ImportReport
from poetlab.model.checkpoint import load_snapshot
from poetlab.model.pretrained import Transfer
from poetlab.project import Project
from poetlab.settings import Settings
from poetlab.skeleton import Skeleton
from poetlab.training.loop import OnEpoch, OnStep, Trainer, TrainingData
from poetlab.training.run_folder import RunFolder
from poetlab.training.start import new_trainer, resumed_trainer
from poetlab.weights.catalog import DOWNLOADABLE, preset_that_fits, weights_for_preset
from poetlab.weights.download import OnBytes, fetch

logger = logging.getLogger(__name__)

AnySettings = TypeVar("AnySettings", bound=Settings)

_SPLITS: tuple[Split, ...] = ("train", "val")


@dataclass(frozen=True, eq=False)
class TrainingStart:
    """What a run begins with, to tell the user.

    Attributes:
        folder: The run.
        device: Where it computes.
        preset: Name of the network's sizes.
        n_training_images: Images to learn from.
        n_validation_images: Images to be measured on; 0 means that the training images serve for that.
        resumed: Whether an earlier part of the run is gone on with.
        n_epochs_done: Epochs that it has finished.
        n_epochs: Epochs in all.
        transfer: What was taken from pretrained weights; None if none were given.
    """

    folder: RunFolder
    device: str
    preset: str
    n_training_images: int
    n_validation_images: int
    resumed: bool
    n_epochs_done: int
    n_epochs: int
    transfer: Transfer | None


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """What a finished run leaves.

    Attributes:
        folder: The run, with its snapshots and metrics.
        rows: Its metrics, one mapping an epoch.
        best_ap: The highest validation AP; None if it was never above 0.
    """

    folder: RunFolder
    rows: tuple[Mapping[str, Any], ...]
    best_ap: float | None


def import_labels(
    project: Project,
    source: str | Path,
    *,
    label_format: str | None = None,
    images: str | Path | None = None,
    name: str | None = None,
    link: bool = False,
    val_fraction: float = 0.2,
    on_progress: Callable[[int, int], None] | None = None,
) -> ImportReport:
    """Bring labels and their images into a project; the first import sets the skeleton of a project without one.

    Args:
        project: The project.
        source: A label file or a folder of labels.
        label_format: `coco` or `macaquepose`; None detects it.
        images: Folder of the images; None looks beside the labels.
        name: What to call the label set; None takes the source's name.
        link: Whether to link to the images instead of copying them.
        val_fraction: Part of the images kept for validation.
        on_progress: Called with work done and in all.

    Returns:
        What came in and what was left out.

    Raises:
        LabelError: If the labels cannot be used or written.
        SkeletonError: If their keypoints are not the project's.
    """
    report = import_label_files(
        Path(source),
        project.labels_dir,
        skeleton=project.skeleton() if project.has_skeleton else None,
        label_format=label_format,
        images_dir=Path(images) if images is not None else None,
        name=name,
        link=link,
        val_fraction=val_fraction,
        on_progress=on_progress,
    )
    if not project.has_skeleton:
        try:
            project.write_skeleton(report.skeleton)
        except ProjectError:
            shutil.rmtree(report.folder)  # labels without a skeleton would be of no use, and in the way
            raise
    return report


def train(
    project: Project,
    *,
    preset: str | None = None,
    pretrained: str = "none",
    epochs: int | None = None,
    batch_size: int | None = None,
    device: str | None = None,
    seed: int | None = None,
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
        epochs: Times that every image is shown.
        batch_size: Images a step.
        device: Where to compute; None to choose.
        seed: Of everything random.
        resume: Go on with the project's latest run; then only `epochs` and `device` may be given.
        on_download: Called with bytes done and in all while pretrained weights are fetched.
        on_start: Called before the first step.
        on_step: Called after each step with steps done, steps in all, and the loss.
        on_epoch: Called after each epoch with its metrics.

    Raises:
        ProjectError: If there are no labels.
        TrainingError: If the run cannot start, go on, or be written.
        SnapshotError: If pretrained weights or the last snapshot cannot be used.
        ConfigError: If an argument does not fit.
        KeyboardInterrupt: If Ctrl-C was pressed; the run is saved and can be resumed.
    """
    data = TrainingData.from_label_sets(project.label_sets())
    transfer = None
    if resume:
        if preset or pretrained != "none" or batch_size or seed is not None:
            raise TrainingError("a resumed run keeps its settings; with --resume give at most --epochs and --device")
        trainer = _resume(project, data, epochs, device)
    else:
        changes = {"epochs": epochs, "batch_size": batch_size, "seed": seed}
        preset = preset or _preset_for(pretrained, project.config.preset)
        trainer, transfer = new_trainer(
            project.new_run(preset),
            project.skeleton(),
            data,
            preset,
            _changed(project.config.training, changes),
            project.config.image_size,
            choose_device(device),
            _pretrained_file(pretrained, preset, on_download),
        )
    if on_start:
        on_start(_describe_start(trainer, transfer))
    progress = trainer.fit(on_step, on_epoch)
    best_ap = progress.best[0] if progress.best and progress.best[0] > 0 else None
    return TrainingResult(trainer.folder, tuple(progress.rows), best_ap)


def load_predictor(project: Project, snapshot: str | None = None, device: str | None = None) -> tuple[Predictor, Path]:
    """A trained network of a project, and the file that it came from.

    Raises:
        SnapshotError: If there is no such snapshot or it cannot be read.
        SkeletonError: If it predicts another skeleton than the project's.
    """
    path = project.find_snapshot(snapshot)
    loaded = load_snapshot(path)
    skeleton = project.skeleton()
    _check_same_keypoints(loaded.skeleton, skeleton, path)
    loaded = replace(loaded, skeleton=skeleton)  # its edges and sigmas may have been edited since
    name = path.parent.name if path.parent.parent == project.models_dir else path.stem
    return Predictor.from_snapshot(loaded, choose_device(device), name), path


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
    evaluation = evaluate_network(
        predictor, label_sets, threshold=settings.threshold, batch_size=settings.batch_size, on_progress=on_progress
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


def analyze(
    project: Project,
    videos: Sequence[str | Path],
    *,
    snapshot: str | None = None,
    threshold: float | None = None,
    batch_size: int | None = None,
    max_frames: int | None = None,
    save_video: bool = False,
    overwrite: bool = False,
    output: str | Path | None = None,
    device: str | None = None,
    on_video: Callable[[Path], None] | None = None,
    on_frames: OnFrames | None = None,
    on_result: Callable[[VideoResult], None] | None = None,
) -> list[VideoResult]:
    """Predict the poses in every frame of some videos and write one result file each.

    Args:
        project: The project.
        videos: Video files.
        snapshot: Which network; None for the latest run's best.
        threshold: Score from which a detection counts; None for the config's.
        batch_size: Frames that the network sees at once; None for the config's.
        max_frames: Frames to analyze of each video; None for all.
        save_video: Whether to draw the poses into a copy of each video.
        overwrite: Whether to analyze again what has results.
        output: Folder of the results; None for the project's.
        device: Where to compute; None to choose.
        on_video: Called with each video before it starts.
        on_frames: Called with the number of frames just finished.
        on_result: Called with what became of each video, when it is finished.

    Returns:
        What became of each video; one that fails does not stop the rest.

    Raises:
        SnapshotError: If there is no such snapshot or it cannot be read.
        SkeletonError: If it predicts another skeleton than the project's.
        ConfigError: If a number does not fit.
    """
    if max_frames is not None and max_frames < 1:
        raise ConfigError(f"max_frames is {max_frames}; analyze at least 1 frame")
    predictor, _ = load_predictor(project, snapshot, device)
    plan = AnalysisPlan(
        output_dir=Path(output) if output is not None else project.results_dir,
        n_individuals=count_individuals(project, most=predictor.model.settings.n_queries),
        settings=_changed(project.config.analysis, {"threshold": threshold, "batch_size": batch_size}),
        max_frames=max_frames,
        save_video=save_video,
        overwrite=overwrite,
    )
    results = []
    for result in analyze_videos(predictor, [Path(video) for video in videos], plan, on_video, on_frames):
        results.append(result)
        if on_result:
            on_result(result)
    return results


def count_individuals(project: Project, most: int) -> int:
    """Slots for animals in a result: the config's, else the most labeled in one image, else `most`."""
    if project.config.individuals is not None:
        if project.config.individuals > most:
            logger.warning("the network finds at most %d of the %d individuals", most, project.config.individuals)
        return min(project.config.individuals, most)
    try:
        images = [image for label_set in project.label_sets() for image in label_set.images]
    except ProjectError:  # a project may analyze with a network from elsewhere, without labels of its own
        return most
    counts = [sum(not animal.is_crowd for animal in image.instances) for image in images]
    return min(max(counts, default=most) or most, most)


def _resume(project: Project, data: TrainingData, epochs: int | None, device: str | None) -> Trainer:
    runs = project.runs()
    if not runs:
        raise TrainingError(f"{project.models_dir}: no run to resume; start one without --resume")
    return resumed_trainer(runs[-1], data, epochs, choose_device(device))


def _describe_start(trainer: Trainer, transfer: Transfer | None) -> TrainingStart:
    return TrainingStart(
        folder=trainer.folder,
        device=str(trainer.device),
        preset=trainer.facts["preset"],
        n_training_images=trainer.n_images,
        n_validation_images=sum(label_set.n_images for label_set in trainer.data.validation),
        resumed=trainer.progress.epoch > 0 or trainer.progress.step > 0,
        n_epochs_done=trainer.progress.epoch,
        n_epochs=trainer.settings.epochs,
        transfer=transfer,
    )


def _preset_for(pretrained: str, preset: str) -> str:
    """The config's preset, unless the published weights that were asked for fit only others."""
    fitting = preset_that_fits(pretrained, preset) if pretrained in DOWNLOADABLE else preset
    if fitting != preset:
        logger.warning("the '%s' weights do not fit %s, so a %s is trained", pretrained, preset, fitting)
    return fitting


def _pretrained_file(pretrained: str, preset: str, on_download: OnBytes | None) -> Path | None:
    if pretrained == "none":
        return None
    if pretrained in DOWNLOADABLE:
        return fetch(weights_for_preset(pretrained, preset), on_download)
    return Path(pretrained)


def _label_sets_of_split(project: Project, split: str) -> list[LabelSet]:
    for known in _SPLITS:
        if split == known:
            selected = [label_set.select(known) for label_set in project.label_sets()]
            return [label_set for label_set in selected if label_set.images]
    return [project.label_set(split)]


def _check_same_keypoints(snapshot: Skeleton, project: Skeleton, path: Path) -> None:
    if snapshot.keypoints != project.keypoints:
        predicted, wanted = (
            f"{len(names)} ({', '.join(names[:3])}, ...)" for names in (snapshot.keypoints, project.keypoints)
        )
        raise SkeletonError(
            f"{path}: this network predicts other keypoints, {predicted}, than the project has, {wanted}; "
            "train one for this project, starting from it with --pretrained"
        )


def _changed(settings: AnySettings, changes: Mapping[str, Any]) -> AnySettings:
    """The settings with those changes that are not None, validated."""
    given = {name: value for name, value in changes.items() if value is not None}
    try:
        return type(settings).model_validate(settings.model_dump() | given)
    except ValidationError as error:
        raise ConfigError(explain(error, type(settings))) from error
