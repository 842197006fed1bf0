"""Freezing parts of a network by name."""

from copy import deepcopy

import pytest
import torch
from torch.optim import AdamW

from poetlab.errors import ConfigError
from poetlab.model.poet import Poet
from poetlab.training.optimizer import build_optimizer
from poetlab.training.parts import STEM, freeze
from poetlab.training.settings import TrainingSettings


def frozen_names(model: Poet) -> set[str]:
    return {name for name, parameter in model.named_parameters() if not parameter.requires_grad}


def prepare(model: Poet, settings: TrainingSettings) -> AdamW:
    freeze(model, settings, backbone_is_pretrained=True)
    return build_optimizer(model, settings, backbone_is_pretrained=True)


def names_under(model: Poet, *starts: str) -> set[str]:
    return {name for name, _ in model.named_parameters() if name.startswith(starts)}


def test_unless_said_otherwise_the_stem_of_a_pretrained_backbone_is_frozen(model: Poet) -> None:
    assert freeze(model, TrainingSettings(), backbone_is_pretrained=False) == ()
    assert frozen_names(model) == set()
    assert freeze(model, TrainingSettings(), backbone_is_pretrained=True) == STEM
    assert frozen_names(model) == names_under(model, "backbone.conv1.", "backbone.layer1.")


@pytest.mark.parametrize("pretrained", [True, False])
def test_a_list_is_all_that_is_frozen(model: Poet, pretrained: bool) -> None:
    freeze(model, TrainingSettings(freeze=[]), backbone_is_pretrained=pretrained)
    assert frozen_names(model) == set()
    parts = ["transformer.encoder.1", "backbone", "queries", "class_head.weight"]
    assert freeze(model, TrainingSettings(freeze=parts), backbone_is_pretrained=pretrained) == tuple(parts)
    inside = names_under(model, "transformer.encoder.1.", "backbone.")
    assert frozen_names(model) == inside | {"queries", "class_head.weight"}


def test_a_part_ends_at_a_dot(model: Poet) -> None:
    model.transformer.encoder.extend(deepcopy(model.transformer.encoder[0]) for _ in range(9))
    assert names_under(model, "transformer.encoder.10.")
    freeze(model, TrainingSettings(freeze=["transformer.encoder.1"]), backbone_is_pretrained=False)
    assert frozen_names(model) == names_under(model, "transformer.encoder.1.")


@pytest.mark.parametrize(
    ("part", "nearest"),
    [
        ("backbone.layer5", "backbone.layer"),
        ("backbone.", "backbone"),
        ("transfromer.encoder", "transformer.encoder"),
        ("backbone.bn1", "backbone.conv1"),
        ("querys", "queries"),
        ("", ""),
    ],
)
@pytest.mark.parametrize("setting", ["freeze", "rate_factors"])
def test_an_unknown_part_is_told_with_the_nearest(model: Poet, setting: str, part: str, nearest: str) -> None:
    settings = TrainingSettings.model_validate({setting: [part] if setting == "freeze" else {part: 0.5}})
    with pytest.raises(ConfigError) as caught:
        prepare(model, settings)
    expected = f"training.{setting} in config.yaml: the network has no part '{part}'; the nearest is '{nearest}"
    assert str(caught.value).startswith(expected)


def test_freezing_everything_is_an_error(model: Poet) -> None:
    everything = [name for name, _ in model.named_children()] + ["queries"]
    with pytest.raises(ConfigError, match=r"training\.freeze in config\.yaml: freezes the whole network"):
        freeze(model, TrainingSettings(freeze=everything), backbone_is_pretrained=False)
    freeze(model, TrainingSettings(freeze=everything[:-1]), backbone_is_pretrained=False)
    assert frozen_names(model) == {name for name, _ in model.named_parameters()} - {"queries"}


def test_neither_gradients_nor_weight_decay_move_what_is_frozen(model: Poet) -> None:
    settings = TrainingSettings(
        freeze=["backbone.layer1", "transformer.encoder", "pose_head.4.bias"], learning_rate=1e-3, weight_decay=0.5
    )
    optimizer = prepare(model, settings)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    frozen = frozen_names(model)
    assert frozen
    for seed in range(3):
        output = model.train()(torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(seed)))
        optimizer.zero_grad()
        (output.class_logits.square().sum() + output.pose_vectors.sum()).backward()
        optimizer.step()
    unmoved = {name for name, parameter in model.named_parameters() if torch.equal(parameter, before[name])}
    assert unmoved == frozen
