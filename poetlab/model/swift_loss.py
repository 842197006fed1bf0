"""The loss of the swift family: matched queries after every decoder layer, and what the maps say everywhere.

Occluded keypoints with a labeled position teach positions like visible ones; only visible ones count as visible.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import sigmoid_focal_loss

from poetlab.model.loss_settings import SwiftLossSettings
from poetlab.model.matcher import assign
from poetlab.model.pose_vector import PoseTargets
from poetlab.model.swift import FIELD_STRIDE, FINE_STRIDE, Points, SwiftOutput

_SHORTEST = 0.25
"""Least size of an animal, in lengths of its keypoints' diagonal; boxes around thin animals can be flat."""

_SMALLEST = 8.0
"""Least size of an animal in pixels, since distances are divided by it and a box around one keypoint has none."""

_PEAK = 1.6
"""Standard deviation of the targets of points on their maps, in cells."""

_REACH = 3.0
"""Cells within which places learn the way to a point."""

_UNLABELED = 1.0
"""Sizes of an animal within which places near one of its points may show those keypoints of it that nobody labeled."""

_BODY = 0.4
"""Sizes of an animal within which places near one of its points belong to it."""


@dataclass(frozen=True)
class SwiftLoss:
    """The parts of the loss before weighting, named as in `SwiftLossSettings`: sums over animals, or their means.

    Those from `presence` to `guided` are (L,), one value a decoder layer, the last layer last; the others are scalars.
    `guided` is already the weighted sum of its own parts. Maps and guided queries are there in training only, else 0.
    """

    presence: Tensor
    keypoints: Tensor
    oks: Tensor
    centers: Tensor
    visibility: Tensor
    expected_oks: Tensor
    guided: Tensor
    center_map: Tensor
    keypoint_maps: Tensor
    shifts: Tensor
    field: Tensor

    def total(self, weights: SwiftLossSettings) -> Tensor:
        """The weighted sum over parts and layers that training minimizes, a scalar."""
        parts = [getattr(weights, part.name) * getattr(self, part.name).sum() for part in fields(self)]
        return torch.stack(parts).sum()

    def last_layer(self) -> dict[str, Tensor]:
        """The parts by name, scalars: those of the last decoder layer, and of the maps."""
        return {part.name: getattr(self, part.name).reshape(-1)[-1].detach() for part in fields(self)}


@dataclass(frozen=True)
class SwiftLossSums:
    """What the parts of the loss are means of, so that several batches can be added up.

    Attributes:
        parts: Sums over animals.
        n_animals: Their number, a scalar.
    """

    parts: SwiftLoss
    n_animals: Tensor

    def __add__(self, other: "SwiftLossSums") -> "SwiftLossSums":
        """The sums over both sets of images."""
        both = (getattr(self.parts, part.name) + getattr(other.parts, part.name) for part in fields(SwiftLoss))
        return SwiftLossSums(SwiftLoss(*both), self.n_animals + other.n_animals)

    def mean(self) -> SwiftLoss:
        """The loss of these images, in whichever batches they came."""
        n_animals = self.n_animals.clamp(min=1)
        return SwiftLoss(*(getattr(self.parts, part.name) / n_animals for part in fields(SwiftLoss)))


def swift_loss_sums(
    output: SwiftOutput, targets: PoseTargets, weights: SwiftLossSettings, sigmas: Sequence[float]
) -> SwiftLossSums:
    """Match queries with animals, score the matched pairs, and score the maps if there are any.

    Args:
        output: Predictions of L layers for B images.
        targets: The animals of the same images.
        weights: Weights of the parts.
        sigmas: The skeleton's k falloffs of OKS.

    Raises:
        TrainingError: If the output is not finite, since then the network has diverged.
    """
    animals = Animals.of(targets, output.size, sigmas)
    matched = assign(matching_costs(output, animals), animals.present)  # (L, B, T)
    parts = _pose_parts(output, animals, matched)
    guided = output.presence_logits.new_zeros(len(matched))
    if output.guided:
        own = torch.arange(matched.shape[2], device=matched.device).where(animals.present, -1).expand_as(matched)
        taught = _pose_parts(output.guided, animals, own)
        guided = sum((getattr(weights, name) * part for name, part in taught.items()), guided)
    return SwiftLossSums(
        SwiftLoss(
            presence=_presence_loss(output.presence_logits, matched),
            guided=guided,
            **parts,
            **_map_parts(output.points, animals),
        ),
        animals.present.sum(),
    )


