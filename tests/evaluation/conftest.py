"""Labels and detections made by hand, a network that always says the same, and images for it."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from poetlab.data.image_size import ImageSizeSettings
from poetlab.evaluation.predicting import PredictedImage
from poetlab.inference import Predictor
from poetlab.labels.label_set import LabeledImage, LabeledInstance, LabelSet
from poetlab.model.poet import Poet
from poetlab.model.pose_vector import PosePrediction, encode_vectors
from poetlab.model.presets import ModelSettings
from poetlab.poses import Instances
from poetlab.skeleton import Skeleton

UNITS = np.array([[1 / 4, 1 / 2], [7 / 8, 1 / 8]])
"""Where `predictor` says that the keypoints of the one animal in every image are, in units of the image."""

CENTER = np.array([0.5, 0.25])
"""Where it says that the animal's center is."""


@pytest.fixture
def mouse() -> Skeleton:
    """A skeleton of two keypoints."""
    return Skeleton("mouse", ("nose", "tail"), sigmas=(0.05, 0.1))


@pytest.fixture
def animal() -> Callable[..., LabeledInstance]:
    """A function that makes an animal of keypoints (x, y, visibility)."""

    def make(
        *keypoints: tuple[float, float, float],
        area: float = 40.0**2,
        bbox: tuple[float, float, float, float] = (0.0, 0.0, 40.0, 40.0),
        is_crowd: bool = False,
    ) -> LabeledInstance:
        return LabeledInstance(np.array(keypoints, dtype=float), bbox, area, is_crowd)

    return make


@pytest.fixture
def image() -> Callable[..., LabeledImage]:
    """A function that makes an image of animals."""

    def make(*animals: LabeledInstance, image_id: int | None = None) -> LabeledImage:
        return LabeledImage(f"{image_id}.png", (100, 200), animals, "val", image_id)

    return make


@pytest.fixture
def detections() -> Callable[..., Instances]:
    """A function that makes instances of (keypoints, score)."""

    def make(*poses: tuple[list[tuple[float, float]], float]) -> Instances:
        keypoints = np.array([points for points, _ in poses], dtype=np.float32).reshape(len(poses), 2, 2)
        scores = np.array([score for _, score in poses], dtype=np.float32)
        return Instances(keypoints, np.ones(keypoints.shape[:2], np.float32), scores)

    return make


@pytest.fixture
def predicted(mouse: Skeleton, tmp_path: Path) -> Callable[..., list[PredictedImage]]:
    """A function that puts instances and labels of images together, in the order that COCO has them."""

    def make(
        predictions: Sequence[Instances],
        images: Sequence[LabeledImage],
        name: str = "mice",
        area_rule: str = "as given in the file",
    ) -> list[PredictedImage]:
        label_set = LabelSet(name, mouse, tuple(images), area_rule, tmp_path)
        places = sorted(zip(label_set.image_ids, images, predictions, strict=True), key=lambda place: place[0])
        return [PredictedImage(label_set, image_id, image, (found,)) for image_id, image, found in places]

    return make


@pytest.fixture
def predictor(mouse: Skeleton) -> Predictor:
    """A network of one query and three decoder layers that says the same of every image, in units of the image."""
    settings = ModelSettings(
        backbone="resnet18",
        n_queries=1,
        n_encoder_layers=1,
        n_decoder_layers=3,
        n_heads=2,
        n_features=8,
        n_feedforward=8,
    )
    model = Poet(settings, mouse.n_keypoints).eval()
    center = torch.from_numpy(CENTER).float()
    pose = PosePrediction(center, torch.from_numpy(UNITS).float() - center, torch.tensor([0.9, 0.2]))
    with torch.no_grad():
        model.pose_head[4].weight.zero_()
        model.pose_head[4].bias.copy_(encode_vectors(pose).logit())
        model.class_head.weight.zero_()
        model.class_head.bias.copy_(torch.tensor([0.1, 0.8, 0.1]).log())
    image_size = ImageSizeSettings(short_side=(32, 32), long_side=64)
    return Predictor(model, mouse, image_size, torch.device("cpu"), "test", {})


@pytest.fixture
def make_label_set(tmp_path: Path, mouse: Skeleton) -> Callable[..., LabelSet]:
    """A function that writes images of these sizes, with one animal where `predictor` sees it, but for a shift."""

    def make(
        name: str, sizes: list[tuple[int, int]], shift: float = 0.0, image_ids: Sequence[int] | None = None
    ) -> LabelSet:
        (tmp_path / name).mkdir()
        images = []
        for number, (height, width) in enumerate(sizes):
            Image.new("RGB", (width, height), (number, 0, 0)).save(tmp_path / name / f"{number}.png")
            points = UNITS * [width, height] - 0.5 + [shift, 0]
            keypoints = np.column_stack([points, [2, 1]])
            labeled = LabeledInstance(keypoints, (0.0, 0.0, float(width), float(height)), float(width * height))
            image_id = None if image_ids is None else image_ids[number]
            images.append(LabeledImage(f"{number}.png", (height, width), (labeled,), "val", image_id))
        return LabelSet(name, mouse, tuple(images), f"rule of {name}", tmp_path / name)

    return make
