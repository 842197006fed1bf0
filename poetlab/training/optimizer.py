"""The optimizer, its rates, and its state as named tensors."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import AdamW

from poetlab.errors import ConfigError
from poetlab.model.network import Network
from poetlab.training.parts import belongs_to, check_parts
from poetlab.training.schedule import rate_factor
from poetlab.training.settings import TrainingSettings

_PRETRAINED_BACKBONE_RATE = 0.1
_BACKBONE = "backbone"
_ALL_ELSE = ""


def build_optimizer(model: Network, settings: TrainingSettings, *, backbone_is_pretrained: bool) -> AdamW:
    """AdamW with one group of parameters for the backbone, one for each of `rate_factors`, and one for all else.

    A factor multiplies the rate that its part would have without it: the backbone's in the backbone, else
    `learning_rate`. Where several parts hold a parameter, the longest name counts. Frozen parameters are in no group.

    Args:
        model: The network; its frozen parameters are those that need no gradient.
        settings: The rates.
        backbone_is_pretrained: Whether the backbone learns more slowly where the settings do not say.

    Returns:
        The optimizer. Each group has its name as `part` and its rate as `initial_lr`; the first, which is there even if
        nothing is in it, is that of all else, without a name.

    Raises:
        ConfigError: If a factor's part does not exist or is frozen.
    """
    trainable = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    _check_factors(model, settings, trainable)
    rates = _rates(settings, backbone_is_pretrained=backbone_is_pretrained)
    members: dict[str, list[Parameter]] = {part: [] for part in rates}
    for name, parameter in trainable.items():
        parts = [part for part in rates if belongs_to(name, part)]
        members[max(parts, key=len, default=_ALL_ELSE)].append(parameter)
    groups = [
        {"part": part, "params": members[part], "initial_lr": rate}
        for part, rate in rates.items()
        if members[part] or part == _ALL_ELSE
    ]
    return AdamW(groups, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True)


def initial_rates(optimizer: AdamW) -> dict[str, float]:
    """The rate that each part of the network starts with; that of all else under the name ''."""
    return {group["part"]: group["initial_lr"] for group in optimizer.param_groups if group["params"]}


def set_rates(optimizer: AdamW, settings: TrainingSettings, epoch: float) -> float:
    """Give every group its rate for this moment, in epochs (`rate_factor`), and return the first group's."""
    factor = rate_factor(settings, epoch)
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] * factor
    return float(optimizer.param_groups[0]["lr"])


def optimizer_state(model: Network, optimizer: AdamW) -> dict[str, Tensor]:
    """The optimizer's memory as tensors named `<parameter>/<what>`."""
    return {
        f"{name}/{what}": torch.as_tensor(value)
        for name, parameter in model.named_parameters()
        for what, value in optimizer.state.get(parameter, {}).items()
    }


def restore_optimizer(model: Network, optimizer: AdamW, state: Mapping[str, Tensor]) -> None:
    """Give the optimizer the memory that `optimizer_state` described."""
    parameters = dict(model.named_parameters())
    for key, value in state.items():
        name, what = key.split("/")
        parameter = parameters[name]
        # Adam keeps its step count on the CPU and everything else beside the parameter, in the same layout of memory,
        # which the fused Adam takes for granted
        beside = value.clone() if what == "step" else torch.empty_like(parameter.detach()).copy_(value)
        optimizer.state[parameter][what] = beside


def _rates(settings: TrainingSettings, *, backbone_is_pretrained: bool) -> dict[str, float]:
    """The rate of each part that has one of its own."""
    backbone = settings.backbone_learning_rate
    if backbone is None:
        backbone = settings.learning_rate * (_PRETRAINED_BACKBONE_RATE if backbone_is_pretrained else 1.0)
    rates = {_ALL_ELSE: settings.learning_rate, _BACKBONE: backbone}
    return rates | {
        part: factor * rates[_BACKBONE if belongs_to(part, _BACKBONE) else _ALL_ELSE]
        for part, factor in settings.rate_factors.items()
    }


def _check_factors(model: Network, settings: TrainingSettings, trainable: Iterable[str]) -> None:
    check_parts(model, settings.rate_factors, "rate_factors")
    for part in settings.rate_factors:
        if not any(belongs_to(name, part) for name in trainable):
            raise ConfigError(
                f"training.rate_factors in config.yaml: '{part}' is frozen; leave it out, or set training.freeze to "
                "what shall be frozen"
            )
