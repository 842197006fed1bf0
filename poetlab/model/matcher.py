"""Bipartite matching of queries with animals (paper equations 1 and 2)."""

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from poetlab.errors import TrainingError
from poetlab.model.loss_settings import LossSettings
from poetlab.model.poet import PoetOutput
from poetlab.model.pose_vector import PoseTargets


@torch.no_grad()
def match_queries(output: PoetOutput, targets: PoseTargets, weights: LossSettings) -> Tensor:
    """For every decoder layer and image, the assignment of animals to queries of the lowest total cost.

    Args:
        output: Predictions of L layers for B images with Q queries.
        targets: Up to T animals an image. If an image has more than Q, the cheapest Q are matched.
        weights: Weights of the parts of the cost.

    Returns:
        (L, B, T) index of the query matched with each animal; -1 for padding and for animals without a query.

    Raises:
        TrainingError: If a cost is not finite, since then the network has diverged.
    """
    return assign(matching_costs(output, targets, weights), targets.present)


def assign(costs: Tensor, present: Tensor) -> Tensor:
    """The assignment of the lowest total cost, for every decoder layer and image.

    Args:
        costs: (L, B, Q, T) of every pair of query and animal.
        present: (B, T) true where there is an animal and not padding.

    Returns:
        (L, B, T) index of the query matched with each animal; -1 for padding and for animals without a query.

    Raises:
        TrainingError: If a cost is not finite, since then the network has diverged.
    """
    known = costs.detach().float().cpu().numpy()
    if not np.isfinite(known).all():
        raise TrainingError("the network's output is no longer finite; lower the learning rate and start again")
    is_animal = present.cpu().numpy()
    matched = torch.full((len(known), *is_animal.shape), -1)
    for layer, image_costs in enumerate(known):
        for image, cost in enumerate(image_costs):
            animals = is_animal[image].nonzero()[0]
            rows, columns = linear_sum_assignment(cost[:, animals])
            matched[layer, image, animals[columns]] = torch.from_numpy(rows)
    return matched.to(costs.device)


def matching_costs(output: PoetOutput, targets: PoseTargets, weights: LossSettings) -> Tensor:
    """The cost of every pair of query and animal (equation 1), (L, B, Q, T).

    As in the published code, centers and visibilities are compared by their Euclidean distance, where the loss
    squares it, and offsets on their encoding d / 2 + 1/2, which halves them. With `offsets_with_center`, the L1
    distance of centers is added to that of offsets, in image units.
    """
    poses = output.poses
    probabilities = output.class_logits.softmax(-1)  # (L, B, Q, 3)
    classes = targets.classes.expand(probabilities.shape[0], -1, -1)[:, :, None, :]  # (L, B, 1, T)
    class_cost = -probabilities.gather(3, classes.expand(-1, -1, probabilities.shape[2], -1))  # (L, B, Q, T)

    visible = targets.visible[:, None].to(probabilities.dtype)  # (B, 1, T, k)
    has_keypoints = targets.visible.any(-1)[:, None]  # (B, 1, T)

    def pairwise_l1(predicted: Tensor, actual: Tensor) -> Tensor:
        """(L, B, Q, k, 2) and (B, T, k, 2) -> (L, B, Q, T), over visible keypoints."""
        distance = (predicted[:, :, :, None] - actual[:, None]).abs().sum(-1)  # (L, B, Q, T, k)
        return (distance * visible).sum(-1)

    center_distance = poses.centers[:, :, :, None] - targets.centers[:, None]  # (L, B, Q, T, 2)
    offset_cost = pairwise_l1(poses.offsets, targets.offsets) / 2
    if weights.offsets_with_center:
        offset_cost = offset_cost + center_distance.abs().sum(-1)
    visibility_cost = (poses.visibility[:, :, :, None] - visible).norm(dim=-1) * has_keypoints
    return (
        class_cost
        + weights.keypoints * pairwise_l1(poses.keypoints, targets.keypoints)
        + weights.centers * center_distance.norm(dim=-1)
        + weights.offsets * offset_cost
        + weights.visibility * visibility_cost
    )
