"""Boxes and masks that do not hold the keypoints of their animal."""

from collections.abc import Callable, Iterator

import numpy as np

from poetlab.checking.distances import distances_from_box, distances_from_mask
from poetlab.checking.finding import Finding, Severity
from poetlab.checking.material import Animals, Material
from poetlab.checking.robust import quantile
from poetlab.labels.label_set import VISIBLE, LabeledInstance

_BEYOND = 0.1
"""Of the animal's size, by which a keypoint may lie beyond its box or mask."""
_USUAL = 0.9
_TIMES_USUAL = 2
_MOST_BEYOND = 0.5
"""However usual it is."""
_FEWEST = 2
_PART = 0.5


def find_wrong_outlines(material: Material) -> Iterator[Finding]:
    """Find animals with at least two visible keypoints, and half of them, clearly beyond their box or mask.

    Keypoints that lie beyond on many animals, such as feet beyond masks of bodies, may lie twice as far as usual, up to
    half of the animal's size.
    """
    for animals in material.animals:
        yield from _find(animals, "box", _from_box)
        yield from _find(animals, "mask", _from_mask)


def _find(
    animals: Animals, outline: str, measure: Callable[[LabeledInstance, np.ndarray], np.ndarray | None]
) -> Iterator[Finding]:
    beyond = np.full(animals.keypoints.shape[:2], np.nan, np.float32)
    for row in range(len(animals)):
        visible = animals.keypoints[row, :, 2] == VISIBLE
        if visible.sum() >= _FEWEST:
            found = measure(animals.instance(row), animals.positions[row, visible])
            if found is not None:
                beyond[row, visible] = found
    limit = np.fmin(_MOST_BEYOND, np.fmax(_BEYOND, _TIMES_USUAL * quantile(beyond, _USUAL)))
    is_beyond = beyond > limit
    n_beyond, n_measured = is_beyond.sum(axis=1), np.isfinite(beyond).sum(axis=1)
    for row in np.flatnonzero((n_beyond >= _FEWEST) & (n_beyond >= _PART * n_measured)).tolist():
        none_inside = bool((beyond[row][np.isfinite(beyond[row])] > 0).all())
        yield Finding(
            "outlines",
            Severity.ERROR if none_inside else Severity.WARNING,
            animals.place(row, np.flatnonzero(is_beyond[row]).tolist()),
            f"{n_beyond[row]} of {n_measured[row]} visible keypoints lie clearly outside the animal's {outline}",
            f"see whether the {outline} is another animal's, and correct it or the keypoints",
            badness=1 + float(n_beyond[row] / n_measured[row]) + float(np.nanmax(beyond[row])),
        )


def _from_box(instance: LabeledInstance, points: np.ndarray) -> np.ndarray:
    _, _, width, height = instance.bbox
    return distances_from_box(points, instance.bbox) / np.sqrt(max(width * height, 1.0))


def _from_mask(instance: LabeledInstance, points: np.ndarray) -> np.ndarray | None:
    if instance.segmentation is None:
        return None
    _, _, width, height = instance.bbox
    size = np.sqrt(max(width * height, 1.0))
    distances = distances_from_mask(points, instance.segmentation)
    return None if distances is None else distances / size
