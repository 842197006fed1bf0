"""Label sets that are exported and imported again."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from poetlab.labels.complete import keypoint_bbox
from poetlab.labels.exporting.export import ExportedLabels, export_label_sets
from poetlab.labels.exporting.formats import label_export_format
from poetlab.labels.importing import import_labels
from poetlab.labels.label_set import IMAGES, LabeledImage, LabeledInstance, LabelSet, load_label_set, save_label_set
from poetlab.labels.report import ImportReport
from poetlab.skeleton import Skeleton

SIZE = (48, 64)
SKELETON = Skeleton(
    "lizard",
    ("tail", "snout", "eyeL", "eyeR", "spine 2"),
    edges=(("snout", "spine 2"), ("spine 2", "tail")),
    symmetries=(("eyeL", "eyeR"),),
)


def draw(path: Path, number: int, size: tuple[int, int] = SIZE) -> None:
    """A picture unlike that of any other number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 255, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture(scope="session")
def animal() -> Callable[..., LabeledInstance]:
    """`animal([(x, y, visibility), ...])`: an animal with a box around its keypoints, unless it is given another."""

    def make(points: Sequence[tuple[float, float, int]], **changes: Any) -> LabeledInstance:
        keypoints = np.array([(x, y, v) if v else (np.nan, np.nan, 0) for x, y, v in points], dtype=float)
        bbox = changes.pop("bbox", None) or keypoint_bbox(keypoints)
        return LabeledInstance(keypoints, bbox, changes.pop("area", bbox[2] * bbox[3]), **changes)

    return make


@pytest.fixture(scope="session")
def make_label_set() -> Callable[..., LabelSet]:
    """`make_label_set(labels_dir, {"a.png": [animal, ...], ...}, name="lizards")`: a label set on disk.

    `sizes` has those of images, and `facts` what else is known of them, by their names.
    """

    def make(
        labels_dir: Path,
        images: dict[str, list[LabeledInstance]],
        name: str = "lizards",
        skeleton: Skeleton = SKELETON,
        sizes: dict[str, tuple[int, int]] | None = None,
        facts: dict[str, dict[str, Any]] | None = None,
    ) -> LabelSet:
        folder = labels_dir / name
        made = []
        for number, (file_name, instances) in enumerate(images.items()):
            size = (sizes or {}).get(file_name, SIZE)
            draw(folder / IMAGES / file_name, number, size)
            more = {"split": "val" if number % 3 == 1 else "train"} | (facts or {}).get(file_name, {})
            made.append(LabeledImage(file_name, size, tuple(instances), **more))
        save_label_set(LabelSet(name, skeleton, tuple(made), "given", folder / IMAGES), folder)
        return load_label_set(folder)

    return make


@pytest.fixture(scope="session")
def export() -> Callable[..., ExportedLabels]:
    """`export(label_set, to, folder)`: export one label set."""

    def export_one(label_set: LabelSet, to: str, folder: Path) -> ExportedLabels:
        (exported,) = export_label_sets([label_set], label_export_format(to), folder)
        return exported

    return export_one


@pytest.fixture(scope="session")
def come_back() -> Callable[..., tuple[LabelSet, ImportReport]]:
    """`come_back(exported, labels_dir, **options)`: import an exported folder into a project's `labels`."""

    def import_again(
        exported: ExportedLabels, labels_dir: Path, skeleton: Skeleton | None = SKELETON, **options: Any
    ) -> tuple[LabelSet, ImportReport]:
        source = exported.folder
        if (source / "tasks.json").exists():
            source = source / "tasks.json"
            options = {"name": exported.name, "images_dir": exported.folder / IMAGES} | options
        report = import_labels(source, labels_dir, skeleton=skeleton, **options)
        return load_label_set(report.folder), report

    return import_again
