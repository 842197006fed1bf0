"""Drawn labeled images on disk, as plain COCO keypoint JSON."""

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

from poetlab.drawn.animals import LIZARD
from poetlab.drawn.scenario import Scenario
from poetlab.drawn.scene import Picture, draw_shot
from poetlab.errors import LabelError
from poetlab.files import whole_folder

_ANNOTATIONS = "annotations.json"
_IMAGES = "images"

_CATEGORY_ID = 1


def draw_dataset(
    folder: Path,
    *,
    n_images: int,
    n_animals: tuple[int, int] = (2, 4),
    size: tuple[int, int] = (192, 192),
    negatives: float = 0.05,
    seed: int = 0,
    scenario: Scenario | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Draw labeled images, each of other animals on other ground, into a new folder.

    Args:
        folder: Will hold `annotations.json` and `images/`; must be absent or empty.
        n_images: Number of images, those without animals included.
        n_animals: Fewest and most animals in an image. One of which nothing can be seen is not labeled.
        size: (height, width) of the images in pixels.
        negatives: Part of the images that show no animal, rounded to whole images.
        seed: The same arguments draw the same bytes.
        scenario: The animals' looks and habits; the default ones if omitted.
        on_progress: Called with the images drawn so far and all.

    Returns:
        The annotations' path. The file is plain COCO keypoint JSON with run-length masks of what can be seen. Areas are
        those of the boxes around the masks, by which the POET paper scales OKS of its monkeys.

    Raises:
        LabelError: If the folder holds something already, or cannot be written. It is then as it was before.
    """
    planning, *seeds = np.random.SeedSequence(seed).spawn(n_images + 1)
    counts = _plan(np.random.default_rng(planning), n_images, n_animals, negatives)
    content = _empty_coco(f"Drawn by poetlab from seed {seed}")
    with _new_folder(folder) as partial:
        (partial / _IMAGES).mkdir()
        for index, (count, image_seed) in enumerate(zip(counts, seeds, strict=True)):
            rng = np.random.default_rng(image_seed)
            picture = next(draw_shot(rng, n_frames=1, n_animals=count, size=size, scenario=scenario))
            file_name = f"drawn_{index:05d}.png"
            Image.fromarray(picture.image).save(partial / _IMAGES / file_name)
            _add_labels(content, picture, file_name)
            if on_progress:
                on_progress(index + 1, n_images)
        (partial / _ANNOTATIONS).write_text(json.dumps(content, allow_nan=False), encoding="utf-8")
    return folder / _ANNOTATIONS


@contextlib.contextmanager
def _new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill, which becomes `path` at the end; an error removes it."""
    try:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise LabelError(f"{path}: exists already; delete it or choose another folder for the drawn images")
        with whole_folder(path) as partial:
            yield partial
    except OSError as error:
        raise LabelError(f"{path}: cannot be written ({error.strerror}); free space or choose another") from error


def _plan(rng: np.random.Generator, n_images: int, n_animals: tuple[int, int], negatives: float) -> list[int]:
    """Number of animals in each image, with images without animals scattered among them."""
    counts = rng.integers(n_animals[0], n_animals[1], n_images, endpoint=True)
    counts[rng.permutation(n_images)[: int(n_images * negatives + 0.5)]] = 0
    return [int(count) for count in counts]


def _empty_coco(description: str) -> dict[str, Any]:
    category = {
        "id": _CATEGORY_ID,
        "name": LIZARD.name,
        "supercategory": "animal",
        "keypoints": list(LIZARD.keypoints),
        "skeleton": [[start + 1, end + 1] for start, end in LIZARD.edge_indices],
    }
    return {"info": {"description": description}, "images": [], "annotations": [], "categories": [category]}


def _add_labels(content: dict[str, Any], picture: Picture, file_name: str) -> None:
    """Append one image and its annotations."""
    height, width = picture.image.shape[:2]
    image_id = len(content["images"]) + 1
    content["images"].append({"id": image_id, "file_name": file_name, "width": width, "height": height})
    for points, mask, bbox in zip(picture.keypoints, picture.masks, picture.bboxes, strict=True):
        if not mask.any():
            continue
        run_lengths = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
        content["annotations"].append(
            {
                "id": len(content["annotations"]) + 1,
                "image_id": image_id,
                "category_id": _CATEGORY_ID,
                "keypoints": _flat_keypoints(points),
                "num_keypoints": int(np.count_nonzero(points[:, 2])),
                "bbox": bbox.tolist(),
                "area": float(bbox[2] * bbox[3]),
                "iscrowd": 0,
                "segmentation": {"size": [height, width], "counts": run_lengths["counts"].decode("ascii")},
            }
        )


def _flat_keypoints(points: np.ndarray) -> list[float]:
    """x, y, visibility, x, ... as COCO has them: hundredths of pixels, and zeros for what is not labeled."""
    flat: list[float] = []
    for x, y, visibility in points.tolist():
        flat += [round(x, 2), round(y, 2), int(visibility)] if visibility else [0, 0, 0]
    return flat
