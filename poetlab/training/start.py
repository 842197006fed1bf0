"""How a training run starts: a new one, and one that goes on."""

from pathlib import Path
from typing import Any

import torch

import poetlab
from poetlab.data.batch import TrainingImages, collate
from poetlab.data.image_size import ImageSizeSettings
from poetlab.errors import TrainingError
from poetlab.model.backbone import calibrate_batch_norm, normalize_images
from poetlab.model.checkpoint import load_snapshot
from poetlab.model.poet import Poet
from poetlab.model.presets import find_preset
from poetlab.model.pretrained import Transfer, start_from_file
from poetlab.skeleton import Skeleton
from poetlab.training.loop import Trainer, TrainingData
from poetlab.training.run_folder import RunFolder
from poetlab.training.settings import TrainingSettings

_CALIBRATION_IMAGES = 16


def new_trainer(
    folder: RunFolder,
    skeleton: Skeleton,
    data: TrainingData,
    preset: str,
    settings: TrainingSettings,
    image_size: ImageSizeSettings,
    device: torch.device,
    pretrained: Path | None = None,
) -> tuple[Trainer, Transfer | None]:
    """Make a network and the folder of its run.

    Args:
        folder: Where the run will write; it must not exist.
        skeleton: What the network shall predict.
        data: What it learns from.
        preset: Name of its sizes.
        settings: How to train.
        image_size: At which sizes the network sees images.
        device: Where to compute.
        pretrained: File of weights to start from; None to start at random.

    Returns:
        The trainer, and what was taken from the pretrained weights if there are any.

    Raises:
        TrainingError: If there are no training images, or the folder exists.
        SnapshotError: If the pretrained weights cannot be used.
    """
    if not any(image.instances for label_set in data.training for image in label_set.images):
        raise TrainingError("there is no animal in the training images; import labels, or lower --val-fraction")
    torch.manual_seed(settings.seed)
    model = Poet(find_preset(preset), skeleton.n_keypoints)
    transfer = start_from_file(model, skeleton.keypoints, pretrained) if pretrained else None
    pretrained_backbone = transfer is not None and not any(name.startswith("backbone.") for name in transfer.left)
    if pretrained_backbone:
        model.backbone.freeze_stem()
    else:
        _calibrate(model, data, settings, image_size)
    facts = {
        "poetlab": poetlab.__version__,
        "preset": preset,
        "pretrained": str(pretrained) if pretrained else "none",
        "pretrained_backbone": pretrained_backbone,
        "label_sets": _count_images(data),
    }
    folder.create(_describe(facts, skeleton, model, settings, image_size, transfer))
    return Trainer(model, skeleton, data, settings, image_size, folder, device, facts), transfer


def resumed_trainer(folder: RunFolder, data: TrainingData, settings: TrainingSettings, device: torch.device) -> Trainer:
    """Make the trainer of a run that was interrupted.

    Args:
        folder: The run.
        data: The same images that the run started with.
        settings: The run's settings, with perhaps more epochs.
        device: Where to compute.

    Raises:
        SnapshotError: If its last snapshot cannot be read.
        TrainingError: If the labels have changed since.
    """
    snapshot = load_snapshot(folder.last)
    if snapshot.facts["label_sets"] != _count_images(data):
        raise TrainingError(f"{folder.path}: the labels have changed since this run began; start a new one")
    model = Poet(snapshot.settings, snapshot.skeleton.n_keypoints)
    if snapshot.facts["pretrained_backbone"]:
        model.backbone.freeze_stem()
    facts = {key: value for key, value in snapshot.facts.items() if key not in {"progress", "image_size"}}
    image_size = ImageSizeSettings.model_validate(snapshot.facts["image_size"])
    trainer = Trainer(model, snapshot.skeleton, data, settings, image_size, folder, device, facts)
    trainer.resume(snapshot)
    return trainer


def _calibrate(model: Poet, data: TrainingData, settings: TrainingSettings, image_size: ImageSizeSettings) -> None:
    images = TrainingImages(data.training, settings.augmentation, image_size, settings.seed, epoch=0)
    batch = collate([images[number] for number in images.order()[:_CALIBRATION_IMAGES]])
    calibrate_batch_norm(model.backbone, normalize_images(batch.images, batch.padding))


def _count_images(data: TrainingData) -> dict[str, int]:
    counts: dict[str, int] = {}
    for label_set in (*data.training, *data.validation):
        counts[label_set.name] = counts.get(label_set.name, 0) + len(label_set.images)
    return counts


def _describe(
    facts: dict[str, Any],
    skeleton: Skeleton,
    model: Poet,
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
        described["transfer"] = {name: list(value) for name, value in vars(transfer).items()}
    return described
