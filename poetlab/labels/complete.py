"""From an instance as its source has it to a `LabeledInstance`: trusted points, a box and an area."""

from collections import Counter
from typing import Literal

import numpy as np

from poetlab.errors import LabelError
from poetlab.labels.keypoint_names import LACKING
from poetlab.labels.label_set import UNLABELED, BBox, LabeledInstance
from poetlab.labels.masks import mask_area, mask_bbox
from poetlab.labels.source_labels import LeftOut, SourceInstance

AreaSource = Literal["given", "mask", "bbox", "keypoints"]

_AREA_RULES: dict[AreaSource, str] = {
    "mask": "area of the mask",
    "bbox": "area of the box",
    "keypoints": "area of the box around the labeled keypoints",
}


def complete_instance(
    instance: SourceInstance, order: np.ndarray, size: tuple[int, int], file_name: str, left_out: LeftOut
) -> tuple[LabeledInstance, AreaSource] | None:
    """Give an instance what its source lacks, and take away what cannot be true.

    A point that is not a number or lies outside the image becomes unlabeled, and is counted. A missing box is
    the mask's, else the one around the labeled keypoints; a missing area is the mask's, else the box's.

    Args:
        instance: What the source has.
        order: (k,) where in the source each keypoint of the skeleton stands, or `LACKING`.
        size: (height, width) of its image in pixels.
        file_name: Its image, for messages.
        left_out: Where to count what is left out.

    Returns:
        The instance and where its area comes from; None (and counted) if it has neither points, box nor mask.

    Raises:
        LabelError: If the mask that is needed for the box or area is malformed.
    """
    unused = np.setdiff1d(np.arange(len(instance.keypoints)), order)
    n_unused = int(np.count_nonzero(instance.keypoints[unused, 2]))
    left_out.add("point of a keypoint that is not among --keypoints", file_name, n_unused)
    ordered = np.where((order == LACKING)[:, None], (np.nan, np.nan, UNLABELED), instance.keypoints[order])
    keypoints = _trusted(ordered, size, file_name, left_out)
    bbox, area = instance.bbox, instance.area
    source: AreaSource = "given"
    mask = instance.segmentation
    try:
        if area is None and mask is not None and (area := mask_area(mask)) is not None:
            source = "mask"
        if bbox is None and mask is not None:
            bbox = mask_bbox(mask)
    except ValueError as error:
        raise LabelError(f"{file_name}: an animal's mask is malformed ({error}); correct or remove it") from error
    if area is None:
        source = "keypoints" if bbox is None else "bbox"
    bbox = bbox or keypoint_bbox(keypoints)
    if bbox is None:
        left_out.add("animal without labeled keypoints, box and mask", file_name)
        return None
    area = area or bbox[2] * bbox[3]
    name, provenance = instance.individual, instance.provenance
    return LabeledInstance(keypoints, bbox, area, instance.is_crowd, mask, name, provenance), source


def keypoint_bbox(keypoints: np.ndarray) -> BBox | None:
    """The box around the labeled points of (k, 3) keypoints, at least one pixel wide and high; None without any."""
    points = keypoints[keypoints[:, 2] > 0, :2]
    if len(points) == 0:
        return None
    low, high = points.min(axis=0), points.max(axis=0)
    extent = np.maximum(high - low, 1.0)
    x, y = ((low + high - extent) / 2).tolist()
    width, height = extent.tolist()
    return x, y, width, height


def area_rule(sources: Counter[AreaSource], given: str) -> str:
    """How areas were obtained, in words; where in several ways, with the number of animals for each."""
    rules = _AREA_RULES | {"given": given}
    if len(sources) == 1:
        return rules[next(iter(sources))]
    total = sources.total()
    return ", ".join(f"{rules[source]} ({count} of {total} animals)" for source, count in sources.most_common())


def _trusted(keypoints: np.ndarray, size: tuple[int, int], file_name: str, left_out: LeftOut) -> np.ndarray:
    """The keypoints with NaN, NaN, 0 wherever a point is unlabeled, not a number, or outside the image.

    The image reaches from the outer edge of its first pixel, -0.5, to its width or height: tools differ by half
    a pixel in where they put 0, and a point on the far edge is in the image for some of them.
    """
    height, width = size
    x, y, visibility = keypoints.T
    labeled = visibility != UNLABELED
    finite = np.isfinite(keypoints).all(axis=1)
    inside = (x >= -0.5) & (y >= -0.5) & (x <= width) & (y <= height)
    left_out.add("keypoint whose position is not a number", file_name, int((labeled & ~finite).sum()))
    left_out.add("keypoint outside its image", file_name, int((labeled & finite & ~inside).sum()))
    trusted = labeled & finite & inside
    return np.where(trusted[:, None], keypoints, (np.nan, np.nan, UNLABELED))
