"""A tiny network and made-up predictions and animals for the tests of the network."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from poetlab.model.poet import PoetOutput
from poetlab.model.pose_vector import PoseTargets, QueryClass, encode_targets, stack_targets, vector_size
from poetlab.model.presets import ModelSettings, SwiftSettings
from poetlab.model.swift import Swift


@pytest.fixture
def tiny_settings() -> ModelSettings:
    """The sizes of a network that runs in milliseconds."""
    return ModelSettings(
        backbone="resnet18",
        n_queries=4,
        n_encoder_layers=1,
        n_decoder_layers=2,
        n_heads=4,
        n_features=16,
        n_feedforward=32,
    )


@pytest.fixture
def swift_settings(tiny_swift: SwiftSettings) -> SwiftSettings:
    """The sizes of a tiny network of the swift family that uses its whole backbone."""
    return tiny_swift.model_copy(update={"coarsest_stride": 32})


@pytest.fixture
def make_swift(swift_settings: SwiftSettings) -> Callable[..., Swift]:
    """`make_swift(n_keypoints=5, seed=0, backbone="resnet18", ...)`: a network as if trained, in evaluation mode.

    Its norms all do something, each channel something else, and its queries move, which those of a new network do not.
    """

    def make(n_keypoints: int = 5, seed: int = 0, **sizes: object) -> Swift:
        torch.manual_seed(seed)
        model = Swift(swift_settings.model_copy(update=sizes), n_keypoints)
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.2)
                module.running_var.uniform_(0.5, 2)
                nn.init.uniform_(module.weight, 0.3, 0.8)
                nn.init.normal_(module.bias, 0, 0.2)
        for layer in model.decoder:
            for head in (layer.heads.center_step, layer.heads.offset_step):
                nn.init.normal_(head[2].weight, 0, 0.3)
        return model.eval()

    return make


@pytest.fixture
def make_output() -> Callable[..., PoetOutput]:
    """A function that makes up predictions of 2 layers, in float64."""

    def make(n_images: int, n_queries: int, n_keypoints: int, seed: int = 0) -> PoetOutput:
        random = torch.Generator().manual_seed(seed)
        shape = (2, n_images, n_queries)
        return PoetOutput(
            class_logits=torch.randn(*shape, 3, generator=random, dtype=torch.float64),
            pose_vectors=torch.rand(*shape, vector_size(n_keypoints), generator=random, dtype=torch.float64),
        )

    return make


@pytest.fixture
def make_targets() -> Callable[..., PoseTargets]:
    """A function that makes up animals, as many as asked for in each image, in float64.

    The first animal of every image has no visible keypoint; the others have some of them.
    """

    def make(n_animals: list[int], n_keypoints: int, seed: int = 0) -> PoseTargets:
        random = torch.Generator().manual_seed(seed)
        targets = []
        for n in n_animals:
            visible = torch.rand(n, n_keypoints, generator=random) < 0.7
            visible[1:, 0] = True
            visible[:1] = False
            keypoints = torch.rand(n, n_keypoints, 2, generator=random, dtype=torch.float64) * 100
            bboxes = torch.rand(n, 4, generator=random, dtype=torch.float64) * 50
            targets.append(encode_targets(keypoints, visible, bboxes, (100, 100)))
        return stack_targets(targets)

    return make


@pytest.fixture
def pad() -> Callable[..., PoseTargets]:
    """A function that gives targets more places of padding, with any values in them."""

    def pad(targets: PoseTargets, n_more: int) -> PoseTargets:
        n_images, _, n_keypoints = targets.visible.shape
        return PoseTargets(
            classes=torch.cat([targets.classes, torch.full((n_images, n_more), QueryClass.NO_OBJECT)], dim=1),
            centers=torch.cat([targets.centers, targets.centers.new_full((n_images, n_more, 2), 7.0)], dim=1),
            offsets=torch.cat([targets.offsets, targets.offsets.new_full((n_images, n_more, n_keypoints, 2), 7.0)], 1),
            visible=torch.cat([targets.visible, torch.ones(n_images, n_more, n_keypoints, dtype=torch.bool)], dim=1),
            located=torch.cat([targets.located, torch.ones(n_images, n_more, n_keypoints, dtype=torch.bool)], dim=1),
            areas=torch.cat([targets.areas, targets.areas.new_full((n_images, n_more), 7.0)], dim=1),
            told=torch.cat([targets.told, torch.ones(n_images, n_more, n_keypoints, dtype=torch.bool)], dim=1),
        )

    return pad
