"""The backbone: torchvision's ResNet without its head, and statistics for one without pretrained weights."""

import pytest
import torch
from torchvision.models import get_model
from torchvision.models.resnet import ResNet
from torchvision.ops import FrozenBatchNorm2d

from poetlab.errors import ConfigError
from poetlab.model.backbone import IMAGENET_MEAN, IMAGENET_STD, Backbone, calibrate_batch_norm, normalize_images
from poetlab.model.presets import ModelSettings

RESNET18 = ModelSettings(backbone="resnet18")


@pytest.fixture
def images() -> torch.Tensor:
    """Two images, (64, 97), normalized."""
    torch.manual_seed(0)
    return normalize_images(torch.randint(0, 256, (2, 3, 64, 97), dtype=torch.uint8))


@pytest.mark.parametrize(
    ("settings", "stride", "shape"),
    [
        (RESNET18, 32, (1, 512, 3, 2)),
        (ModelSettings(backbone="resnet50"), 32, (1, 2048, 3, 2)),
        (ModelSettings(backbone="resnet50", dilated_c5=True), 16, (1, 2048, 5, 4)),
    ],
)
def test_the_map_has_the_size_of_the_image_by_the_stride_rounded_up(
    settings: ModelSettings, stride: int, shape: tuple[int, ...]
) -> None:
    backbone = Backbone(settings)
    assert (backbone.stride, backbone.n_channels) == (stride, shape[1])
    with torch.no_grad():
        assert backbone(torch.zeros(1, 3, 65, 64)).shape == shape


def features_of(resnet: ResNet, images: torch.Tensor) -> torch.Tensor:
    """What torchvision's own network has before its pooling."""
    found: list[torch.Tensor] = []
    handle = resnet.avgpool.register_forward_pre_hook(lambda _module, inputs: found.append(inputs[0]))
    with torch.no_grad():
        resnet(images)
    handle.remove()
    return found[0]


def test_features_are_those_of_torchvisions_network_in_evaluation_mode(images: torch.Tensor) -> None:
    resnet = get_model("resnet18", weights=None).eval()
    for module in resnet.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
            torch.nn.init.uniform_(module.weight, 0.5, 1)
            torch.nn.init.normal_(module.bias, 0, 0.1)
    weights = {name: tensor for name, tensor in resnet.state_dict().items() if "num_batches" not in name}
    del weights["fc.weight"], weights["fc.bias"]
    backbone = Backbone(RESNET18)
    backbone.load_state_dict(weights)
    backbone.train()  # its statistics are constants in training, too
    with torch.no_grad():
        torch.testing.assert_close(backbone(images), features_of(resnet, images), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ["resnet18", "resnet34"])
def test_a_small_network_has_no_dilated_stage(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} has no dilated last stage"):
        Backbone(ModelSettings.model_validate({"backbone": name, "dilated_c5": True}))


def test_images_are_normalized_the_same_from_bytes_and_from_fractions() -> None:
    pixels = torch.randint(0, 256, (2, 3, 4, 5), dtype=torch.uint8)
    normalized = normalize_images(pixels)
    torch.testing.assert_close(normalize_images(pixels.float() / 255), normalized)
    for channel in range(3):
        expected = (pixels[:, channel] / 255 - IMAGENET_MEAN[channel]) / IMAGENET_STD[channel]
        torch.testing.assert_close(normalized[:, channel], expected)


def normed(backbone: Backbone, images: torch.Tensor) -> dict[str, torch.Tensor]:
    """The output of every norm."""
    outputs: dict[str, torch.Tensor] = {}
    handles = [
        module.register_forward_hook(lambda _module, _inputs, output, name=name: outputs.update({name: output.clone()}))
        for name, module in backbone.named_modules()
        if isinstance(module, FrozenBatchNorm2d)
    ]
    with torch.no_grad():
        backbone(images)
    for handle in handles:
        handle.remove()
    return outputs


def test_after_calibration_every_norm_has_mean_0_and_variance_1(images: torch.Tensor) -> None:
    backbone = Backbone(RESNET18)
    calibrate_batch_norm(backbone, images)
    outputs = normed(backbone, images)
    assert len(outputs) == 20
    for name, output in outputs.items():
        variance, mean = torch.var_mean(output, dim=(0, 2, 3), correction=0)
        torch.testing.assert_close(mean, torch.zeros_like(mean), atol=1e-4, rtol=0, msg=name)
        torch.testing.assert_close(variance, torch.ones_like(variance), atol=1e-2, rtol=0, msg=name)


def test_calibration_leaves_weights_and_hooks_as_they_were(images: torch.Tensor) -> None:
    backbone = Backbone(RESNET18)
    weights = {name: parameter.clone() for name, parameter in backbone.named_parameters()}
    calibrate_batch_norm(backbone, images)
    for name, parameter in backbone.named_parameters():
        torch.testing.assert_close(parameter, weights[name], atol=0, rtol=0)
    statistics = {name: buffer.clone() for name, buffer in backbone.named_buffers()}
    with torch.no_grad():
        backbone(2 * images)
    for name, buffer in backbone.named_buffers():
        torch.testing.assert_close(buffer, statistics[name], atol=0, rtol=0)


def test_calibration_on_one_image_that_becomes_one_feature_is_finite() -> None:
    backbone = Backbone(RESNET18)
    image = normalize_images(torch.randint(0, 256, (1, 3, 32, 32), dtype=torch.uint8))
    calibrate_batch_norm(backbone, image)
    with torch.no_grad():
        assert backbone(image).isfinite().all()
