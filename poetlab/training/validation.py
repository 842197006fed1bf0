"""Measuring a network on labeled images while it trains: COCO's figures and the loss, in one pass over the images."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import torch

from poetlab.data.samples import label_targets
from poetlab.evaluation.evaluate import evaluate
from poetlab.evaluation.report import Evaluation
from poetlab.inference import Predictor
from poetlab.labels.label_set import LabeledImage, LabelSet
from poetlab.model.loss import LossSums, PoetLoss
from poetlab.model.network import NetworkOutput
from poetlab.model.pose_vector import stack_targets
from poetlab.model.swift_loss import SwiftLoss, SwiftLossSums
from poetlab.training.objective import Objective


@dataclass(frozen=True)
class Validation:
    """What a network reached on a set of images.

    Attributes:
        evaluation: Its detections against the labels.
        loss: Its loss, as if all images had been one batch: class losses are averaged over all queries of all images,
            the others over all animals, so that neither the batch size nor the order counts.
        total: The weighted sum of the loss over parts and layers.
    """

    evaluation: Evaluation
    loss: PoetLoss | SwiftLoss
    total: float

    def columns(self, prefix: str) -> dict[str, Any]:
        """The figures as columns of `metrics.csv`, each name after a prefix."""
        parts = {f"loss_{name}": value.item() for name, value in self.loss.last_layer().items()}
        figures = {
            **self.evaluation.coco,
            "detections": self.evaluation.n_detections,
            "median_error": self.evaluation.keypoint_errors[-1].median,
            "loss": self.total,
            **parts,
        }
        return {f"{prefix}_{name}": value for name, value in figures.items()}


def validate(predictor: Predictor, label_sets: Sequence[LabelSet], objective: Objective, batch_size: int) -> Validation:
    """Measure a network; every image goes through it once, unchanged and without padding.

    Args:
        predictor: The network.
        label_sets: Images and labels of its skeleton; at least one image.
        objective: The loss.
        batch_size: Images predicted at once.

    Raises:
        LabelError: If an image cannot be read.
        TrainingError: If the network's output is not finite.
    """
    sums: list[LossSums | SwiftLossSums] = []
    n_keypoints = predictor.skeleton.n_keypoints

    @torch.inference_mode()
    def add_loss(output: NetworkOutput, images: Sequence[LabeledImage]) -> None:
        targets = stack_targets([label_targets(image, n_keypoints, predictor.image_size) for image in images])
        sums.append(objective.sums(output, targets.to(predictor.device)))

    evaluation = evaluate(predictor, label_sets, batch_size=batch_size, on_output=add_loss)
    loss = reduce(add, sums).mean()
    return Validation(evaluation, loss, objective.total(loss).item())
