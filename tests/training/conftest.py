"""A tiny network for the tests of training."""

import pytest
import torch

from poetlab.model.poet import Poet
from poetlab.model.presets import ModelSettings


@pytest.fixture
def model() -> Poet:
    """A network that runs in milliseconds."""
    torch.manual_seed(1)
    settings = ModelSettings(
        backbone="resnet18",
        n_queries=4,
        n_encoder_layers=2,
        n_decoder_layers=1,
        n_heads=4,
        n_features=16,
        n_feedforward=32,
    )
    return Poet(settings, n_keypoints=3)
