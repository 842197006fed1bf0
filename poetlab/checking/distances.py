"""How far points lie from boxes and masks."""

import warnings
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from poetlab.labels.label_set import BBox, Segmentation
from poetlab.labels.masks import mask_polygons, mask_run_lengths


def distances_from_box(points: np.ndarray, bbox: BBox) -> np.ndarray:
    """(n,) pixels from (n, 2) points to a box; 0 inside."""
    x, y, width, height = bbox
    beyond = np.maximum(np.maximum([x, y] - points, points - [x + width, y + height]), 0)
    return np.asarray(np.linalg.norm(beyond, axis=1))


def distances_from_mask(points: np.ndarray, segmentation: Segmentation) -> np.ndarray | None:
    """(n,) pixels from (n, 2) points to a mask; 0 inside. None if the mask is empty or malformed."""
    try:
        if isinstance(segmentation, dict):
            return _from_pixels(points, segmentation)
        polygons = mask_polygons(segmentation)
    except ValueError:
        return None
    return np.min([_from_polygon(points, polygon) for polygon in polygons], axis=0) if polygons else None


def _from_polygon(points: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """Distances from one polygon, 0 inside by the even-odd rule."""
    starts, ends = vertices, np.roll(vertices, -1, axis=0)
    sides = ends - starts
    away = points[:, None] - starts
    squared = np.maximum((sides**2).sum(axis=1), 1e-12)
    along = np.clip((away * sides).sum(axis=2) / squared, 0, 1)
    distances = np.linalg.norm(away - along[..., None] * sides, axis=2).min(axis=1)
    x, y = points[:, :1], points[:, 1:]
    crosses = (starts[:, 1] > y) != (ends[:, 1] > y)
    rise = np.where(sides[:, 1] == 0, 1, sides[:, 1])
    left_of = x < starts[:, 0] + (y - starts[:, 1]) * sides[:, 0] / rise
    inside = (crosses & left_of).sum(axis=1) % 2 == 1
    return np.where(inside, 0, distances)


def _from_pixels(points: np.ndarray, segmentation: dict[str, Any]) -> np.ndarray | None:
    """Distances from the nearest pixel that is set."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pycocotools 2.0.11 asks numpy in an older way
        mask = coco_mask.decode(mask_run_lengths(segmentation)).astype(bool)
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return None
    nearest = np.clip(np.rint(points), 0, np.array(mask.shape[::-1]) - 1).astype(np.int64)
    inside = mask[nearest[:, 1], nearest[:, 0]]
    distances = np.zeros(len(points))
    for number in np.flatnonzero(~inside):
        x, y = points[number]
        distances[number] = np.sqrt(((columns - x) ** 2 + (rows - y) ** 2).min())
    return distances