@dataclass(frozen=True)
class Animals:
    """The labeled animals of a batch, in pixels of the network's input.

    Attributes:
        keypoints: (B, T, k, 2).
        located: (B, T, k) where a keypoint has a position.
        visible: (B, T, k) where it is visible.
        told: (B, T, k) where the labels tell whether it is.
        centers: (B, T, 2) mean of the located keypoints; the target's own center if there is none.
        sizes: (B, T) root of the area, or more where that is too small to divide by; 1 where there is no animal.
        present: (B, T) where there is an animal and not padding.
        sigmas: (k,) falloffs of OKS.
    """

    keypoints: Tensor
    located: Tensor
    visible: Tensor
    told: Tensor
    centers: Tensor
    sizes: Tensor
    present: Tensor
    sigmas: Tensor

    @classmethod
    def of(cls, targets: PoseTargets, size: tuple[int, int], sigmas: Sequence[float]) -> "Animals":
        """The animals of targets in image units, for an input of (height, width)."""
        width_height = targets.centers.new_tensor([size[1], size[0]])
        keypoints = targets.keypoints * width_height
        located = targets.located & targets.present[..., None]
        mask = located[..., None]
        n_located = mask.sum(2).clamp(min=1)  # (B, T, 1)
        centers = torch.where(
            located.any(-1, keepdim=True), (keypoints * mask).sum(2) / n_located, targets.centers * width_height
        )
        low, high = keypoints.masked_fill(~mask, torch.inf).amin(2), keypoints.masked_fill(~mask, -torch.inf).amax(2)
        diagonal = (high - low).clamp(min=0).norm(dim=-1)  # (B, T)
        sizes = (targets.areas * size[0] * size[1]).sqrt().maximum(_SHORTEST * diagonal)
        return cls(
            keypoints,
            located,
            targets.visible,
            targets.told,
            centers,
            torch.where(targets.present, sizes.clamp(min=_SMALLEST), 1),
            targets.present,
            keypoints.new_tensor(list(sigmas)),
        )

    @property
    def points(self) -> tuple[Tensor, Tensor]:
        """The center and the keypoints of each animal (B, T, P, 2), and whether they have a position (B, T, P)."""
        points = torch.cat([self.centers[:, :, None], self.keypoints], dim=2)
        return points, torch.cat([self.present[..., None], self.located], dim=2)

    def compare(self, keypoints: Tensor) -> tuple[Tensor, Tensor]:
        """Keypoints (..., B, N, T or 1, k, 2) against those of each animal.

        Returns:
            The mean L1 distance in sizes of the animal, and the OKS, both (..., B, N, T); 0 where no keypoint of an
            animal is located.
        """
        located, sizes = self.located[:, None], self.sizes[:, None, :, None]
        difference = keypoints - self.keypoints[:, None]  # (..., B, N, T, k, 2)
        apart = difference.abs().sum(-1) / sizes
        nearness = (-difference.square().sum(-1) / (2 * (2 * self.sigmas * sizes).square())).exp()
        n_located = located.sum(-1).clamp(min=1)
        return (apart * located).sum(-1) / n_located, (nearness * located).sum(-1) / n_located


@torch.no_grad()
def matching_costs(output: SwiftOutput, animals: Animals) -> Tensor:
    """The cost of every pair of query and animal, (L, B, Q, T): by presence, distance and OKS."""
    centers, keypoints = _in_pixels(output)
    apart, oks = animals.compare(keypoints[:, :, :, None])
    center_apart = (centers[:, :, :, None] - animals.centers[:, None]).abs().sum(-1) / animals.sizes[:, None]
    return 2 * apart + 0.5 * center_apart - oks - output.presence_logits.sigmoid()[..., None]


