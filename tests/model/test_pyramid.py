"""Feature maps of torchvision's models by name."""

import pytest
import torch
from torch import nn
from torchvision.models import get_model

from poetlab.errors import ConfigError
from poetlab.model.pyramid import Fusion, feature_backbone
from poetlab.model.swift import STRIDES

CHANNELS = {
    "resnet18": (64, 128, 256, 512),
    "resnet50": (256, 512, 1024, 2048),
    "mobilenet_v3_small": (16, 24, 48, 576),
    "convnext_tiny": (96, 192, 384, 768),
    "regnet_y_400mf": (48, 104, 208, 440),
    "efficientnet_b0": (24, 40, 112, 1280),
    "densenet121": (256, 512, 1024, 1024),
}


@pytest.mark.parametrize("name", CHANNELS)
@torch.inference_mode()
def test_maps_at_all_strides(name: str) -> None:
    torch.manual_seed(0)
    backbone, n_channels = feature_backbone(name, STRIDES)
    assert n_channels == CHANNELS[name]
    for height, width in ((64, 96), (96, 32)):
        maps = backbone.eval()(torch.randn(2, 3, height, width))
        expected = {
            str(stride): (2, channels, height // stride, width // stride)
            for stride, channels in zip(STRIDES, n_channels, strict=True)
        }
        assert {stride: tuple(each.shape) for stride, each in maps.items()} == expected


def test_the_maps_are_the_last_of_each_stride_and_tensors_are_named_as_in_the_whole_model() -> None:
    whole = get_model("resnet18", weights=None).eval()
    backbone, _ = feature_backbone("resnet18", STRIDES)
    expected = {name: tensor for name, tensor in whole.state_dict().items() if not name.startswith("fc.")}
    assert backbone.state_dict().keys() == expected.keys()
    backbone.load_state_dict(expected)
    x = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        found = backbone.eval()(x)
        stage = whole.maxpool(whole.relu(whole.bn1(whole.conv1(x))))
        for stride, layer in zip(STRIDES, (whole.layer1, whole.layer2, whole.layer3, whole.layer4), strict=True):
            stage = layer(stage)
            torch.testing.assert_close(found[str(stride)], stage)


def test_a_backbone_trains_and_its_norms_have_seen_nothing_yet() -> None:
    backbone, _ = feature_backbone("resnet18", STRIDES)
    norms = [module for module in backbone.modules() if isinstance(module, nn.BatchNorm2d)]
    assert all(module.training for module in backbone.modules())
    assert all(norm.num_batches_tracked == 0 and not norm.running_mean.any() for norm in norms)
    assert all(parameter.requires_grad for parameter in backbone.parameters())


@torch.inference_mode()
def test_what_only_coarser_maps_need_is_cut_off() -> None:
    backbone, n_channels = feature_backbone("resnet18", (4, 8, 16))
    assert n_channels == (64, 128, 256)
    assert list(backbone(torch.randn(1, 3, 64, 64))) == ["4", "8", "16"]
    stages = {name.split(".")[0] for name in backbone.state_dict()}
    assert stages == {"conv1", "bn1", "layer1", "layer2", "layer3"}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("swin_t", "no backbone 'swin_t': that model has no maps at stride 8"),  # channels last
        ("vit_b_16", "no backbone 'vit_b_16': that model has no maps at stride 4"),  # for images of one size
        ("squeezenet1_1", "no backbone 'squeezenet1_1': that model has no maps at stride 4"),
        ("mobilenetv3_large", "no such classification model; the nearest is 'mobilenet_v3_large'"),
        ("fasterrcnn_resnet50_fpn", "no backbone 'fasterrcnn_resnet50_fpn': torchvision has no such classification"),
        ("", "no such classification model; resnet18 and convnext_tiny are some that it has"),
    ],
)
def test_a_model_without_such_maps_is_refused(name: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        feature_backbone(name, STRIDES)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@torch.no_grad()
def test_a_fusion_adds_the_coarser_map_to_each_of_its_four_cells() -> None:
    torch.manual_seed(0)
    fusion = Fusion(3, 5, 4).eval()
    stage, above = torch.randn(2, 3, 4, 6), torch.randn(2, 5, 2, 3)
    fusion.mix = nn.Identity()  # what is left adds cell by cell
    found = fusion(stage, above)
    for row in range(4):
        for column in range(6):
            expected = fusion.lateral(stage[:, :, row : row + 1, column : column + 1])
            expected = expected + fusion.above(above[:, :, row // 2 : row // 2 + 1, column // 2 : column // 2 + 1])
            torch.testing.assert_close(found[:, :, row : row + 1, column : column + 1], expected)
