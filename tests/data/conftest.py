"""Small labeled images that the tests of training data write."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from poetlab.labels.label_set import LabeledImage, LabeledInstance, LabelSet
from poetlab.skeleton import Skeleton

SKELETON = Skeleton("fly", ("head", "left_wing", "right_wing"), symmetries=(("left_wing", "right_wing"),))


@pytest.fixture
def make_label_set(tmp_path: Path) -> Callable[..., LabelSet]:
    """A function that writes random images of (height, width) each, with the given instances in every image."""

    def make(
        sizes: list[tuple[int, int]], instances: tuple[LabeledInstance, ...] = (), name: str = "flies"
    ) -> LabelSet:
        folder = tmp_path / name / "images"
        folder.mkdir(parents=True)
        images = []
        for number, size in enumerate(sizes):
            pixels = np.random.default_rng(number).integers(0, 256, (*size, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
            images.append(LabeledImage(f"{number}.png", size, instances, "train"))
        return LabelSet(name, SKELETON, tuple(images), "given", folder)

    return make


@pytest.fixture
def make_instance() -> Callable[..., LabeledInstance]:
    """A function that makes an instance of three keypoints, each (x, y, visibility)."""

    def make(*keypoints: tuple[float, float, float], is_crowd: bool = False) -> LabeledInstance:
        return LabeledInstance(np.array(keypoints), (4.0, 6.0, 30.0, 20.0), 600.0, is_crowd)

    return make
