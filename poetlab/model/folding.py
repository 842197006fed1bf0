"""A copy of a network that only predicts, and does so faster."""

from copy import deepcopy
from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils import fuse_conv_bn_weights
from torchvision.ops import FrozenBatchNorm2d

from poetlab.model.network import Network

_CHANNELS_LAST_DEVICES = {"cpu", "cuda"}
"""Where convolutions are known to be faster when the channels of a place lie side by side in memory."""


def folded_copy(model: Network) -> Network:
    """A copy that predicts the same up to rounding, in evaluation mode, on the same device.

    A batch norm that does not learn scales and shifts each channel by constants, so the convolution before it can do
    that by its own weights. The copy is for computing only: its state dict has other tensors than a snapshot.

    Args:
        model: Left as it is; training it further does not change the copy.
    """
    copy = deepcopy(model).requires_grad_(requires_grad=False)
    for part in copy.modules():
        _fold_norms(part)
    if next(copy.parameters()).device.type in _CHANNELS_LAST_DEVICES:
        copy.to(memory_format=torch.channels_last)
    return copy.eval()


def _fold_norms(part: nn.Module) -> None:
    """Fold each batch norm directly in `part` into the convolution before it, and leave nothing in its place.

    In torchvision's ResNets a convolution's norm is the child after it.
    """
    for (_, convolution), (name, norm) in pairwise(list(part.named_children())):
        if not (isinstance(convolution, nn.Conv2d) and isinstance(norm, FrozenBatchNorm2d | nn.BatchNorm2d)):
            continue
        mean, variance = norm.running_mean, norm.running_var
        if mean is not None and variance is not None:
            convolution.weight, convolution.bias = fuse_conv_bn_weights(
                convolution.weight,
                convolution.bias,
                mean,
                variance,
                norm.eps,
                norm.weight,
                norm.bias,
            )
            setattr(part, name, nn.Identity())