def _pose_parts(output: SwiftOutput, animals: Animals, matched: Tensor) -> dict[str, Tensor]:
    """The parts (L,) of the loss that compare matched queries (L, B, T) with their animals, summed over animals."""
    pairs = matched >= 0
    with_pose = pairs & animals.located.any(-1)  # (L, B, T)
    index = matched.clamp(min=0)

    def chosen(values: Tensor) -> Tensor:
        """(L, B, Q, ...) -> (L, B, T, ...)."""
        layers, images = (torch.arange(n, device=index.device) for n in index.shape[:2])
        return values[layers[:, None, None], images[:, None], index]

    centers, keypoints = (chosen(values) for values in _in_pixels(output))
    apart, oks = (values[:, :, 0] for values in animals.compare(keypoints[:, :, None]))  # (L, B, T)
    center_apart = (centers - animals.centers).abs().sum(-1) / animals.sizes
    unlikely = F.binary_cross_entropy_with_logits(
        chosen(output.visibility_logits), animals.visible.expand(len(matched), -1, -1, -1).float(), reduction="none"
    )
    visibility = (unlikely * animals.told).sum(-1) / animals.told.sum(-1).clamp(min=1)
    expected = F.binary_cross_entropy_with_logits(chosen(output.oks_logits), oks.detach(), reduction="none")
    parts = {"keypoints": apart, "oks": 1 - oks, "visibility": visibility, "expected_oks": expected}
    sums = {name: (values * with_pose).sum((1, 2)) for name, values in parts.items()}
    return sums | {"centers": (center_apart * pairs).sum((1, 2))}


def _presence_loss(logits: Tensor, matched: Tensor) -> Tensor:
    """(L,) focal loss (https://arxiv.org/abs/1708.02002) of queries (L, B, Q), with an animal where matched."""
    n_queries = logits.shape[2]
    slots = torch.where(matched >= 0, matched, n_queries)  # a spare last slot takes what is not matched
    wanted = logits.new_zeros(*logits.shape[:2], n_queries + 1).scatter(2, slots, 1.0)[..., :n_queries]
    return sigmoid_focal_loss(logits, wanted, alpha=0.25, gamma=2.0).sum((1, 2))


def _map_parts(points: Points | None, animals: Animals) -> dict[str, Tensor]:
    """The parts of the loss that teach the maps, scalars, summed over animals; 0 without maps."""
    if points is None:
        return dict.fromkeys(("center_map", "keypoint_maps", "shifts", "field"), animals.centers.new_zeros(()))
    ways, squared, unsure = _ways_to_nearest_point(points, animals)
    peaks = torch.where(squared <= 0.5, 1.0, (-squared / (2 * _PEAK**2)).exp())  # (B, P, h, w)
    n_keypoints = peaks.shape[1] - 1
    reached = squared < _REACH**2
    apart = ((ways - points.shifts).abs().sum(-1) * reached).sum() / reached.sum().clamp(min=1)
    return {
        "center_map": _peak_loss(points.logits[:, 0], peaks[:, 0], unsure[:, 0]),
        "keypoint_maps": _peak_loss(points.logits[:, 1:], peaks[:, 1:], unsure[:, 1:]) / n_keypoints,
        "shifts": apart * animals.present.sum(),
        "field": _field_loss(points.field, animals),
    }


