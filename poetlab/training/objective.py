"""What the networks of both families are trained to do: one training step's output, and its loss."""

import torch
from torch import Tensor

from poetlab.model.loss import LossSums, PoetLoss, loss_sums
from poetlab.model.network import Network, NetworkOutput
from poetlab.model.poet import Poet, PoetOutput
from poetlab.model.pose_vector import PoseTargets
from poetlab.model.swift_loss import SwiftLoss, SwiftLossSums, swift_loss_sums
from poetlab.skeleton import Skeleton
from poetlab.training.settings import TrainingSettings

_GUIDE_SPREAD = 0.1
"""How far guided queries start from true centers, a standard deviation in sizes of the animal."""


class Objective:
    """The loss of a network of either family, with the weights that the settings give its parts."""

    def __init__(self, settings: TrainingSettings, skeleton: Skeleton) -> None:
        """Take the weights for both families.

        Args:
            settings: Their `loss` is for the faithful family, their `swift_loss` for the swift one.
            skeleton: Its sigmas scale OKS.
        """
        self._settings = settings
        self._sigmas = skeleton.sigmas

    def predict(self, model: Network, images: Tensor, padding: Tensor | None, targets: PoseTargets) -> NetworkOutput:
        """What a network in training says of images, given their targets where these guide it."""
        if isinstance(model, Poet):
            return model(images, padding)
        size = (images.shape[2], images.shape[3])
        guides = _noisy_centers(targets, size) if self._settings.swift_loss.guided else None
        return model(images, guides)

    def sums(self, output: NetworkOutput, targets: PoseTargets) -> LossSums | SwiftLossSums:
        """The sums whose means are the loss, for a loss over more images than a batch holds."""
        if isinstance(output, PoetOutput):
            return loss_sums(output, targets, self._settings.loss)
        return swift_loss_sums(output, targets, self._settings.swift_loss, self._sigmas)

    def total(self, loss: PoetLoss | SwiftLoss) -> Tensor:
        """The weighted sum that training minimizes, a scalar."""
        if isinstance(loss, PoetLoss):
            return loss.total(self._settings.loss)
        return loss.total(self._settings.swift_loss)


def _noisy_centers(targets: PoseTargets, size: tuple[int, int]) -> Tensor:
    """(B, T, 2) places near the animals' centers in images of (height, width), in image units; NaN if there is none."""
    height, width = size
    spread = _GUIDE_SPREAD * (targets.areas * height * width).sqrt()[..., None]  # (B, T, 1), pixels
    noise = torch.randn_like(targets.centers) * spread / spread.new_tensor([width, height])
    return (targets.centers + noise).masked_fill(~targets.present[..., None], torch.nan)
