"""The convolutional backbone: a torchvision ResNet with frozen batch normalization."""

import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torchvision.models import get_model
from torchvision.models.resnet import ResNet
from torchvision.ops import FrozenBatchNorm2d

from poetlab.errors import ConfigError
from poetlab.model.presets import ModelSettings

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

_COUNTER = ".num_batches_tracked"
_DENSENET_NAME = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12])\.")


class Backbone(nn.Module):
    """Image to feature map, (B, 3, H, W) -> (B, C, H / stride, W / stride), rounded up.

    Batch normalization is frozen: its statistics are constants that training does not change (they come with
    pretrained weights, or from `calibrate_batch_norm`).

    Attributes:
        n_channels: C.
        stride: 32, or 16 with a dilated last stage.
    """

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        if settings.dilated_c5 and settings.backbone in {"resnet18", "resnet34"}:
            raise ConfigError(f"{settings.backbone} has no dilated last stage; use resnet50 or set dilated_c5: false")
        dilation = {"replace_stride_with_dilation": [False, False, True]} if settings.dilated_c5 else {}
        resnet: ResNet = get_model(settings.backbone, weights=None, norm_layer=FrozenBatchNorm2d, **dilation)
        self.conv1, self.bn1, self.relu, self.maxpool = resnet.conv1, resnet.bn1, resnet.relu, resnet.maxpool
        self.layer1, self.layer2, self.layer3, self.layer4 = resnet.layer1, resnet.layer2, resnet.layer3, resnet.layer4
        self.n_channels: int = resnet.fc.in_features
        self.stride = 16 if settings.dilated_c5 else 32

    def forward(self, images: Tensor) -> Tensor:
        """Features of normalized images."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))  # (B, 64, H / 4, W / 4)
        x = self.layer1(x)
        x = self.layer2(x)  # stride 8
        x = self.layer3(x)  # stride 16
        return self.layer4(x)  # (B, C, H / stride, W / stride)


def from_torchvision(weights: Mapping[str, Tensor], backbone: nn.Module) -> dict[str, Tensor]:
    """The tensors of a backbone from a file of torchvision's, under the names that networks give them.

    What the file has beside the backbone, such as a classification, is left out, and so are counters of batches. In
    files of DenseNets, old as they are, some names have a dot more than in the networks that torchvision builds today.

    Returns:
        All the backbone's tensors, or none if the file lacks one or has it in another shape.
    """
    renamed = {_DENSENET_NAME.sub(r"\1\2.", name): tensor for name, tensor in weights.items()}
    wanted = {name: own.shape for name, own in backbone.state_dict().items() if not name.endswith(_COUNTER)}
    if not all(name in renamed and renamed[name].shape == shape for name, shape in wanted.items()):
        return {}
    return {f"backbone.{name}": renamed[name] for name in wanted}


def normalize_images(images: Tensor, padding: Tensor | None = None) -> Tensor:
    """Images (B, 3, H, W), uint8 or float in [0, 1], to the float range that ImageNet backbones expect.

    Where `padding` (B, H, W) is true, the result is 0, as DETR and POET pad.
    """
    full, dtype = (1, images.dtype) if images.is_floating_point() else (255, torch.float32)
    mean, std = (
        (full * torch.tensor(values, dtype=dtype).view(3, 1, 1)).to(images.device, non_blocking=True)  # a GPU runs on
        for values in (IMAGENET_MEAN, IMAGENET_STD)
    )
    normalized = (images - mean).div_(std)  # in place, which halves the memory that is moved
    return normalized if padding is None else normalized.masked_fill(padding[:, None], 0)


@torch.no_grad()
def calibrate_batch_norm(backbone: Backbone, images: Tensor) -> None:
    """Set the statistics of the frozen batch norms to those of these images, layer after layer.

    A backbone without pretrained weights has no statistics, and without any normalization its activations
    grow from block to block. One pass suffices: each layer is set just before it is applied.

    Args:
        backbone: Changed in place.
        images: (B, 3, H, W), normalized.
    """

    def set_statistics(norm: FrozenBatchNorm2d, inputs: tuple[Tensor]) -> None:
        variance, mean = torch.var_mean(inputs[0], dim=(0, 2, 3), correction=0)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)

    norms = [module for module in backbone.modules() if isinstance(module, FrozenBatchNorm2d)]
    hooks = [norm.register_forward_pre_hook(set_statistics) for norm in norms]
    try:
        backbone(images)
    finally:
        for hook in hooks:
            hook.remove()
