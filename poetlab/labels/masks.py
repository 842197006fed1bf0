"""Boxes and areas of masks in COCO's two forms: polygons and run lengths."""

from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from poetlab.labels.label_set import BBox, Segmentation


def mask_bbox(segmentation: Segmentation) -> BBox | None:
    """The box around a mask, or None if the mask is empty.

    Polygons: the extent of the vertices of all parts, so that an animal cut in two by an occluder has one box.
    Run lengths: the pixels that are set, each one pixel wide.

    Args:
        segmentation: COCO polygons, or run lengths, compressed (`counts` is a string) or not (a list).

    Returns:
        x, y, width, height in pixels.

    Raises:
        ValueError: If it is neither, or is malformed.
    """
    if isinstance(segmentation, dict):
        x, y, width, height = (float(value) for value in coco_mask.toBbox(mask_run_lengths(segmentation)))
    else:
        parts = mask_polygons(segmentation)
        if not parts:
            return None
        vertices = np.concatenate(parts)
        (x, y), (width, height) = vertices.min(axis=0).tolist(), np.ptp(vertices, axis=0).tolist()
    return (x, y, width, height) if width > 0 and height > 0 else None


def mask_area(segmentation: Segmentation) -> float | None:
    """Square pixels of a mask, or None if the mask is empty.

    Polygons: the sum of the parts' own areas (shoelace formula). The parts of one animal are what an occluder
    leaves visible of it, so they do not overlap, and the sum equals the area of their union without the rounding
    to whole pixels that drawing them would bring. Run lengths: the number of pixels that are set.

    Raises:
        ValueError: If the segmentation is malformed.
    """
    if isinstance(segmentation, dict):
        area = float(coco_mask.area(mask_run_lengths(segmentation)))
    else:
        area = sum(map(_shoelace, mask_polygons(segmentation)))
    return area if area > 0 else None


def mask_polygons(segmentation: list[Any]) -> list[np.ndarray]:
    """Each part that has vertices as (n, 2); a single flat list of numbers counts as one part."""
    parts = segmentation if segmentation and isinstance(segmentation[0], list) else [segmentation]
    if any(len(part) % 2 for part in parts):
        raise ValueError("a polygon has an x without a y")
    polygons = [np.array(part, dtype=np.float64).reshape(-1, 2) for part in parts if part]
    if not all(np.isfinite(polygon).all() for polygon in polygons):
        raise ValueError("a polygon has a vertex that is not a number")
    return polygons


def _shoelace(vertices: np.ndarray) -> float:
    x, y = vertices.T
    return 0.5 * abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1)))


def mask_run_lengths(segmentation: dict[str, Any]) -> dict[str, Any]:
    """Run lengths in pycocotools' compressed form; pycocotools itself trusts malformed ones."""
    try:
        height, width = segmentation["size"]
        counts = segmentation["counts"]
        if isinstance(counts, list):
            if sum(counts) != height * width or min(counts) < 0:
                raise ValueError(f"run lengths that do not fill their size {height} x {width}")
            return dict(coco_mask.frPyObjects(segmentation, height, width))
        if not _is_compressed(counts) or coco_mask.area(segmentation) > height * width:
            raise ValueError("damaged compressed run lengths")
    except (KeyError, TypeError) as error:
        raise ValueError("a mask of run lengths needs 'size' (height, width) and 'counts'") from error
    return segmentation


def _is_compressed(counts: str) -> bool:
    """Whether every character carries six bits (from `0` on) and the last one does not ask for another."""
    bits = [ord(character) - ord("0") for character in counts]
    return bool(bits) and all(0 <= value < 64 for value in bits) and bits[-1] & 0x20 == 0
