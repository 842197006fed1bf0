"""The optimizer, its rates, and its state as named tensors."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.optim import AdamW

from poetlab.model.poet import Poet
from poetlab.training.settings import TrainingSettings

_DROP = 0.1
_PRETRAINED_BACKBONE_RATE = 0.1


def build_optimizer(model: Poet, settings: TrainingSettings, *, backbone_is_pretrained: bool) -> AdamW:
    """AdamW with one rate for the backbone and one for everything else."""
    rate = settings.backbone_learning_rate
    if rate is None:
        rate = settings.learning_rate * (_PRETRAINED_BACKBONE_RATE if backbone_is_pretrained else 1.0)
    named = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for name, p in named if not name.startswith("backbone.")], "initial_lr": settings.learning_rate},
        {"params": [p for name, p in named if name.startswith("backbone.")], "initial_lr": rate},
    ]
    return AdamW(groups, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True)


def set_rates(optimizer: AdamW, settings: TrainingSettings, epoch: int) -> float:
    """Give every group its rate for this epoch and return the first group's."""
    factor = _DROP if epoch >= settings.learning_rate_drop * settings.epochs else 1.0
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] * factor
    return float(optimizer.param_groups[0]["lr"])


def optimizer_state(model: Poet, optimizer: AdamW) -> dict[str, Tensor]:
    """The optimizer's memory as tensors named `<parameter>/<what>`."""
    return {
        f"{name}/{what}": torch.as_tensor(value)
        for name, parameter in model.named_parameters()
        for what, value in optimizer.state.get(parameter, {}).items()
    }


def restore_optimizer(model: Poet, optimizer: AdamW, state: Mapping[str, Tensor]) -> None:
    """Give the optimizer the memory that `optimizer_state` described."""
    parameters = dict(model.named_parameters())
    for key, value in state.items():
        name, what = key.split("/")
        parameter = parameters[name]
        # Adam keeps its step count on the CPU and everything else beside the parameter
        optimizer.state[parameter][what] = value.clone() if what == "step" else value.to(parameter.device, copy=True)
