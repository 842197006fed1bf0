"""The layout of the published POET checkpoints (Zenodo record 7972042), converted at the border."""

from collections.abc import Mapping

import torch
from torch import Tensor

_PREFIXES = (
    ("backbone.0.body.", "backbone."),
    ("input_proj.", "input_projection."),
    ("class_embed.", "class_head."),
    ("kpt_embed.layers.0.", "pose_head.0."),
    ("kpt_embed.layers.1.", "pose_head.2."),
    ("kpt_embed.layers.2.", "pose_head.4."),
    ("transformer.encoder.layers.", "transformer.encoder."),
    ("transformer.decoder.layers.", "transformer.decoder."),
    ("transformer.decoder.norm.", "transformer.norm."),
)
_PARTS = (
    (".self_attn.", ".self_attention."),
    (".multihead_attn.", ".cross_attention."),
    (".out_proj.", ".output."),
    (".linear1.", ".feedforward.0."),
    (".linear2.", ".feedforward.3."),
)


def is_published_layout(weights: Mapping[str, Tensor]) -> bool:
    """Whether these are the tensors of a published POET checkpoint."""
    return "query_embed.weight" in weights and "kpt_embed.layers.2.weight" in weights


def from_published(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The `["model"]` tensors of a published checkpoint under the names that `Poet` gives them.

    What is no three matrices in one, where the layout has that, keeps a name that no network has.
    """
    converted: dict[str, Tensor] = {}
    for published_name, tensor in weights.items():
        name = _rename(published_name)
        if name.endswith((".in_proj_weight", ".in_proj_bias")) and tensor.ndim and len(tensor) % 3 == 0:
            attention, _, kind = name.rpartition(".in_proj_")
            for part, chunk in zip(("query", "key", "value"), torch.chunk(tensor, 3), strict=True):
                converted[f"{attention}.{part}.{kind}"] = chunk
        else:
            converted[name] = tensor
    return converted


def _rename(name: str) -> str:
    if name == "query_embed.weight":
        return "queries"
    for old, new in _PREFIXES:
        if name.startswith(old):
            name = new + name.removeprefix(old)
            break
    for old, new in _PARTS:
        name = name.replace(old, new)
    return name