@torch.no_grad()
def _ways_to_nearest_point(points: Points, animals: Animals) -> tuple[Tensor, Tensor, Tensor]:
    """What lies around every cell at stride 4.

    Returns:
        The way to the nearest of each point, in cells (B, P, h, w, 2), its square (B, P, h, w), and whether an animal
        is here of which this point is not labeled (B, P, h, w), so that it may lie here.
    """
    positions, known = animals.points
    cells = _cell_middles(points.logits, FINE_STRIDE)  # (h, w, 2)
    nearest = torch.full_like(points.shifts, torch.inf)
    least = torch.full_like(points.logits, torch.inf)
    unsure = torch.zeros_like(points.logits, dtype=torch.bool)
    reach = (_UNLABELED * animals.sizes / FINE_STRIDE).square()[..., None, None]  # (B, T, 1, 1)
    for animal in range(positions.shape[1]):  # one after the other, since all at once would need much memory
        ways = (positions[:, animal, :, None, None] - cells) / FINE_STRIDE  # (B, P, h, w, 2)
        is_known = known[:, animal, :, None, None]
        squared = ways.square().sum(-1).masked_fill(~is_known, torch.inf)
        unsure |= (squared.amin(1) < reach[:, animal])[:, None] & ~is_known
        nearest = torch.where((squared < least)[..., None], ways, nearest)
        least = torch.minimum(least, squared)
    return nearest.nan_to_num(posinf=0.0), least, unsure


def _field_loss(field: Tensor, animals: Animals) -> Tensor:
    """L1 distance of the ways from places on an animal to its keypoints, a mean over places, summed over animals."""
    if animals.present.shape[1] == 0:
        return field.new_zeros(())
    owner, is_body = _owners(field, animals)  # (B, h, w)
    cells = _cell_middles(field[..., 0, 0], FIELD_STRIDE)
    batch = torch.arange(len(owner), device=owner.device)[:, None, None]
    located, sizes = animals.located[batch, owner], animals.sizes[batch, owner]  # (B, h, w, k) and (B, h, w)
    ways = animals.keypoints[batch, owner] - cells[:, :, None]  # (B, h, w, k, 2)
    apart = ((ways - field).abs().sum(-1) * located).sum(-1) / located.sum(-1).clamp(min=1) / sizes
    places = torch.zeros_like(animals.sizes).scatter_add(1, owner.flatten(1), is_body.flatten(1).to(sizes.dtype))
    return (apart * is_body / places[batch, owner].clamp(min=1)).sum()


@torch.no_grad()
def _owners(field: Tensor, animals: Animals) -> tuple[Tensor, Tensor]:
    """Which animal is nearest to each place of the field (B, h, w), and whether the place is on it."""
    positions, known = animals.points
    cells = _cell_middles(field[..., 0, 0], FIELD_STRIDE)
    owner = torch.zeros(field.shape[:3], dtype=torch.long, device=field.device)
    least = torch.full(field.shape[:3], torch.inf, device=field.device)
    for animal in range(positions.shape[1]):
        apart = (positions[:, animal, :, None, None] - cells).norm(dim=-1)  # (B, P, h, w)
        nearest = apart.masked_fill(~known[:, animal, :, None, None], torch.inf).amin(1)  # (B, h, w)
        owner = torch.where(nearest < least, animal, owner)
        least = torch.minimum(least, nearest)
    batch = torch.arange(len(owner), device=owner.device)[:, None, None]
    return owner, least < (_BODY * animals.sizes[batch, owner]).clamp(min=0.75 * FIELD_STRIDE)


def _peak_loss(logits: Tensor, peaks: Tensor, unsure: Tensor) -> Tensor:
    """Focal loss of maps whose targets are 1 at peaks and fall off around them (https://arxiv.org/abs/1808.01244).

    Where it is `unsure` whether there is one, only peaks that are known count.
    """
    probability = logits.sigmoid()
    is_peak = peaks == 1
    found = (1 - probability).square() * F.logsigmoid(logits)
    empty = (1 - peaks) ** 4 * ~unsure * probability.square() * F.logsigmoid(-logits)
    return -torch.where(is_peak, found, empty).sum()


def _cell_middles(maps: Tensor, stride: int) -> Tensor:
    """(h, w, 2) the middle of each cell of maps (..., h, w) of a stride, in pixels."""
    y, x = (torch.arange(n, device=maps.device) for n in maps.shape[-2:])
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).add(0.5).mul(stride)


def _in_pixels(output: SwiftOutput) -> tuple[Tensor, Tensor]:
    """Centers (L, B, Q, 2) and keypoints (L, B, Q, k, 2) in pixels of the input."""
    width_height = output.centers.new_tensor([output.size[1], output.size[0]])
    return output.centers * width_height, output.poses.keypoints * width_height
