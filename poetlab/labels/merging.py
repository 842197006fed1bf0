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
        crowds: Whether they have regions of crowds.
        bare: Whether they have animals without keypoints.
        size: (height, width) of the image that the animal is on: some formats cut what reaches out of it.
    """

    keypoints: np.ndarray
    occlusion: bool
    crowds: bool
    bare: bool
    size: tuple[float, float] = (np.inf, np.inf)

    def has_place_for(self, instance: LabeledInstance) -> bool:
        """Whether they could have this instance, so that it is gone if they do not."""
        if instance.is_crowd:
            return self.crowds
        return self.bare or instance.n_labeled > 0

    def distances(self, before: np.ndarray, now: np.ndarray) -> np.ndarray:
        """How far two arrays (n, 2) of x and y are apart in each, if what lies beyond the image lies at its edge."""
        within = [np.clip(points, 0, self.size[::-1]) for points in (before, now)]
        return np.abs(within[0] - within[1])


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
    known: Sequence[LabeledInstance],
    found: Sequence[FoundInstance],
    stamp: ImportStamp,
    told: Told,
    untouched: Sequence[LabeledInstance] = (),
) -> tuple[tuple[LabeledInstance, ...], bool]:
    """The animals of an image after an import: those that its labels have now, with what is known of them.

    An animal whose points are the same keeps them to the last digit, and its box, mask and name unless the labels give
    others. What a person has labeled is not replaced by a prediction. Instances stay that the labels have no place for,
    and predictions that lie untouched in them.

    Args:
        known: The animals as the project has them.
        found: The animals as the labels have them.
        stamp: What to note of those that are new or changed.
        told: What the labels can tell.
        untouched: Predictions in the source that no person has looked at.

    Returns:
        The animals, in the order of the labels, then those that stay; and whether anything differs from before.
    """
    partners = _match(known, [entry.instance for entry in found])
    unmatched = [instance for place, instance in enumerate(known) if place not in partners]
    staying = [
        instance
        for instance in unmatched
        if not told.has_place_for(instance) or _is_untouched(instance, untouched, told)
    ]
    is_changed = len(staying) < len(unmatched) or None in partners
    merged = []
    for entry, partner in zip(found, partners, strict=True):
        if partner is None:
            merged.append(replace(entry.instance, provenance=stamp.on_new(entry.instance.provenance)))
            continue
        instance, differs = _merge(known[partner], entry, stamp, told)
        merged.append(instance)
        is_changed |= differs
    return (*merged, *staying), is_changed


def new_instances(found: Sequence[FoundInstance], stamp: ImportStamp) -> tuple[LabeledInstance, ...]:
    """The animals of an image that the project does not have."""
    return tuple(replace(entry.instance, provenance=stamp.on_new(entry.instance.provenance)) for entry in found)


def _merge(
    known: LabeledInstance, entry: FoundInstance, stamp: ImportStamp, told: Told
) -> tuple[LabeledInstance, bool]:
    found = _with_known_points(known, entry, told)
    stated, before = found.provenance, known.provenance
    name = found.individual if found.individual is not None else known.individual
    if not _have_same_points(known, found, told):
        if found.is_unconfirmed and not known.is_unconfirmed and not stamp.is_confirmed:
            return known, False
        found = _outlined(found, known, entry, told)
        return replace(found, individual=name, provenance=stamp.on_changed(before, stated)), True
    provenance = stamp.on_unchanged(before, stated)
    is_outlined = entry.is_boxed and not _have_same_outline(known, found, told)
    base = replace(found, keypoints=known.keypoints) if is_outlined else known
    is_changed = is_outlined or name != known.individual or found.is_crowd != known.is_crowd
    return replace(base, individual=name, is_crowd=found.is_crowd, provenance=provenance), is_changed


def _is_untouched(known: LabeledInstance, untouched: Sequence[LabeledInstance], told: Told) -> bool:
    """Whether the project has a prediction that the source has too, as it was."""
    return known.is_unconfirmed and any(_have_same_points(known, one, told) for one in untouched)


def _with_known_points(known: LabeledInstance, entry: FoundInstance, told: Told) -> LabeledInstance:
    """The animal that was found, with what is known of its points and what its labels cannot tell.

    Those are points of keypoints that they do not have, which points are occluded, and digits that they round away.
    """
    before, now = known.keypoints, entry.instance.keypoints
    stays = ~told.keypoints | (told.distances(before[:, :2], now[:, :2]) <= SAME_POINT).all(axis=1)
    keypoints = np.where(stays[:, None], before, now)
    keypoints[:, 2] = np.where(told.keypoints, now[:, 2], before[:, 2])
    if not told.occlusion:
        keypoints[(before[:, 2] == OCCLUDED) & (keypoints[:, 2] == VISIBLE), 2] = OCCLUDED
    bbox = keypoint_bbox(keypoints)
    if entry.is_boxed or bbox is None or told.keypoints.all():
        return replace(entry.instance, keypoints=keypoints)
    return replace(entry.instance, keypoints=keypoints, bbox=bbox, area=bbox[2] * bbox[3])


def _have_same_points(known: LabeledInstance, found: LabeledInstance, told: Told) -> bool:
    before, now = known.keypoints, found.keypoints
    distances = told.distances(before[:, :2], now[:, :2])
    is_same = before[:, 2] == now[:, 2]
    if not told.occlusion:
        is_same |= (before[:, 2] > 0) & (now[:, 2] > 0)
    return bool(is_same.all() and (np.isnan(distances) | (distances <= SAME_POINT)).all())


def _outlined(found: LabeledInstance, known: LabeledInstance, entry: FoundInstance, told: Told) -> LabeledInstance:
    """An animal whose points have changed, with the known box, area and mask where its labels have no others.

    A known box that was made from the points, or that the points have left, is of no use any more.
    """
    x, y, width, height = known.bbox
    points = found.keypoints[found.keypoints[:, 2] > 0, :2]
    made, now = keypoint_bbox(known.keypoints), keypoint_bbox(found.keypoints)
    is_own = made is None or known.segmentation is not None or np.abs(np.subtract(made, known.bbox)).max() > SAME_POINT
    if entry.is_boxed:
        is_kept = _have_same_outline(known, found, told)
        if is_kept and not is_own and now is not None:  # the tool has only handed on the box that we had made
            return replace(found, bbox=now, area=now[2] * now[3])
    else:
        is_kept = bool(is_own and (points >= (x, y)).all() and (points <= (x + width, y + height)).all())
    if not is_kept:
        return found
    return replace(found, bbox=known.bbox, area=known.area, segmentation=known.segmentation)


def _have_same_outline(known: LabeledInstance, found: LabeledInstance, told: Told) -> bool:
    """Whether box and mask are the same; labels that have no mask say nothing about it."""
    boxes_agree = told.distances(_corners(known), _corners(found)).max() <= SAME_POINT
    return bool(boxes_agree) and found.segmentation in (None, known.segmentation)


def _corners(instance: LabeledInstance) -> np.ndarray:
    """(2, 2) x and y of the top left and the bottom right of the box."""
    x, y, width, height = instance.bbox
    return np.array([[x, y], [x + width, y + height]])


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
