"""How a training run starts: a new one, and one that goes on."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

import poetlab
from poetlab.data.batch import TrainingImages, collate
from poetlab.data.image_size import ImageSizeSettings
from poetlab.errors import SnapshotError, TrainingError
from poetlab.labels.label_set import LabelSet
from poetlab.labels.split_file import read_split_file
from poetlab.labels.splitting import restore_splits
from poetlab.model.backbone import calibrate_batch_norm, normalize_images
from poetlab.model.checkpoint import load_snapshot
from poetlab.model.keypoint_map import KeypointMap
from poetlab.model.network import Network, build_network
from poetlab.model.poet import Poet
from poetlab.model.pretrained import Transfer, start_from_file
from poetlab.skeleton import Skeleton
from poetlab.training.data import TrainingData
from poetlab.training.loop import Trainer
from poetlab.training.recipe import Recipe
from poetlab.training.run_folder import RunFolder
from poetlab.training.settings import TrainingSettings

_CALIBRATION_IMAGES = 16


@dataclass(frozen=True)
class Pretrained:
    """Weights that a run starts from.

    Attributes:
        name: What the user called them: `coco`, `imagenet`, or the path of a file.
        path: Their file.
        keypoint_map: Which of their keypoints to start from where names differ.
    """

    name: str
    path: Path
    keypoint_map: KeypointMap | None = None

    def sha256(self) -> str:
        """The checksum of their file."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def new_trainer(
    folder: RunFolder,
    skeleton: Skeleton,
    data: TrainingData,
    recipe: Recipe,
    device: torch.device,
    pretrained: Pretrained | None = None,
) -> tuple[Trainer, Transfer | None]:
    """Make a network and the folder of its run.

    Args:
        folder: Where the run will write; it must not exist.
        skeleton: What the network shall predict.
        data: What it learns from.
        recipe: Sizes of the network, and how to train it.
        device: Where to compute.
        pretrained: Weights to start from; None to start at random.

    Returns:
        The trainer, and what was taken from the pretrained weights if there are any.

    Raises:
        TrainingError: If the folder exists.
        SnapshotError: If the pretrained weights cannot be used.
        SkeletonError: If their keypoint map names a keypoint that they do not know.
        ConfigError: If the settings name a part that the network does not have, or freeze all of it.
    """
    settings, image_size = recipe.training, recipe.image_size
    torch.manual_seed(settings.seed)
    model = build_network(recipe.network, skeleton.n_keypoints)
    transfer = None
    if pretrained:
        transfer = start_from_file(model, skeleton.keypoints, pretrained.path, pretrained.keypoint_map)
    if isinstance(model, Poet) and not (transfer and transfer.uses_backbone):
        _calibrate(model, data, settings, image_size)
    facts = {
        "poetlab": poetlab.__version__,
        "preset": recipe.preset,
        **_describe_pretrained(pretrained, transfer),
        "label_sets": _describe_labels(data),
        "chosen": {name: asdict(choice) for name, choice in recipe.choices.items()},
    }
    trainer = Trainer(model, skeleton, data, settings, image_size, folder, device, facts)
    folder.create(_describe(facts, skeleton, model, settings, image_size, transfer), data.split_rows())
    return trainer, transfer


def resumed_trainer(
    folder: RunFolder, label_sets: Sequence[LabelSet], epochs: int | None, device: torch.device
) -> Trainer:
    """Make the trainer of a run that was interrupted.

    Args:
        folder: The run.
        label_sets: The same images that the run started with.
        epochs: Epochs in all; None for as many as the run was to have. With a number, a run that ended early goes on.
        device: Where to compute.

    Raises:
        SnapshotError: If its last snapshot cannot be read.
        TrainingError: If it was never saved, or the labels have changed since.
    """
    if not folder.last.is_file():
        raise TrainingError(f"{folder.path}: this run stopped before it was first saved; start a new one")
    snapshot = load_snapshot(folder.last)
    if "progress" not in snapshot.facts or not snapshot.state:
        raise SnapshotError(f"{folder.last}: not a snapshot that a run can go on from; start a new run")
    planned = TrainingSettings.model_validate(snapshot.facts["training"])
    settings = planned if epochs is None else planned.model_copy(update={"epochs": epochs})
    if folder.split.is_file():
        label_sets = restore_splits(label_sets, read_split_file(folder.split))
    data = TrainingData.from_label_sets(label_sets, settings)
    if snapshot.facts["label_sets"] != _describe_labels(data):
        raise TrainingError(f"{folder.path}: the labels have changed since this run began; start a new one")
    model = build_network(snapshot.settings, snapshot.skeleton.n_keypoints)
    facts = {key: value for key, value in snapshot.facts.items() if key not in {"progress", "image_size", "training"}}
    image_size = ImageSizeSettings.model_validate(snapshot.facts["image_size"])
    trainer = Trainer(model, snapshot.skeleton, data, settings, image_size, folder, device, facts)
    trainer.resume(snapshot)
    if epochs is not None and (trainer.progress.stopped_early or epochs > planned.epochs):
        trainer.progress.stopped_early = False
        trainer.progress.patient_from = trainer.progress.epoch
    return trainer


def _calibrate(model: Poet, data: TrainingData, settings: TrainingSettings, image_size: ImageSizeSettings) -> None:
    images = TrainingImages(data.training, settings.augmentation, image_size, settings.seed, epoch=0)
    batch = collate([images[number] for number in images.order()[:_CALIBRATION_IMAGES]])
    calibrate_batch_norm(model.backbone, normalize_images(batch.images, batch.padding))


def _describe_labels(data: TrainingData) -> dict[str, str]:
    """Number of images of each label set and use, and a digest of their names and keypoints."""
    described = {}
    for use, label_sets in (("train", data.training), ("val", data.validation), ("also", data.also)):
        for label_set in label_sets:
            digest = hashlib.blake2b(digest_size=8)
            for image in label_set.images:
                digest.update(image.file_name.encode())
                for instance in image.instances:
                    digest.update(instance.keypoints.tobytes())
            described[f"{label_set.name}/{use}"] = f"{label_set.n_images} images, {digest.hexdigest()}"
    return described


def _describe_pretrained(pretrained: Pretrained | None, transfer: Transfer | None) -> dict[str, Any]:
    """What snapshots and `settings.yaml` say about the start."""
    if not (pretrained and transfer):
        return {"pretrained": "none", "pretrained_backbone": False}
    return {
        "pretrained": pretrained.name,
        "pretrained_sha256": pretrained.sha256(),
        "pretrained_backbone": transfer.uses_backbone,
        "pretrained_pose_head": transfer.uses_pose_head,
        "keypoints_from": dict(transfer.keypoints_from),
    }


def _describe(
    facts: dict[str, Any],
    skeleton: Skeleton,
    model: Network,
    settings: TrainingSettings,
    image_size: ImageSizeSettings,
    transfer: Transfer | None,
) -> dict[str, Any]:
    """What `settings.yaml` says about a run."""
    described = {
        **facts,
        "skeleton": skeleton.to_dict(),
        "model": model.settings.model_dump(mode="json"),
        "image_size": image_size.model_dump(mode="json"),
        "training": settings.model_dump(mode="json"),
    }
    if transfer:
        described["transfer"] = {name: list(getattr(transfer, name)) for name in ("taken", "adapted", "left")}
    return described
