"""The whole network, in small: shapes, ranges, padding and independence of the images of a batch."""

import pytest
import torch

from poetlab.model.poet import Poet
from poetlab.model.presets import ModelSettings

N_KEYPOINTS = 5


@pytest.fixture
def model(tiny_settings: ModelSettings) -> Poet:
    torch.manual_seed(0)
    return Poet(tiny_settings, N_KEYPOINTS).eval()


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def test_every_layer_gives_a_class_and_a_pose_for_every_query(model: Poet, images: torch.Tensor) -> None:
    output = model(images)
    assert output.class_logits.shape == (2, 2, 4, 3)
    assert output.pose_vectors.shape == (2, 2, 4, 2 + 3 * N_KEYPOINTS)
    assert ((output.pose_vectors > 0) & (output.pose_vectors < 1)).all()
    assert output.poses.keypoints.shape == (2, 2, 4, N_KEYPOINTS, 2)


@torch.no_grad()
def test_no_padding_is_the_same_as_a_mask_without_padding(model: Poet, images: torch.Tensor) -> None:
    expected = model(images)
    found = model(images, torch.zeros(2, 64, 96, dtype=torch.bool))
    torch.testing.assert_close(found.class_logits, expected.class_logits, atol=1e-5, rtol=0)
    torch.testing.assert_close(found.pose_vectors, expected.pose_vectors, atol=1e-5, rtol=0)


@torch.no_grad()
def test_an_image_is_predicted_the_same_whatever_its_neighbors(model: Poet, images: torch.Tensor) -> None:
    padding = torch.zeros(2, 64, 96, dtype=torch.bool)
    padding[1, 32:] = True
    together = model(images, padding).pose_vectors
    for i in range(2):
        alone = model(images[i : i + 1], padding[i : i + 1]).pose_vectors
        torch.testing.assert_close(together[:, i : i + 1], alone, atol=1e-5, rtol=0)


@torch.no_grad()
def test_padding_changes_nothing_that_the_backbone_does_not_mix_in(model: Poet, images: torch.Tensor) -> None:
    model.backbone = torch.nn.AvgPool2d(32)  # type: ignore[assignment]  a real one looks across the edge
    model.input_projection = torch.nn.Conv2d(3, model.settings.n_features, kernel_size=1)
    padding = torch.zeros(2, 64, 96, dtype=torch.bool)
    padding[0, :, 64:] = True
    padding[1, 32:] = True
    padded = images.masked_fill(padding[:, None], 1e3)
    together = model(padded, padding).pose_vectors
    torch.testing.assert_close(together[:, :1], model(images[:1, :, :, :64]).pose_vectors, atol=1e-5, rtol=0)
    torch.testing.assert_close(together[:, 1:], model(images[1:, :, :32]).pose_vectors, atol=1e-5, rtol=0)


def test_every_weight_that_is_not_frozen_is_reached_by_the_gradient(model: Poet, images: torch.Tensor) -> None:
    model.backbone.layer1.requires_grad_(requires_grad=False)
    output = model.train()(images)
    (output.class_logits.sum() + output.pose_vectors.sum()).backward()
    for name, parameter in model.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, name


@torch.inference_mode()
def test_the_network_compiles_as_one_graph(model: Poet, images: torch.Tensor) -> None:
    compiled = torch.compile(model, backend="eager", fullgraph=True, dynamic=False)
    torch.testing.assert_close(compiled(images).pose_vectors, model(images).pose_vectors)
