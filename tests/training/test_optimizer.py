"""Each part of a network learns at the rate that the settings say."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch.optim import AdamW

from poetlab.errors import ConfigError
from poetlab.model.poet import Poet
from poetlab.model.swift import Swift
from poetlab.training.optimizer import (
    build_optimizer,
    initial_rates,
    optimizer_state,
    restore_optimizer,
    set_rates,
)
from poetlab.training.parts import freeze
from poetlab.training.settings import TrainingSettings


def rates_of(model: Poet, *, pretrained: bool = False, epoch: int = 0, **settings: Any) -> dict[str, float]:
    """The rate of every parameter that the optimizer changes, by name, in some epoch."""
    chosen = TrainingSettings(epochs=10, **settings)
    freeze(model, chosen, backbone_is_pretrained=pretrained)
    optimizer = build_optimizer(model, chosen, backbone_is_pretrained=pretrained)
    set_rates(optimizer, chosen, epoch)
    names = {parameter: name for name, parameter in model.named_parameters()}
    rates = [(names[parameter], group["lr"]) for group in optimizer.param_groups for parameter in group["params"]]
    assert len(rates) == len(dict(rates)), "no parameter is in two groups"
    return dict(rates)


def expected(model: Poet, *rules: tuple[str, float]) -> dict[str, float]:
    """For every parameter, the rate of the last rule whose beginning its name has."""
    return {
        name: next(rate for start, rate in reversed(rules) if name.startswith(start))
        for name, _ in model.named_parameters()
    }


def test_without_factors_there_are_the_backbones_rate_and_the_others(model: Poet) -> None:
    assert rates_of(model, learning_rate=1e-3) == expected(model, ("", 1e-3))
    assert rates_of(model, learning_rate=1e-3, pretrained=True, freeze=[]) == pytest.approx(
        expected(model, ("", 1e-3), ("backbone.", 1e-4))
    )
    assert rates_of(model, learning_rate=1e-3, backbone_learning_rate=2e-3) == expected(
        model, ("", 1e-3), ("backbone.", 2e-3)
    )


def test_a_factor_multiplies_the_rate_that_its_part_would_have(model: Poet) -> None:
    factors = {"backbone.layer4": 0.5, "transformer.encoder": 0.1, "transformer.encoder.0": 3, "queries": 2}
    rules = (
        ("", 1e-3),
        ("backbone.", 4e-4),
        ("backbone.layer4.", 2e-4),
        ("transformer.encoder.", 1e-4),
        ("transformer.encoder.0.", 3e-3),
        ("queries", 2e-3),
    )
    for order in (1, -1):  # the longest name counts, wherever it stands
        settings = dict(list(factors.items())[::order])
        found = rates_of(model, learning_rate=1e-3, backbone_learning_rate=4e-4, rate_factors=settings)
        assert found == pytest.approx(expected(model, *rules))


def test_a_factor_on_the_backbone_composes_with_its_rate(model: Poet) -> None:
    found = rates_of(model, learning_rate=1e-3, pretrained=True, freeze=[], rate_factors={"backbone": 0.5})
    assert found == pytest.approx(expected(model, ("", 1e-3), ("backbone.", 5e-5)))


def test_rates_drop_all_alike(model: Poet) -> None:
    found = rates_of(model, learning_rate=1e-3, rate_factors={"transformer": 0.1}, epoch=8)
    assert found == pytest.approx(expected(model, ("", 1e-4), ("transformer.", 1e-5)))


def test_frozen_parts_are_in_no_group(model: Poet) -> None:
    found = rates_of(model, freeze=["backbone", "class_head"], rate_factors={"transformer": 0.1})
    assert not [name for name in found if name.startswith(("backbone.", "class_head."))]
    assert set(found) == {name for name, parameter in model.named_parameters() if parameter.requires_grad}


def test_the_first_group_is_that_of_the_learning_rate_even_if_it_is_empty(model: Poet) -> None:
    parts = [name for name, _ in model.named_children()] + ["queries"]
    settings = TrainingSettings(learning_rate=1e-3, rate_factors=dict.fromkeys(parts, 0.5))
    optimizer = build_optimizer(model, settings, backbone_is_pretrained=False)
    assert optimizer.param_groups[0]["params"] == []
    assert set_rates(optimizer, settings, epoch=0) == 1e-3
    assert initial_rates(optimizer) == pytest.approx(dict.fromkeys(parts, 5e-4))
    for parameter in model.parameters():
        parameter.grad = parameter.detach().clone()
    optimizer.step()


def test_a_factor_on_a_frozen_part_is_an_error(model: Poet) -> None:
    with pytest.raises(ConfigError, match=r"training\.rate_factors in config\.yaml: 'backbone\.layer1\.0' is frozen"):
        rates_of(model, pretrained=True, rate_factors={"backbone.layer1.0": 0.1})
    rates_of(model, pretrained=True, rate_factors={"backbone": 0.1})


def test_a_restored_optimizer_goes_on_exactly_whatever_the_layout_of_the_weights(swift_model: Swift) -> None:
    def steps(optimizer: AdamW, of: Swift, seeds: Sequence[int]) -> None:
        for seed in seeds:
            random = torch.Generator().manual_seed(seed)
            for parameter in of.parameters():
                parameter.grad = torch.empty_like(parameter).copy_(torch.randn(parameter.shape, generator=random))
            optimizer.step()

    settings = TrainingSettings(learning_rate=1e-2)
    assert swift_model.state_dict()["backbone.conv1.weight"].is_contiguous(memory_format=torch.channels_last)
    optimizer = build_optimizer(swift_model, settings, backbone_is_pretrained=False)
    steps(optimizer, swift_model, [1, 2])
    again = deepcopy(swift_model)
    restored = build_optimizer(again, settings, backbone_is_pretrained=False)
    state = optimizer_state(swift_model, optimizer)
    restore_optimizer(again, restored, {name: value.contiguous() for name, value in state.items()})  # as a file has it
    steps(optimizer, swift_model, [3])
    steps(restored, again, [3])
    for (name, found), expected in zip(again.named_parameters(), swift_model.parameters(), strict=True):
        assert torch.equal(found, expected), name
