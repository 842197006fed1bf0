"""Ultralytics' YOLO-pose data sets: a `data.yaml`, and a text file of labels for each image.

Source: https://docs.ultralytics.com/datasets/pose/. A line of a label file is one animal: the class, the box's center
and size, and each keypoint's x, y and perhaps visibility, as parts of the image's width and height.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from poetlab.errors import LabelError
from poetlab.labels.image_files import inspect_image, safe_file_name
from poetlab.labels.label_set import UNLABELED, VISIBLE, Split
from poetlab.labels.source_labels import LeftOut, SourceImage, SourceInstance, SourceLabels
from poetlab.labels.yolo_config import YoloConfig, read_yolo_config

IMAGE_SUFFIXES = {".bmp", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp"}
_MAX_LABEL_BYTES = 2**24
_N_BOX = 5
"""The numbers of a line before its keypoints: the class and the box."""


def matches_yolo(path: Path) -> bool:
    """Whether a file is a data set's YAML file that says the form of its keypoints."""
    if path.suffix.lower() not in (".yaml", ".yml") or not path.is_file():
        return False
    with path.open(encoding="utf-8", errors="replace") as file:
        return any(line.startswith("kpt_shape:") for line in file.read(_MAX_LABEL_BYTES).splitlines())


def read_yolo(path: Path) -> SourceLabels:
    """Read a data set from its YAML file.

    The split into train and val is kept where the file lists both; test images are left out. An image without a label
    file is one without animals, as Ultralytics has it.

    Raises:
        LabelError: If the YAML file or a label file is malformed, or if the data set leads out of its folder.
    """
    config = read_yolo_config(path)
    left_out = LeftOut()
    splits = _listed_images(path.parent, config, left_out)
    label_files = _label_files(path.parent, splits)
    used = set()
    images = []
    for name, split in splits.items():
        image = SourceImage(name, split=split)
        label_name = label_name_of(name)
        if label_name in label_files:
            used.add(label_name)
            size = inspect_image(path.parent / name).size
            image.instances = _read_instances(path.parent / label_name, config, size, left_out)
        else:
            left_out.add("missing label file (its image is taken to have no animals)", name)
        images.append(image)
    for label_name in sorted(label_files - used):
        left_out.add("label file without its image", label_name)
    return SourceLabels(config.skeleton, images, "area of the box", left_out)


def label_name_of(image_name: str) -> str:
    """Where an image's labels lie: in `labels` instead of the last `images` of its path, as `.txt`."""
    path = PurePosixPath(image_name)
    parts = list(path.parts)
    if "images" in parts[:-1]:
        parts[len(parts) - 2 - parts[:-1][::-1].index("images")] = "labels"
    return str(PurePosixPath(*parts).with_suffix(".txt"))


def _listed_images(folder: Path, config: YoloConfig, left_out: LeftOut) -> dict[str, Split | None]:
    """Every image for training and validation -> its split; None where the file does not part them."""
    train, val, test = ([name for entry in entries for name in _images_at(folder, entry)] for entries in config.places)
    for name in sorted(set(test) - set(train) - set(val)):
        left_out.add("image for testing (it is kept out of training)", name)
    shared = set(train) & set(val)
    splits: dict[str, Split | None] = dict.fromkeys(train, "train" if val else None)
    splits |= dict.fromkeys(val, "val" if train else None)
    return splits | dict.fromkeys(sorted(shared))


def _images_at(folder: Path, entry: str) -> Iterator[str]:
    """The images that an entry of the YAML file stands for: a folder with all below it, or a text file of names."""
    place = folder / entry
    if place.is_dir():
        found = sorted(path for path in place.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
        yield from (path.relative_to(folder).as_posix() for path in found)
        return
    try:
        lines = place.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise LabelError(f"{place}: neither a folder of images nor a list of them ({error}); correct it") from error
    for line in filter(None, map(str.strip, lines)):
        name = safe_file_name(line)
        yield str(PurePosixPath(entry).parent / name) if line.startswith("./") else name


def _label_files(folder: Path, image_names: dict[str, Split | None]) -> set[str]:
    """All label files beside those that belong to images."""
    places = {PurePosixPath(label_name_of(name)).parent for name in image_names}
    return {path.relative_to(folder).as_posix() for place in places for path in (folder / place).glob("*.txt")}


def _read_instances(path: Path, config: YoloConfig, size: tuple[int, int], left_out: LeftOut) -> list[SourceInstance]:
    try:
        if path.stat().st_size > _MAX_LABEL_BYTES:
            raise LabelError(f"{path}: is larger than {_MAX_LABEL_BYTES} bytes, so it is no label file; remove it")
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise LabelError(f"{path}: cannot be read ({error}); correct or remove it") from error
    numbered = {line: number for number, line in reversed(list(enumerate(lines, start=1))) if line}
    n_repeated = sum(map(bool, lines)) - len(numbered)
    left_out.add("repeated line of a label file (nothing is lost)", path.name, n_repeated)
    instances = []
    for line, number in reversed(numbered.items()):
        try:
            instances.append(_read_instance(line, config, size))
        except ValueError as error:
            raise LabelError(f"{path}, line {number}: {error}; correct or remove the line") from error
    return instances


def _read_instance(line: str, config: YoloConfig, size: tuple[int, int]) -> SourceInstance:
    values = np.array(line.split(), dtype=np.float64)
    n_keypoints = config.skeleton.n_keypoints
    if len(values) != _N_BOX + n_keypoints * config.n_dimensions:
        needed = f"{n_keypoints} keypoints of {config.n_dimensions} numbers need {_N_BOX} more than as many"
        raise ValueError(f"has {len(values)} numbers where {needed}")
    if not values[0].is_integer() or values[0] < 0 or (config.n_classes and values[0] >= config.n_classes):
        raise ValueError(f"the class {values[0]:g} is none of data.yaml's {config.n_classes or ''}".rstrip())
    scale = np.array(size[::-1], dtype=np.float64)
    center, extent = values[1:3] * scale, values[3:5] * scale
    (x, y), (width, height) = (center - extent / 2).tolist(), extent.tolist()
    is_box = bool(np.isfinite([x, y, width, height]).all()) and min(width, height) > 0
    return SourceInstance(_read_keypoints(values[_N_BOX:], config, scale), (x, y, width, height) if is_box else None)


def _read_keypoints(values: np.ndarray, config: YoloConfig, scale: np.ndarray) -> np.ndarray:
    """(k, 3). Without a visibility a point at (0, 0) or below is unlabeled: that is how converters write it."""
    points = values.reshape(config.skeleton.n_keypoints, config.n_dimensions)
    if config.n_dimensions == len(("x", "y")):
        missing = (points == 0).all(axis=1) | (points < 0).any(axis=1)
        visibility = np.where(missing, UNLABELED, VISIBLE)
    else:
        visibility = points[:, 2]
        if not np.isin(visibility, (0, 1, 2)).all():
            raise ValueError(f"the visibility {visibility[~np.isin(visibility, (0, 1, 2))][0]:g} is none of 0, 1 and 2")
    return np.column_stack([points[:, :2] * scale, visibility])
