"""The animals of an image that the project has already, with those that its labels have now."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from poetlab.labels.complete import keypoint_bbox
from poetlab.labels.label_set import OCCLUDED, VISIBLE, LabeledInstance
from poetlab.labels.provenance import ImportStamp

SAME_POINT = 0.02
"""Pixels: no hand moves a point by less, and no format rounds by more."""

_FARTHEST = 1.0
"""Of a point's mean way, in sizes of the animal, up to which two instances can be one that was changed."""

_APART = 2.0
_SAME = -10.0
"""Costs of a match between animals that cannot be one, and that are the same: no other pair is worth losing one."""


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What labels can tell of an animal; of the rest, what is known stays.

    Attributes:
        keypoints: (k,) whether they have the keypoint at all.
        occlusion: Whether they tell visible from occluded points.
    """

    keypoints: np.ndarray
    occlusion: bool


@dataclass(frozen=True, slots=True, eq=False)
class FoundInstance:
    """An animal as the labels have it now.

    Attributes:
        instance: The animal.
        is_boxed: Whether its box or mask is the labels' own, and not made from the keypoints.
    """

    instance: LabeledInstance
    is_boxed: bool


def merge_instances(
    known: Sequence[LabeledInstance], found: Sequence[FoundInstance], stamp: ImportStamp, told: Told
) -> tuple[tuple[LabeledInstance, ...], bool]:
    """The animals of an image after an import: those that its labels have now, with what is known of them.

    An animal whose points are the same keeps them to the last digit, and its box, mask and name unless the labels give
    others. What a person has labeled is not replaced by a prediction.

    Args:
        known: The animals as the project has them.
        found: The animals as the labels have them.
        stamp: What to note of those that are new or changed.
        told: What the labels can tell.

    Returns:
        The animals, in the order of the labels, and whether anything differs from before.
    """
    partners = _match(known, [entry.instance for entry in found])
    is_changed = len(known) != len(found) or None in partners
    merged = []
    for entry, partner in zip(found, partners, strict=True):
        if partner is None:
            merged.append(replace(entry.instance, provenance=stamp.on_new(entry.instance.provenance)))
            continue
        instance, differs = _merge(known[partner], entry, stamp, told)
        merged.append(instance)
        is_changed |= differs
    return tuple(merged), is_changed


def new_instances(found: Sequence[FoundInstance], stamp: ImportStamp) -> tuple[LabeledInstance, ...]:
    """The animals of an image that the project does not have."""
    return tuple(replace(entry.instance, provenance=stamp.on_new(entry.instance.provenance)) for entry in found)


def _merge(
    known: LabeledInstance, entry: FoundInstance, stamp: ImportStamp, told: Told
) -> tuple[LabeledInstance, bool]:
    found = _with_untold_points(known, entry, told)
    stated, before = found.provenance, known.provenance
    name = found.individual if found.individual is not None else known.individual
    if not _have_same_points(known, found, told):
        if found.is_unconfirmed and not known.is_unconfirmed and not stamp.is_confirmed:
            return known, False
        return replace(found, individual=name, provenance=stamp.on_changed(before, stated)), True
    provenance = stamp.on_unchanged(before, stated)
    is_outlined = entry.is_boxed and not _have_same_outline(known, found)
    base = replace(found, keypoints=known.keypoints) if is_outlined else known
    is_changed = is_outlined or name != known.individual or found.is_crowd != known.is_crowd
    return replace(base, individual=name, is_crowd=found.is_crowd, provenance=provenance), is_changed


def _with_untold_points(known: LabeledInstance, entry: FoundInstance, told: Told) -> LabeledInstance:
    """The animal that was found, with the known points of the keypoints that its labels do not have."""
    if told.keypoints.all():
        return entry.instance
    keypoints = np.where(told.keypoints[:, None], entry.instance.keypoints, known.keypoints)
    bbox = keypoint_bbox(keypoints)
    if entry.is_boxed or bbox is None:
        return replace(entry.instance, keypoints=keypoints)
    return replace(entry.instance, keypoints=keypoints, bbox=bbox, area=bbox[2] * bbox[3])


def _have_same_points(known: LabeledInstance, found: LabeledInstance, told: Told) -> bool:
    before, now = known.keypoints, found.keypoints
    visibility = before[:, 2]
    if not told.occlusion:
        visibility = np.where(visibility == OCCLUDED, VISIBLE, visibility)
    distances = np.abs(before[:, :2] - now[:, :2])
    return bool((visibility == now[:, 2]).all() and (np.isnan(distances) | (distances <= SAME_POINT)).all())


def _have_same_outline(known: LabeledInstance, found: LabeledInstance) -> bool:
    """Whether box and mask are the same; labels that have no mask say nothing about it."""
    boxes_agree = np.abs(np.subtract(known.bbox, found.bbox)).max() <= SAME_POINT
    return bool(boxes_agree) and found.segmentation in (None, known.segmentation)


def _match(known: Sequence[LabeledInstance], found: Sequence[LabeledInstance]) -> list[int | None]:
    """For each animal that is found the known one that it is, at most once each; None for a new one."""
    if not known or not found:
        return [None] * len(found)
    costs = np.array([[_distance(one, other) for one in known] for other in found])
    partners: list[int | None] = [None] * len(found)
    for row, column in zip(*linear_sum_assignment(costs), strict=True):
        if costs[row, column] <= _FARTHEST:
            partners[row] = int(column)
    return partners


def _distance(known: LabeledInstance, found: LabeledInstance) -> float:
    """Mean way of the points that both have, in sizes of the animal; without such points that of the boxes."""
    if known.is_crowd != found.is_crowd:
        return _APART
    ways = np.hypot(*(known.keypoints[:, :2] - found.keypoints[:, :2]).T)
    if np.isnan(ways).all():
        if known.n_labeled or found.n_labeled:
            return _APART
        ways = np.abs(np.subtract(known.bbox, found.bbox))
    if np.nanmax(ways) <= SAME_POINT:
        return _SAME
    return min(float(np.nanmean(ways)) / float(np.sqrt(known.area)), _APART)
