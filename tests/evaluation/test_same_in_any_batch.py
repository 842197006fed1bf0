"""In a letterbox, an image gives the same poses whatever is predicted beside it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from poetlab.data.image_size import ImageSizeSettings
from poetlab.evaluation.predicting import predict_images
from poetlab.inference import Predictor
from poetlab.labels.label_set import LabeledImage, LabelSet
from poetlab.model.folding import folded_copy
from poetlab.model.presets import SwiftSettings
from poetlab.model.swift import Swift
from poetlab.skeleton import Skeleton

SIZES = [(64, 96), (64, 96), (40, 120), (120, 40), (64, 96), (75, 75), (40, 120)]
SKELETON = Skeleton("fly", ("head", "thorax", "tail"))


@pytest.fixture
def label_set(tmp_path: Path) -> LabelSet:
    """A folder of images of several sizes."""
    random = np.random.default_rng(0)
    for number, (height, width) in enumerate(SIZES):
        pixels = random.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((width, height)).save(tmp_path / f"{number}.png")
    images = tuple(LabeledImage(f"{number}.png", size, (), "val") for number, size in enumerate(SIZES))
    return LabelSet("mixed", SKELETON, images, "of the box", tmp_path)


@pytest.fixture
def predictor(tiny_swift: SwiftSettings) -> Predictor:
    """A network whose queries move."""
    torch.manual_seed(0)
    model = Swift(tiny_swift, SKELETON.n_keypoints)
    for layer in model.decoder:
        for head in (layer.heads.center_step, layer.heads.offset_step):
            nn.init.normal_(head[2].weight, 0, 0.3)
    letterbox = ImageSizeSettings(letterbox=(64, 96))
    return Predictor(folded_copy(model.eval()), SKELETON, letterbox, torch.device("cpu"), "test", {})


@pytest.mark.parametrize("in_bfloat16", [False, True])
def test_images_of_mixed_sizes_give_the_same_in_batches_of_any_size(
    predictor: Predictor, label_set: LabelSet, monkeypatch: pytest.MonkeyPatch, in_bfloat16: bool
) -> None:
    monkeypatch.setattr("poetlab.inference.computes_in_bfloat16", lambda _device: in_bfloat16)
    alone = predict_images(predictor, [label_set], batch_size=1)
    for batch_size in (2, 5):
        together = predict_images(predictor, [label_set], batch_size=batch_size)
        for found, expected in zip(together, alone, strict=True):
            np.testing.assert_allclose(found.instances.keypoints, expected.instances.keypoints, atol=1e-3)
            np.testing.assert_allclose(found.instances.scores, expected.instances.scores, atol=1e-5)
            np.testing.assert_allclose(found.instances.visibility, expected.instances.visibility, atol=1e-5)
