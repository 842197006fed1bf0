"""MacaquePose v1: `annotations.csv` beside `images/`.

Source: https://doi.org/10.3389/fnbeh.2020.581154. Boxes as the POET paper has them: fitted around an animal's mask,
and scaling its OKS.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from poetlab.errors import LabelError
from poetlab.labels.label_set import VISIBLE
from poetlab.labels.masks import mask_bbox
from poetlab.labels.source_labels import LeftOut, SourceImage, SourceInstance, SourceLabels
from poetlab.skeleton import Skeleton, load_skeleton

_IMAGE_COLUMN = "image file name"
_KEYPOINT_COLUMNS = ("keypoinbts", "keypoints")
_MASK_COLUMN = "segmentation"

_FIELD_LIMIT = 2**31 - 1
"""The largest limit of a CSV field that every platform accepts; polygons exceed the default of 131072."""


def matches_macaque(path: Path) -> bool:
    """Whether a file is a CSV file with MacaquePose's columns."""
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        header = file.readline(4096).strip().replace('"', "").split(",")
    return _IMAGE_COLUMN in header and not set(_KEYPOINT_COLUMNS).isdisjoint(header)


def read_macaque(path: Path) -> SourceLabels:
    """Read MacaquePose's `annotations.csv`.

    The format knows no occlusion, so that every point with a position is visible. An animal's box is fitted
    around all parts of its mask and its area is the box's; where masks and animals of an image differ in number,
    nothing says which belongs to which, and its animals get boxes around their keypoints.

    Raises:
        LabelError: If the file is not MacaquePose's, naming the line.
    """
    skeleton = load_skeleton("macaque")
    left_out = LeftOut()
    images = []
    try:
        with _open_rows(path) as rows:
            for row in rows:
                try:
                    images.append(_read_image(row, skeleton, left_out))
                except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
                    reason = f"{type(error).__name__}: {error}"
                    raise LabelError(f"{path}, line {rows.line_num}: {reason}; download the file again") from error
    except OSError as error:
        raise LabelError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise LabelError(f"{path}: not a CSV text ({error}); download the file again") from error
    return SourceLabels(skeleton, images, "area of the box fitted around the segmentation mask", left_out)


@contextmanager
def _open_rows(path: Path) -> "Iterator[csv.DictReader[str]]":
    """The rows by column name; the CSV module's limit of a field, which is global, is raised only meanwhile."""
    limit = csv.field_size_limit(_FIELD_LIMIT)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            columns = rows.fieldnames or ()
            for alternatives in ((_IMAGE_COLUMN,), _KEYPOINT_COLUMNS, (_MASK_COLUMN,)):
                if set(alternatives).isdisjoint(columns):
                    raise LabelError(f"{path}: has no column '{alternatives[0]}', so it is not MacaquePose's")
            yield rows
    finally:
        csv.field_size_limit(limit)


def _read_image(row: Mapping[str, str], skeleton: Skeleton, left_out: LeftOut) -> SourceImage:
    if None in row.values():
        raise ValueError("the row is cut short")
    file_name = row[_IMAGE_COLUMN]
    column = next(column for column in _KEYPOINT_COLUMNS if column in row)
    animals = [_read_keypoints(animal, skeleton) for animal in json.loads(row[column] or "[]")]
    masks = [_read_mask(parts) for parts in json.loads(row[_MASK_COLUMN] or "[]")]
    if len(masks) != len(animals):
        reason = "mask of an image with more or fewer masks than animals (their boxes are fitted around the keypoints)"
        left_out.add(reason, f"{file_name} ({len(animals)} animals, {len(masks)} masks)", max(1, len(masks)))
        masks = [[]] * len(animals)
    instances = [_instance(keypoints, mask) for keypoints, mask in zip(animals, masks, strict=True)]
    return SourceImage(file_name, instances=instances)


def _instance(keypoints: np.ndarray, mask: list[list[float]]) -> SourceInstance:
    bbox = mask_bbox(mask)
    return SourceInstance(keypoints, bbox, bbox and bbox[2] * bbox[3], segmentation=mask or None)


def _read_keypoints(animal: list[dict[str, Any]], skeleton: Skeleton) -> np.ndarray:
    """(k, 3) of an animal's named points; names come with spaces or underscores, and null means unlabeled."""
    keypoints = np.zeros((skeleton.n_keypoints, 3))
    for point in animal:
        name = point["name"].replace(" ", "_")
        if name not in skeleton.keypoints:
            raise ValueError(f"the keypoint '{name}' is none of MacaquePose's {skeleton.n_keypoints}")
        if point["position"] is not None:
            x, y = point["position"]
            keypoints[skeleton.keypoints.index(name)] = x, y, VISIBLE
    return keypoints


def _read_mask(parts: list[dict[str, Any]]) -> list[list[float]]:
    """One animal's mask as COCO polygons: an occluded animal has several parts, and a part may be empty."""
    polygons = [[value for vertex in part["segment"] or [] for value in vertex] for part in parts]
    return [polygon for polygon in polygons if polygon]
