"""Labeled images predicted by a network."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from poetlab.data.samples import read_labeled_image
from poetlab.errors import LabelError, SnapshotError
from poetlab.inference import Predictor
from poetlab.labels.label_set import LabeledImage, LabelSet
from poetlab.model.network import NetworkOutput
from poetlab.poses import Instances

OnOutput = Callable[[NetworkOutput, Sequence[LabeledImage]], None]
"""Called with what a network said of a batch, and the batch's images."""


@dataclass(frozen=True, eq=False)
class PredictedImage:
    """A labeled image and what a network predicts in it.

    Attributes:
        label_set: Where the image belongs.
        image_id: Its id in the label set's `annotations.json`.
        image: Its labels.
        by_layer: The instances after each decoder layer; after the last alone, unless all were asked for.
    """

    label_set: LabelSet
    image_id: int
    image: LabeledImage
    by_layer: tuple[Instances, ...]

    @property
    def instances(self) -> Instances:
        """The network's instances: those after its last decoder layer."""
        return self.by_layer[-1]


def predict_images(
    predictor: Predictor,
    label_sets: Sequence[LabelSet],
    *,
    every_layer: bool = False,
    batch_size: int = 8,
    on_progress: Callable[[int, int], None] | None = None,
    on_output: OnOutput | None = None,
) -> list[PredictedImage]:
    """Predict every image of some label sets.

    Args:
        predictor: The network.
        label_sets: Images of the predictor's skeleton.
        every_layer: Whether to keep the instances after every decoder layer; each image is still predicted once.
        batch_size: Images predicted at once; only images of one size are batched, so that none is padded.
        on_progress: Called with images done and in all.
        on_output: Called with what the network said of each batch, all its decoder layers, and the batch's images.

    Returns:
        One entry an image, by label set and then by id, which is the order in which COCO ranks equal scores.

    Raises:
        LabelError: If there are no images, or one cannot be read.
        SnapshotError: If the network predicts what is not a number.
    """
    places = [place for label_set in label_sets for place in _by_id(label_set)]
    if not places:
        raise LabelError("there are no images to evaluate; import labels, or choose another --split")
    predicted: dict[int, PredictedImage] = {}
    for batch in _batches_of_one_size([image for _, _, image in places], batch_size):
        pixels = np.stack([read_labeled_image(places[number][0], places[number][2]) for number in batch])
        output = predictor.run(torch.from_numpy(pixels).permute(0, 3, 1, 2))
        if on_output:
            on_output(output, [places[number][2] for number in batch])
        _check_finite(predictor, output)
        by_layer = _instances(predictor, output, places[batch[0]][2].size, every_layer=every_layer)
        for number, layers in zip(batch, zip(*by_layer, strict=True), strict=True):
            predicted[number] = PredictedImage(*places[number], layers)
        if on_progress:
            on_progress(len(predicted), len(places))
    return [predicted[number] for number in range(len(places))]


def _check_finite(predictor: Predictor, output: NetworkOutput) -> None:
    if not output.is_finite():
        raise SnapshotError(
            f"the network {predictor.name} predicts what is not a number, so its training has diverged; "
            "use another snapshot, or train again with a lower learning rate"
        )


def _instances(
    predictor: Predictor, output: NetworkOutput, size: tuple[int, int], *, every_layer: bool
) -> list[list[Instances]]:
    """The instances in each image of a batch, after each decoder layer or after the last alone."""
    n_layers = len(output.scores)
    kept = range(1, n_layers + 1) if every_layer else (n_layers,)
    return [predictor.instances(output.of_layers(number), size) for number in kept]


def _by_id(label_set: LabelSet) -> list[tuple[LabelSet, int, LabeledImage]]:
    ids = label_set.image_ids
    return [(label_set, ids[number], label_set.images[number]) for number in np.argsort(ids, kind="stable")]


def _batches_of_one_size(images: Sequence[LabeledImage], batch_size: int) -> Iterator[list[int]]:
    """Numbers of images that are of one size, in the order of the first of each size."""
    by_size: dict[tuple[int, int], list[int]] = {}
    for number, image in enumerate(images):
        by_size.setdefault(image.size, []).append(number)
    for group in by_size.values():
        for start in range(0, len(group), batch_size):
            yield group[start : start + batch_size]
