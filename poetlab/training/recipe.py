"""What a run trains with: what the user has set, and what is chosen where nothing is set."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import torch

from poetlab.data.image_size import ImageSizeSettings
from poetlab.model.network import build_network
from poetlab.model.presets import ModelSettings, SwiftSettings, is_swift, network_settings
from poetlab.skeleton import Skeleton
from poetlab.training import choosing
from poetlab.training.choosing import Choice
from poetlab.training.data import TrainingData
from poetlab.training.data_facts import DataFacts, Machine, measure_data, measure_machine
from poetlab.training.settings import TrainingConfig, TrainingSettings


@dataclass(frozen=True)
class Wishes:
    """What the user has set; None wherever it shall be chosen.

    Attributes:
        training: How to train.
        image_size: How large the network sees an image; its letterbox may be None.
        n_queries: Most animals that the network can find in an image.
        individuals: Animals in each video, which the network must be able to find.
        backbone: A torchvision model instead of the preset's.
    """

    training: TrainingConfig
    image_size: ImageSizeSettings
    n_queries: int | None
    individuals: int | None
    backbone: str | None = None


@dataclass(frozen=True)
class Recipe:
    """All that decides how a network is trained, but for the data.

    Attributes:
        preset: What the network's sizes are called.
        network: These sizes.
        image_size: How large it sees an image.
        training: How it is trained.
        choices: What of this was chosen from the data, by its name in `config.yaml`; empty for the faithful family,
            where the paper's values stand for what is left open.
    """

    preset: str
    network: ModelSettings | SwiftSettings
    image_size: ImageSizeSettings
    training: TrainingSettings
    choices: Mapping[str, Choice[Any]]


def choose_recipe(preset: str, wishes: Wishes, skeleton: Skeleton, data: TrainingData, device: torch.device) -> Recipe:
    """Choose what the user has left open.

    Args:
        preset: Name of the network's sizes.
        wishes: What the user has set.
        skeleton: What the network shall predict.
        data: What it learns from; with at least one training image.
        device: Where it will be trained.

    Raises:
        ConfigError: If there is no such preset, or it cannot have the backbone that was set.
    """
    if wishes.backbone is not None:
        build_network(network_settings(preset, wishes.backbone, wishes.n_queries), skeleton.n_keypoints)  # or refuse
    if not is_swift(preset):
        return recipe_from(preset, wishes, {})
    choices = choose_open(wishes, skeleton, measure_data(data), measure_machine(device))
    return recipe_from(preset, wishes, choices)


def recipe_from(preset: str, wishes: Wishes, choices: Mapping[str, Choice[Any]]) -> Recipe:
    """What the user has set, what was chosen (by its name in `config.yaml`), and the paper's values for all else."""
    content = _content(wishes)
    for name, choice in choices.items():
        *groups, setting = name.split(".")
        reduce(dict.__getitem__, groups, content)[setting] = choice.value
    return Recipe(
        preset,
        network_settings(preset, wishes.backbone, content["n_queries"]),
        ImageSizeSettings.model_validate(content["image_size"]),
        TrainingSettings.model_validate(_without_none(content["training"])),
        choices,
    )


def choose_open(wishes: Wishes, skeleton: Skeleton, facts: DataFacts, machine: Machine) -> dict[str, Choice[Any]]:
    """A choice for each setting that the user has left open, by its name in `config.yaml`.

    A choice that depends on another setting takes what the user has set there, or else what was chosen.
    """
    training, augmentation = wishes.training, wishes.training.augmentation
    letterbox = choosing.choose_letterbox(facts, machine)
    batch_size = choosing.choose_batch_size(facts, machine, wishes.image_size.letterbox or letterbox.value)
    n_at_once = training.batch_size or batch_size.value
    epochs = choosing.choose_epochs(facts, machine, n_at_once)
    n_epochs = epochs.value if training.epochs is None else training.epochs
    rotation = choosing.choose_rotation(facts)
    angle = rotation.value if augmentation.rotation is None else augmentation.rotation
    choices: dict[str, Choice[Any]] = {
        "image_size.letterbox": letterbox,
        "n_queries": choosing.choose_n_queries(facts, wishes.individuals),
        "training.batch_size": batch_size,
        "training.epochs": epochs,
        "training.learning_rate": choosing.choose_learning_rate(n_at_once),
        "training.schedule": choosing.choose_schedule(),
        "training.clip_norm": choosing.choose_clip_norm(),
        "training.bfloat16": choosing.choose_bfloat16(machine),
        "training.averaging": choosing.choose_averaging(),
        "training.validate_every": choosing.choose_validate_every(n_epochs),
        "training.patience": choosing.choose_patience(facts, n_epochs),
        "training.augmentation.rotation": rotation,
        "training.augmentation.rotation_probability": choosing.choose_rotation_probability(angle),
        "training.augmentation.dropout_probability": choosing.choose_dropout_probability(),
        "training.augmentation.flip_probability": choosing.choose_flip_probability(skeleton),
        "training.augmentation.upright": choosing.choose_upright(),
    }
    content = _content(wishes)
    return {
        name: choice for name, choice in choices.items() if reduce(dict.__getitem__, name.split("."), content) is None
    }


def _content(wishes: Wishes) -> dict[str, Any]:
    """The wishes as groups of settings, as in `config.yaml`."""
    image_size, training = wishes.image_size.model_dump(), wishes.training.model_dump()
    return {"n_queries": wishes.n_queries, "image_size": image_size, "training": training}


def _without_none(content: dict[str, Any]) -> dict[str, Any]:
    """Nested settings without what is None, which has a default."""
    return {
        name: _without_none(value) if isinstance(value, dict) else value
        for name, value in content.items()
        if value is not None
    }
