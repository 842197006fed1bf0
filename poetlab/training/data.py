"""Which label sets a run learns from, and on which it is measured."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from poetlab.errors import TrainingError
from poetlab.labels.confirmed import confirmed_only
from poetlab.labels.label_set import LabelSet, Split
from poetlab.labels.splitting import split_rows
from poetlab.training.settings import TrainingConfig


@dataclass(frozen=True, eq=False)
class TrainingData:
    """What a run learns from and is measured on.

    Attributes:
        training: Images to learn from.
        validation: Images to choose the best network by.
        also: Images on which it is measured beside these; they decide nothing.
    """

    training: Sequence[LabelSet]
    validation: Sequence[LabelSet]
    also: Sequence[LabelSet] = ()

    @classmethod
    def from_label_sets(cls, label_sets: Sequence[LabelSet], settings: TrainingConfig) -> "TrainingData":
        """The images of each split, and the label sets that are only measured on: their validation images, or all.

        Images with what a model has found and nobody has confirmed are left out, and a warning says so.

        Raises:
            TrainingError: If there is no animal to learn from, or `also_evaluate` names no label set of these.
        """
        label_sets = confirmed_only(label_sets)
        also = [_find(label_sets, name) for name in dict.fromkeys(settings.also_evaluate)]
        learned = [label_set for label_set in label_sets if label_set not in also]
        if not learned:
            raise TrainingError(
                "every label set is in also_evaluate, so that none is left to learn from; leave one out"
            )
        training = [label_set.select("train") for label_set in learned]
        if not settings.negatives:
            training = [_without_negatives(label_set) for label_set in training]
        validation = [label_set.select("val") for label_set in learned]
        if not any(image.instances for label_set in training for image in label_set.images):
            raise TrainingError("there is no animal in the training images; import labels, or lower --val-fraction")
        measured = [label_set.select("val") for label_set in also]
        return cls(
            [part for part in training if part.images],
            [part for part in validation if part.images],
            [part if part.images else whole for part, whole in zip(measured, also, strict=True)],
        )

    def split_rows(self) -> list[tuple[str, Split]]:
        """Every image that is learned from or validates, with its use, as a split file has it."""
        return [*split_rows(self.training), *split_rows(self.validation)]


def _find(label_sets: Sequence[LabelSet], name: str) -> LabelSet:
    by_name = {label_set.name: label_set for label_set in label_sets}
    if name not in by_name:
        (nearest,) = difflib.get_close_matches(name, by_name, n=1, cutoff=0)
        raise TrainingError(f"also_evaluate: there is no label set '{name}'; the nearest is '{nearest}'")
    return by_name[name]


def _without_negatives(label_set: LabelSet) -> LabelSet:
    return replace(label_set, images=tuple(image for image in label_set.images if image.instances))
