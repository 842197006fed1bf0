"""What the checks look at: label sets, and their animals as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from poetlab.checking.copies import Copy
from poetlab.checking.finding import Place
from poetlab.labels.label_set import LabeledImage, LabeledInstance, LabelSet


@dataclass(frozen=True, eq=False)
class Animals:
    """The animals of a label set that have labeled keypoints, one a row; crowds are none.

    Attributes:
        label_set: The label set.
        keypoints: (n, k, 3) x and y in pixels, and visibility; unlabeled ones are NaN, NaN, 0.
        image_numbers: (n,) the image of each among the label set's.
        instance_numbers: (n,) the number of each among its image's instances.
    """

    label_set: LabelSet
    keypoints: np.ndarray
    image_numbers: np.ndarray
    instance_numbers: np.ndarray

    @classmethod
    def of(cls, label_set: LabelSet) -> "Animals":
        """The animals of a label set."""
        rows = [
            (instance.keypoints, number, index)
            for number, image in enumerate(label_set.images)
            for index, instance in enumerate(image.instances)
            if instance.n_labeled and not instance.is_crowd
        ]
        return cls(
            label_set,
            np.array([keypoints for keypoints, _, _ in rows]).reshape(-1, label_set.skeleton.n_keypoints, 3),
            np.array([number for _, number, _ in rows], np.int64),
            np.array([index for _, _, index in rows], np.int64),
        )

    def __len__(self) -> int:
        return len(self.keypoints)

    @property
    def positions(self) -> np.ndarray:
        """(n, k, 2) pixels (x, y); NaN where unlabeled."""
        return self.keypoints[..., :2]

    def image(self, row: int) -> LabeledImage:
        """The image of an animal."""
        return self.label_set.images[self.image_numbers[row]]

    def instance(self, row: int) -> LabeledInstance:
        """An animal."""
        return self.image(row).instances[self.instance_numbers[row]]

    def place(self, row: int, keypoints: Sequence[int] = ()) -> Place:
        """Where an animal is, or some of its keypoints."""
        return Place(
            self.label_set.name,
            self.image(row).file_name,
            int(self.instance_numbers[row]),
            self.instance(row).individual,
            self.names(keypoints),
        )

    def names(self, keypoints: Sequence[int]) -> tuple[str, ...]:
        """Names of keypoints."""
        return tuple(self.label_set.skeleton.keypoints[index] for index in keypoints)


@dataclass(frozen=True, eq=False)
class Material:
    """What the checks look at.

    Attributes:
        animals: The animals of each label set; all have one skeleton.
        copies: Images that repeat another one.
        unreadable: Label set and image -> why its file cannot be used.
        min_images: In how many images a keypoint shall be labeled.
    """

    animals: tuple[Animals, ...]
    copies: tuple[Copy, ...]
    unreadable: dict[tuple[str, str], str]
    min_images: int

    @property
    def label_sets(self) -> tuple[LabelSet, ...]:
        """The label sets."""
        return tuple(animals.label_set for animals in self.animals)
