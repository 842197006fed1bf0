"""Small label files and images that the tests of labels write."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

NAMES = ["nose", "left_ear", "right_ear"]


@pytest.fixture
def make_image() -> Callable[..., Path]:
    """A function that writes an image of (height, width) with content that does not compress to nothing."""

    def make(path: Path, size: tuple[int, int] = (48, 64), **options: Any) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(0).integers(0, 255, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path, **options)
        return path

    return make


@pytest.fixture
def annotation() -> Callable[..., dict[str, Any]]:
    """A function that makes a COCO annotation of three keypoints; a value of None removes the key."""

    def make(**changes: Any) -> dict[str, Any]:
        entry = {
            "id": 7,
            "image_id": 1,
            "category_id": 1,
            "iscrowd": 0,
            "keypoints": [10, 20, 2, 30, 24, 1, 0, 0, 0],
            "num_keypoints": 2,
            "bbox": [8, 18, 30, 20],
            "area": 500,
            "segmentation": [[8, 18, 38, 18, 38, 38, 8, 38]],
        }
        return {key: value for key, value in (entry | changes).items() if value is not None}

    return make


@pytest.fixture
def write_coco(tmp_path: Path, annotation: Callable[..., dict[str, Any]]) -> Callable[..., Path]:
    """A function that writes COCO JSON of one image; each argument replaces a top-level key, None removes it."""

    def write(path: Path | None = None, **changes: Any) -> Path:
        content = {
            "images": [{"id": 1, "file_name": "a.png", "width": 64, "height": 48}],
            "categories": [{"id": 1, "name": "mouse", "keypoints": NAMES, "skeleton": [[1, 2], [1, 3]]}],
            "annotations": [annotation()],
        }
        content = {key: value for key, value in (content | changes).items() if value is not None}
        path = path or tmp_path / "source" / "labels.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    return write
