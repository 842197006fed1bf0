"""A folded copy predicts what its network predicts, and leaves the network as it was."""

from collections.abc import Callable
from dataclasses import fields

import pytest
import torch
from torch import nn
from torchvision.ops import FrozenBatchNorm2d

from poetlab.model.folding import folded_copy
from poetlab.model.poet import Poet, PoetOutput
from poetlab.model.presets import ModelSettings
from poetlab.model.swift import Swift

SIZE = (64, 96)
CLOSE = {"atol": 1e-4, "rtol": 0.0}


def network(settings: ModelSettings) -> Poet:
    """A network whose frozen norms all do something, each channel something else; signals keep their size."""
    torch.manual_seed(0)
    model = Poet(settings, n_keypoints=5).eval()
    for module in model.modules():
        if isinstance(module, FrozenBatchNorm2d):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 2)
            module.weight.uniform_(0.3, 0.8)
            module.bias.normal_(0, 0.2)
    return model


@pytest.fixture
def model(tiny_settings: ModelSettings) -> Poet:
    return network(tiny_settings)


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(2, 3, *SIZE, generator=torch.Generator().manual_seed(0))


def padding_of(sizes: list[tuple[int, int]]) -> torch.Tensor:
    padding = torch.ones(len(sizes), *SIZE, dtype=torch.bool)
    for image, (height, width) in zip(padding, sizes, strict=True):
        image[:height, :width] = False
    return padding


def assert_same(found: PoetOutput, expected: PoetOutput) -> None:
    torch.testing.assert_close(found.class_logits, expected.class_logits, **CLOSE)
    torch.testing.assert_close(found.pose_vectors, expected.pose_vectors, **CLOSE)


@pytest.mark.parametrize("padding", [None, padding_of([SIZE, (33, 64)])], ids=["whole", "padded"])
@pytest.mark.parametrize(
    "backbone",
    [{}, {"backbone": "resnet50"}, {"backbone": "resnet50", "dilated_c5": True}],
    ids=["basic blocks", "bottlenecks", "dilated"],
)
@torch.inference_mode()
def test_all_decoder_layers_predict_the_same(
    tiny_settings: ModelSettings, images: torch.Tensor, backbone: dict[str, object], padding: torch.Tensor | None
) -> None:
    model = network(tiny_settings.model_copy(update=backbone))
    folded = folded_copy(model)
    assert_same(folded(images, padding), model(images, padding))
    expected = model.backbone(images)
    assert expected.abs().mean() > 0.05  # a signal that has died out would be the same whatever is done to it
    torch.testing.assert_close(folded.backbone(images), expected, atol=1e-4, rtol=1e-4)


def test_what_is_compared_depends_on_every_norm(model: Poet, images: torch.Tensor) -> None:
    norms = [module for module in model.backbone.modules() if isinstance(module, FrozenBatchNorm2d)]
    assert len(norms) == 20
    with torch.inference_mode():
        expected = model.backbone(images)
        for norm in norms:
            for constants in (norm.running_mean, norm.running_var, norm.weight, norm.bias):
                kept = constants.clone()
                constants.mul_(1.2)
                assert (model.backbone(images) - expected).abs().max() > 1e-3
                constants.copy_(kept)


def test_no_norm_is_left_and_nothing_is_trained(model: Poet) -> None:
    folded = folded_copy(model.train())
    assert not any(isinstance(module, FrozenBatchNorm2d) for module in folded.modules())
    assert not any(parameter.requires_grad for parameter in folded.parameters())
    assert not any(module.training for module in folded.modules())


def test_weights_of_convolutions_lie_channels_last(model: Poet) -> None:
    weight = folded_copy(model).backbone.layer1[0].conv1.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert not weight.is_contiguous()


def test_the_network_stays_as_it_was(model: Poet, images: torch.Tensor) -> None:
    model.train().backbone.conv1.requires_grad_(requires_grad=False)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    trained = [parameter.requires_grad for parameter in model.parameters()]
    folded_copy(model)(images)
    after = model.state_dict()
    assert list(after) == list(before)
    for name, tensor in after.items():
        assert torch.equal(tensor, before[name]), name
        assert tensor.stride() == before[name].stride(), name
    assert [parameter.requires_grad for parameter in model.parameters()] == trained
    assert all(module.training for module in model.modules())


@torch.inference_mode()
def test_later_training_does_not_change_a_copy(model: Poet, images: torch.Tensor) -> None:
    folded = folded_copy(model)
    before = folded(images).pose_vectors
    for tensor in model.state_dict().values():
        tensor.add_(0.1)
    torch.testing.assert_close(folded(images).pose_vectors, before, atol=0, rtol=0)


@torch.inference_mode()
def test_a_copy_of_a_copy_is_the_same(model: Poet, images: torch.Tensor) -> None:
    folded = folded_copy(model)
    assert_same(folded_copy(folded)(images), folded(images))


def test_a_network_trains_after_its_copy_predicted(model: Poet, images: torch.Tensor) -> None:
    with torch.inference_mode():
        model(images)
        folded = folded_copy(model)
        folded(images)
    output = model.train()(images)
    (output.class_logits.sum() + output.pose_vectors.sum()).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize(
    "backbone",
    ["resnet18", "mobilenet_v3_small", "convnext_tiny", "regnet_y_400mf", "efficientnet_b0", "densenet121", "vgg11_bn"],
)
@torch.inference_mode()
def test_a_swift_network_folds_whatever_its_backbone(
    make_swift: Callable[..., Swift], images: torch.Tensor, backbone: str
) -> None:
    model = make_swift(backbone=backbone)
    expected, folded = model(images), folded_copy(model)
    found = folded(images)
    for part in fields(found):
        value = getattr(found, part.name)
        if isinstance(value, torch.Tensor):
            torch.testing.assert_close(value, getattr(expected, part.name), **CLOSE, msg=part.name)
    kept = [name for name, module in folded.named_modules() if isinstance(module, nn.BatchNorm2d)]
    if backbone != "densenet121":  # there, most norms stand before the convolutions
        assert kept == []
    assert not [name for name in kept if not name.startswith("backbone.")]


def test_training_a_swift_network_goes_on_after_it_was_folded(
    make_swift: Callable[..., Swift], images: torch.Tensor
) -> None:
    model = make_swift().train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    folded = folded_copy(model)
    assert not folded.training
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert all(module.training for module in model.modules())
    assert model(images).points is not None
