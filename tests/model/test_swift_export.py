"""A trained swift network leaves Python: `torch.export` and tracing, for one letterbox."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from poetlab.model.folding import folded_copy
from poetlab.model.swift import Swift

MakeSwift = Callable[..., Swift]


class Poses(nn.Module):
    """What a program without poetlab needs of a network: plain tensors."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        output = self.network(images)
        return output.poses.keypoints[-1], output.poses.visibility[-1], output.scores[-1]


@pytest.fixture
def poses(make_swift: MakeSwift) -> Poses:
    """A network of the default preset's shape, as inference computes with it."""
    return Poses(folded_copy(make_swift(coarsest_stride=16)))


def images(seed: int) -> Tensor:
    return torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def assert_computes_the_same(exported: Callable[[Tensor], tuple[Tensor, ...]], poses: Poses) -> None:
    for seed in (0, 1):  # what it was exported with, and other images
        for found, expected in zip(exported(images(seed)), poses(images(seed)), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of torch's own code
def test_an_exported_network_computes_the_same(poses: Poses) -> None:
    assert_computes_the_same(torch.export.export(poses, (images(0),)).module(), poses)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # tracing notes each size that becomes a constant
def test_a_traced_network_computes_the_same(poses: Poses) -> None:
    assert_computes_the_same(torch.jit.trace(poses, (images(0),), check_trace=False), poses)
