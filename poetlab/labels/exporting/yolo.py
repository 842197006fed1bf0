"""Ultralytics' YOLO-pose data sets: a `data.yaml`, and a text file of labels for each image.

Source: https://docs.ultralytics.com/datasets/pose/. Ultralytics drops an image of which a number is outside [0, 1], so
what reaches out of an image is cut at its edge.
"""

from pathlib import PurePosixPath
from typing import Any

import numpy as np
import yaml

from poetlab.errors import LabelError
from poetlab.labels.exporting.folder import ExportFolder, unlike
from poetlab.labels.label_set import IMAGES, LabeledInstance, LabelSet
from poetlab.labels.yolo import IMAGE_SUFFIXES, label_name_of

_CLASS = 0
_DIGITS = 9
"""After the point, of parts of the image's size: exact to 0.001 pixels in any image."""


def yolo_places(label_set: LabelSet) -> list[str]:
    """Every image in `images/train/` or `images/val/`.

    Raises:
        LabelError: If an image is in a file format that Ultralytics does not read.
    """
    used: set[str] = set()
    for image in label_set.images:
        if PurePosixPath(image.file_name).suffix.lower() not in IMAGE_SUFFIXES:
            raise LabelError(
                f"{label_set.image_path(image)}: Ultralytics reads no images of this kind; export to another format"
            )
    return [unlike(f"{IMAGES}/{image.split}/{image.file_name}", used, by_stem=True) for image in label_set.images]


def write_yolo(folder: ExportFolder) -> None:
    """Write `data.yaml` and the label files."""
    for image, place in folder.rows:
        path = folder.path / label_name_of(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [_line(instance, image.size) for instance in image.instances if not instance.is_crowd]
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    text = yaml.safe_dump(_config(folder.label_set), sort_keys=False, default_flow_style=None, allow_unicode=True)
    (folder.path / "data.yaml").write_text(text, encoding="utf-8")


def _config(label_set: LabelSet) -> dict[str, Any]:
    """The YAML file's content; Ultralytics wants both splits, so a single one stands for both."""
    splits = [split for split in ("train", "val") if any(image.split == split for image in label_set.images)]
    skeleton = label_set.skeleton
    return {
        "train": f"{IMAGES}/{splits[0]}",
        "val": f"{IMAGES}/{splits[-1]}",
        "kpt_shape": [skeleton.n_keypoints, 3],
        "flip_idx": list(skeleton.flip_indices),
        "names": {_CLASS: skeleton.name},
        "kpt_names": {_CLASS: list(skeleton.keypoints)},
    }


def _line(instance: LabeledInstance, size: tuple[int, int]) -> str:
    """Class, center and size of the box, and the keypoints."""
    x, y, width, height = instance.bbox
    scale = np.array(size[::-1], dtype=np.float64)
    corners = np.clip(np.array([[x, y], [x + width, y + height]]) / scale, 0, 1)
    box = [*corners.mean(axis=0), *(corners[1] - corners[0])]
    points = np.clip(np.nan_to_num(instance.keypoints[:, :2]) / scale, 0, 1)
    parts = [str(_CLASS), *(f"{value:.{_DIGITS}f}" for value in box)]
    for (x, y), visibility in zip(points, instance.keypoints[:, 2], strict=True):
        parts += [f"{x:.{_DIGITS}f}", f"{y:.{_DIGITS}f}", str(int(visibility))]
    return " ".join(parts)
