"""The pose vector: how a set of poses is written as numbers, encoded and decoded here and nowhere else.

One query's vector has 2 + 3 k numbers in (0, 1), after a sigmoid: the center (x, y) in units of the image, then
for each keypoint its offset from the center as d / 2 + 1/2 (so that d spans -1 to 1 image sizes) and its
visibility (paper section "Training Loss" and Figure 2b).

Coordinates: the center of the top-left pixel is (0, 0) in pixels. In image units 0 and 1 are the outer edges of
the image, so a pixel position x is (x + 1/2) / width.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntEnum

import torch
from torch import Tensor


class QueryClass(IntEnum):
    """What a query can stand for; the order of the class logits, as published."""

    UNLABELED = 0
    """An animal of which no keypoint is labeled."""
    INDIVIDUAL = 1
    NO_OBJECT = 2


@dataclass(frozen=True)
class PosePrediction:
    """Decoded pose vectors, in image units, with any leading dimensions (layers, images, queries).

    Attributes:
        centers: (..., 2).
        offsets: (..., k, 2) from the center.
        visibility: (..., k) probability.
    """

    centers: Tensor
    offsets: Tensor
    visibility: Tensor

    @property
    def keypoints(self) -> Tensor:
        """(..., k, 2) absolute positions: center plus offset."""
        return self.centers[..., None, :] + self.offsets


@dataclass(frozen=True)
class PoseTargets:
    """The animals of a batch of images, in image units, padded to T animals an image.

    Attributes:
        classes: (B, T) `QueryClass` of each animal; `NO_OBJECT` marks padding.
        centers: (B, T, 2) center of mass of the visible keypoints; of the bounding box if none is visible.
        offsets: (B, T, k, 2) from the center; 0 where not located.
        visible: (B, T, k) true where a keypoint is labeled as visible.
        located: (B, T, k) true where a keypoint's position is labeled, visible or occluded.
        areas: (B, T) area whose square root is the scale of OKS, in areas of the image; 1 for padding.
        told: (B, T, k) true where the labels tell whether a keypoint is visible.
    """

    classes: Tensor
    centers: Tensor
    offsets: Tensor
    visible: Tensor
    located: Tensor
    areas: Tensor
    told: Tensor

    @property
    def present(self) -> Tensor:
        """(B, T) true where there is an animal and not padding."""
        return self.classes != QueryClass.NO_OBJECT

    @property
    def keypoints(self) -> Tensor:
        """(B, T, k, 2) absolute positions; meaningful where located."""
        return self.centers[..., None, :] + self.offsets

    def to(self, device: torch.device | str) -> "PoseTargets":
        """The same targets on another device."""
        return PoseTargets(*(getattr(self, field.name).to(device, non_blocking=True) for field in fields(self)))


def vector_size(n_keypoints: int) -> int:
    """Length of one pose vector."""
    return 2 + 3 * n_keypoints


def decode_vectors(vectors: Tensor) -> PosePrediction:
    """Pose vectors (..., 2 + 3 k) after the sigmoid to centers, offsets and visibility in image units."""
    parts = vectors[..., 2:].unflatten(-1, (-1, 3))  # (..., k, 3)
    return PosePrediction(vectors[..., :2], 2 * parts[..., :2] - 1, parts[..., 2])


def encode_vectors(prediction: PosePrediction) -> Tensor:
    """The inverse of `decode_vectors`."""
    parts = torch.cat([(prediction.offsets + 1) / 2, prediction.visibility[..., None]], dim=-1)
    return torch.cat([prediction.centers, parts.flatten(-2)], dim=-1)


def copy_keypoint_rows(source: Tensor, source_names: Sequence[str], origins: Sequence[str | None]) -> Tensor:
    """The rows of a layer that outputs pose vectors before the sigmoid, for other keypoints than it was trained for.

    A keypoint without an origin has rows of zeros: whatever the layer's input, it then lies exactly at the animal's
    center (an offset of 0) with a visibility of 1/2.

    Args:
        source: (2 + 3 k', ...) rows of the layer to copy from.
        source_names: Names of its k' keypoints.
        origins: For each of the k keypoints wanted, the name of the source's keypoint to copy, or None.

    Returns:
        (2 + 3 k, ...) rows: the center's, then each keypoint's.
    """
    rows = source.new_zeros(vector_size(len(origins)), *source.shape[1:])
    rows[:2] = source[:2]
    for index, origin in enumerate(origins):
        if origin is not None:
            rows[_keypoint_rows(index)] = source[_keypoint_rows(source_names.index(origin))]
    return rows


def encode_targets(
    keypoints: Tensor,
    visible: Tensor,
    bboxes: Tensor,
    size: tuple[float, float],
    *,
    located: Tensor | None = None,
    areas: Tensor | None = None,
    told: Tensor | None = None,
) -> PoseTargets:
    """The animals of one image as targets of a batch of one.

    Args:
        keypoints: (n, k, 2) pixels (x, y) in this image; any value where not located.
        visible: (n, k) bool.
        bboxes: (n, 4) pixels (x, y, width, height); used only for animals without visible keypoints.
        size: (height, width) of this image.
        located: (n, k) bool, true wherever `visible` is; None: where visible.
        areas: (n,) square pixels; None: of the boxes.
        told: (n, k) bool, whether the labels tell of the keypoint; None: of all.

    Returns:
        Targets with B = 1 and T = n.
    """
    located = visible if located is None else located
    areas = bboxes[:, 2] * bboxes[:, 3] if areas is None else areas
    positions = pixels_to_unit(torch.where(located[..., None], keypoints, 0), size)
    mask = visible[..., None].to(positions.dtype)  # (n, k, 1)
    n_visible = mask.sum(1)  # (n, 1)
    mass_centers = (positions * mask).sum(1) / n_visible.clamp(min=1)
    bbox_centers = pixels_to_unit(bboxes[:, :2] + bboxes[:, 2:] / 2, size).to(positions.dtype)
    centers = torch.where(n_visible > 0, mass_centers, bbox_centers)
    classes = torch.where(visible.any(1), int(QueryClass.INDIVIDUAL), int(QueryClass.UNLABELED))
    offsets = (positions - centers[:, None]) * located[..., None].to(positions.dtype)
    unit_areas = areas.to(positions.dtype) / (size[0] * size[1])
    told = torch.ones_like(visible) if told is None else told
    parts = (classes, centers, offsets, visible, located, unit_areas, told)
    return PoseTargets(*(part[None] for part in parts))


def stack_targets(targets: Sequence[PoseTargets]) -> PoseTargets:
    """Targets of single images as one batch, padded to the most animals in an image (at least one)."""
    n_most = max(1, *(each.classes.shape[1] for each in targets)) if targets else 1

    def pad(values: Tensor, fill: int) -> Tensor:
        missing = values.new_full((1, n_most - values.shape[1], *values.shape[2:]), fill)
        return torch.cat([values, missing], dim=1)

    return PoseTargets(
        classes=torch.cat([pad(each.classes, QueryClass.NO_OBJECT) for each in targets]),
        centers=torch.cat([pad(each.centers, 0) for each in targets]),
        offsets=torch.cat([pad(each.offsets, 0) for each in targets]),
        visible=torch.cat([pad(each.visible, 0) for each in targets]),
        located=torch.cat([pad(each.located, 0) for each in targets]),
        areas=torch.cat([pad(each.areas, 1) for each in targets]),
        told=torch.cat([pad(each.told, 0) for each in targets]),
    )


def _keypoint_rows(index: int) -> slice:
    """Where a keypoint's three numbers stand in the pose vector."""
    return slice(vector_size(index), vector_size(index + 1))


def pixels_to_unit(points: Tensor, size: tuple[float, float]) -> Tensor:
    """Pixel positions (..., 2) as (x, y) to image units; `size` is (height, width)."""
    height, width = size
    return (points + 0.5) / points.new_tensor([width, height])


def unit_to_pixels(points: Tensor, size: tuple[float, float]) -> Tensor:
    """The inverse of `pixels_to_unit`."""
    height, width = size
    return points * points.new_tensor([width, height]) - 0.5


def scores_from_logits(class_logits: Tensor) -> Tensor:
    """(..., classes) logits to the score of each query: the larger probability of its two animal classes."""
    return class_logits.softmax(-1)[..., : QueryClass.NO_OBJECT].amax(-1)
