"""The loss of matched queries, summed over decoder layers (paper equations 3 and 4)."""

from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor

from poetlab.model.loss_settings import LossSettings
from poetlab.model.matcher import match_queries
from poetlab.model.poet import PoetOutput
from poetlab.model.pose_vector import PosePrediction, PoseTargets, QueryClass


@dataclass(frozen=True)
class PoetLoss:
    """The parts of the loss, before weighting, each (L,): one value a decoder layer, the last layer last.

    Attributes:
        classes: Weighted mean over queries of the negative log-likelihood of their class.
        keypoints: L1 distance of absolute positions of visible keypoints.
        visibility: Squared difference of visibilities.
        centers: Squared distance of centers.
        offsets: L1 distance of offsets of visible keypoints, on their encoding d / 2 + 1/2; with
            `LossSettings.offsets_with_center`, plus the L1 distance of centers in image units, which is their encoding.

    All but `classes` are sums over animals divided by the number of animals.
    """

    classes: Tensor
    keypoints: Tensor
    visibility: Tensor
    centers: Tensor
    offsets: Tensor

    def total(self, weights: LossSettings) -> Tensor:
        """The weighted sum over parts and layers that training minimizes, a scalar."""
        return (
            self.classes
            + weights.keypoints * self.keypoints
            + weights.visibility * self.visibility
            + weights.centers * self.centers
            + weights.offsets * self.offsets
        ).sum()

    def last_layer(self) -> dict[str, Tensor]:
        """The parts of the last decoder layer by name, scalars."""
        return {field.name: getattr(self, field.name)[-1].detach() for field in fields(self)}


@dataclass(frozen=True)
class LossSums:
    """What the parts of the loss are means of, so that several batches can be added up.

    Attributes:
        parts: Sums over queries for `classes`, over animals for the others.
        weights: (L,) sum of the queries' class weights.
        n_animals: Number of animals, a scalar.
    """

    parts: PoetLoss
    weights: Tensor
    n_animals: Tensor

    def __add__(self, other: "LossSums") -> "LossSums":
        """The sums over both sets of images."""
        parts = PoetLoss(
            *(getattr(self.parts, part.name) + getattr(other.parts, part.name) for part in fields(PoetLoss))
        )
        return LossSums(parts, self.weights + other.weights, self.n_animals + other.n_animals)

    def mean(self) -> PoetLoss:
        """The loss of these images, in whichever batches they came."""
        n_animals = self.n_animals.clamp(min=1)
        parts = {part.name: getattr(self.parts, part.name) / n_animals for part in fields(PoetLoss)}
        return PoetLoss(**parts | {"classes": self.parts.classes / self.weights})


def poet_loss(output: PoetOutput, targets: PoseTargets, weights: LossSettings) -> PoetLoss:
    """Match queries with animals and score the matched pairs.

    Args:
        output: Predictions of L layers for B images.
        targets: The animals of the same images.
        weights: Weights of the matching cost, and of queries without an animal.
    """
    return loss_sums(output, targets, weights).mean()


def loss_sums(output: PoetOutput, targets: PoseTargets, weights: LossSettings) -> LossSums:
    """The sums whose means are `poet_loss`, for a loss over more images than a batch holds.

    Args:
        output: Predictions of L layers for B images.
        targets: The animals of the same images.
        weights: As for `poet_loss`.
    """
    matched = match_queries(output, targets, weights)  # (L, B, T)
    pairs = matched >= 0
    chosen = _gather_poses(output.poses, matched.clamp(min=0))

    pairs_k = (pairs & targets.visible.any(-1))[..., None]  # (L, B, T, 1): pairs that have keypoints to compare
    visible = targets.visible.to(output.pose_vectors.dtype)  # (B, T, k)
    located = visible * pairs_k  # (L, B, T, k)

    def over_animals(values: Tensor) -> Tensor:
        """(L, B, T, ...) -> (L,)."""
        return values.flatten(1).sum(1)

    offsets = over_animals((chosen.offsets - targets.offsets).abs().sum(-1) / 2 * located)
    if weights.offsets_with_center:
        offsets = offsets + over_animals((chosen.centers - targets.centers).abs().sum(-1) * pairs)
    classes, class_weights = _class_loss(output.class_logits, targets.classes, matched, weights.no_object)
    parts = PoetLoss(
        classes=classes,
        keypoints=over_animals((chosen.keypoints - targets.keypoints).abs().sum(-1) * located),
        visibility=over_animals((chosen.visibility - visible).square() * pairs_k),
        centers=over_animals((chosen.centers - targets.centers).square().sum(-1) * pairs),
        offsets=offsets,
    )
    return LossSums(parts, class_weights, targets.present.sum())


def _gather_poses(poses: PosePrediction, matched: Tensor) -> PosePrediction:
    """The predictions of the matched queries: (L, B, Q, ...) and (L, B, T) -> (L, B, T, ...)."""
    layers = torch.arange(matched.shape[0], device=matched.device)[:, None, None]
    images = torch.arange(matched.shape[1], device=matched.device)[None, :, None]
    return PosePrediction(
        poses.centers[layers, images, matched],
        poses.offsets[layers, images, matched],
        poses.visibility[layers, images, matched],
    )


def _class_loss(logits: Tensor, classes: Tensor, matched: Tensor, no_object_weight: float) -> tuple[Tensor, Tensor]:
    """(L,) weighted sum over images and queries of the negative log-likelihood, and (L,) sum of the weights.

    Unmatched queries should say `NO_OBJECT`, with a lower weight since they are most.
    """
    n_layers, n_images, n_queries, n_classes = logits.shape
    wanted = torch.full((n_layers, n_images, n_queries + 1), int(QueryClass.NO_OBJECT), device=logits.device)
    slots = torch.where(matched >= 0, matched, n_queries)  # a spare last slot takes the padding
    wanted = wanted.scatter(2, slots, classes.expand(n_layers, -1, -1))[..., :n_queries]
    class_weights = logits.new_ones(n_classes)
    class_weights[QueryClass.NO_OBJECT] = no_object_weight
    losses = F.cross_entropy(logits.flatten(0, 2), wanted.flatten(), weight=class_weights, reduction="none")
    return losses.view(n_layers, -1).sum(1), class_weights[wanted].flatten(1).sum(1)
