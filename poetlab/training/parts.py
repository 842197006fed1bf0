"""Parts of a network by name, and keeping some of them as they are.

A part is one parameter, or everything under a dotted beginning of parameters' names: `queries`, `backbone`,
`backbone.layer1`, `transformer.encoder.0`.
"""

import difflib
from collections.abc import Iterable

from torch import nn

from poetlab.errors import ConfigError
from poetlab.model.network import Network
from poetlab.model.poet import Poet
from poetlab.training.settings import TrainingSettings

STEM = ("backbone.conv1", "backbone.layer1")
"""What of a pretrained backbone is frozen unless the settings say otherwise: what DETR and POET froze."""


def belongs_to(name: str, part: str) -> bool:
    """Whether a parameter of this name is the part, or in it."""
    return name == part or name.startswith(f"{part}.")


def freeze(model: Network, settings: TrainingSettings, *, backbone_is_pretrained: bool) -> tuple[str, ...]:
    """Keep parts of a network from learning, and let all others learn.

    Args:
        model: Changed in place.
        settings: Their `freeze` names the parts.
        backbone_is_pretrained: Whether the stem of a faithful network is frozen where the settings do not say.

    Returns:
        The parts that are frozen.

    Raises:
        ConfigError: If there is no such part, or nothing is left that learns.
    """
    default = STEM if backbone_is_pretrained and isinstance(model, Poet) else ()
    parts = default if settings.freeze is None else tuple(settings.freeze)
    check_parts(model, parts, "freeze")
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not any(belongs_to(name, part) for part in parts))
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ConfigError(
            "training.freeze in config.yaml: freezes the whole network; leave out a part that shall learn"
        )
    return parts


def hold_statistics(model: Network) -> None:
    """Keep the statistics of the backbone's batch norms as they are, in a network that is in training mode.

    Those of pretrained weights are better than what small batches tell.
    """
    for part in model.backbone.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.eval()


def check_parts(model: Network, parts: Iterable[str], setting: str) -> None:
    """Make sure that a network has these parts.

    Raises:
        ConfigError: If it lacks one; names `setting`, which asked for it, and the nearest part that there is.
    """
    known = _parts_of(model)
    for part in parts:
        if part not in known:
            (nearest,) = difflib.get_close_matches(part, known, n=1, cutoff=0)
            raise ConfigError(
                f"training.{setting} in config.yaml: the network has no part '{part}'; the nearest is '{nearest}'"
            )


def _parts_of(model: Network) -> list[str]:
    """Every parameter's name and every dotted beginning of one, in the network's order."""
    parts: dict[str, None] = {}
    for name, _ in model.named_parameters():
        words = name.split(".")
        parts |= dict.fromkeys(".".join(words[:n]) for n in range(1, len(words) + 1))
    return list(parts)
