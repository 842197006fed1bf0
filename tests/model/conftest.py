"""A tiny network and made-up predictions and animals for the tests of the network."""

from collections.abc import Callable

import pytest
import torch

from poetlab.model.poet import PoetOutput
from poetlab.model.pose_vector import PoseTargets, QueryClass, encode_targets, stack_targets, vector_size
from poetlab.model.presets import ModelSettings


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
        )

    return pad
