"""Feature maps of an image at four strides, from any torchvision backbone that has them."""

import difflib
from collections.abc import Sequence

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn
from torchvision.models import get_model, list_models
from torchvision.models.feature_extraction import create_feature_extractor

from poetlab.errors import ConfigError

_PROBE_SIZE = (64, 96)
"""(height, width) of the image that is sent through a backbone to see its strides; height and width differ so that maps
with the channels last are not taken for others."""


class Fusion(nn.Module):
    """A map of the backbone joined with the next coarser map: (B, C, h, w), (B, A, h / 2, w / 2) -> (B, D, h, w)."""

    def __init__(self, n_channels: int, n_above: int, n_features: int) -> None:
        super().__init__()
        self.lateral = nn.Conv2d(n_channels, n_features, kernel_size=1)
        self.above = nn.Conv2d(n_above, n_features, kernel_size=1)
        self.mix = conv3x3(n_features)

    def forward(self, stage: Tensor, above: Tensor) -> Tensor:
        """Join them."""
        return self.mix(self.lateral(stage) + F.interpolate(self.above(above), scale_factor=2.0))


def conv3x3(n_features: int) -> nn.Sequential:
    """A convolution over 3 x 3 cells that keeps the number of features, normalized and rectified."""
    convolution = nn.Conv2d(n_features, n_features, kernel_size=3, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(n_features), nn.ReLU(inplace=True))


def feature_backbone(name: str, strides: Sequence[int]) -> tuple[nn.Module, tuple[int, ...]]:
    """A torchvision model without pretrained weights, cut to give its maps.

    Args:
        name: As torchvision calls it, such as `resnet18` or `convnext_tiny`.
        strides: Which maps to give; what only later ones need is cut off.

    Returns:
        A network that maps images (B, 3, H, W) to a dictionary of maps (B, C, H / s, W / s), the last that the model
        has at each stride s under the name `s`, for sides that are multiples of 32; and C for each stride.
        Its tensors are named as in the whole model.

    Raises:
        ConfigError: If torchvision has no such classification model, or it lacks one of the strides.
    """
    known = list_models(module=torchvision.models)
    if name not in known:
        nearest = difflib.get_close_matches(name, known, n=1)
        advice = f"the nearest is '{nearest[0]}'" if nearest else "resnet18 and convnext_tiny are some that it has"
        raise ConfigError(f"no backbone '{name}': torchvision has no such classification model; {advice}")
    whole = get_model(name, weights=None)
    outputs = _last_outputs(whole, name, strides)
    nodes = {module: str(stride) for stride, (module, _) in outputs.items()}
    features = create_feature_extractor(whole, nodes, suppress_diff_warning=True)
    return features, tuple(n_channels for _, n_channels in outputs.values())


def _last_outputs(whole: nn.Module, name: str, strides: Sequence[int]) -> dict[int, tuple[str, int]]:
    """For each stride the name and channels of the module with the last map of it, inner modules left out."""
    shapes: dict[str, torch.Size] = {}

    def note(module_name: str, output: object) -> None:
        if isinstance(output, Tensor) and output.dim() == 4:
            shapes[module_name] = output.shape

    handles = [
        module.register_forward_hook(lambda _module, _inputs, output, of=module_name: note(of, output))
        for module_name, module in whole.named_modules()
        if module_name
    ]
    try:
        with torch.inference_mode():
            whole.eval()(torch.zeros(1, 3, *_PROBE_SIZE))
    except (AssertionError, RuntimeError):  # made for images of one size
        shapes = {}
    finally:
        for handle in handles:
            handle.remove()
    whole.train()
    outputs = {}
    for stride in strides:
        size = tuple(side // stride for side in _PROBE_SIZE)
        fitting = [module for module, shape in shapes.items() if tuple(shape[2:]) == size]
        if not fitting:
            raise ConfigError(
                f"no backbone '{name}': that model has no maps at stride {stride} for images of any size; choose "
                "another, such as resnet18, mobilenet_v3_large or convnext_tiny"
            )
        depth = min(module.count(".") for module in fitting)
        last = [module for module in fitting if module.count(".") == depth][-1]
        outputs[stride] = (last, shapes[last][1])
    return outputs
