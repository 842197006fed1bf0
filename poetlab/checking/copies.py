"""Images that show the same as another one: one frame twice, one picture twice, or hardly a difference."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import numpy as np
from scipy.spatial import KDTree

from poetlab.checking.agreement import labels_agree
from poetlab.checking.pictures import Pictures, same_pixels
from poetlab.labels.label_set import LabeledImage, LabelSet

_NEAR = 1.5
"""Root mean square difference of two thumbnails in gray levels: more than noise, less than an animal's step."""
_N_COMPONENTS = 8
_N_NEIGHBORS = 8


class Likeness(Enum):
    """Why two images are taken for the same."""

    FRAME = "are the same frame of a video"
    PIXELS = "show the same picture"
    NEAR = "differ by hardly more than noise, and their labels as little"


@dataclass(frozen=True, slots=True, eq=False)
class Copy:
    """An image that repeats an earlier one.

    Attributes:
        label_set: Its label set.
        image: The image.
        first_label_set: The earlier one's label set.
        first: The earlier one.
        likeness: Why the two are taken for the same.
    """

    label_set: LabelSet
    image: LabeledImage
    first_label_set: LabelSet
    first: LabeledImage
    likeness: Likeness

    @property
    def leaks(self) -> bool:
        """Whether one of the two trains and the other validates."""
        return self.image.split != self.first.split


def repeated_frames(label_sets: tuple[LabelSet, ...]) -> Iterator[Copy]:
    """Images of a label set that are of one frame of one video, as the labels themselves say."""
    for label_set in label_sets:
        first: dict[tuple[str, int], LabeledImage] = {}
        for image in label_set.images:
            if image.video is not None and image.frame is not None:
                known = first.setdefault((image.video, image.frame), image)
                if known is not image:
                    yield Copy(label_set, image, label_set, known, Likeness.FRAME)


def repeated_pictures(pictures: Pictures) -> Iterator[Copy]:
    """Images that show the same as an earlier one, or nearly so with the same labels.

    Files with the same content, or pixels, are the same whatever their labels. Two others are taken for the same only
    if their thumbnails and also their labels differ by hardly more than noise: in a picture of a cage, an animal that
    is small may have moved without much of a trace in a thumbnail.
    """
    usable = [number for number, digest in enumerate(pictures.digests) if digest is not None]
    first: dict[bytes | None, int] = {}
    for number in usable:
        known = first.setdefault(pictures.digests[number], number)
        if known != number:
            yield _copy(pictures, number, known, Likeness.PIXELS)
    yield from _near_pictures(pictures, np.array(sorted(first.values()), np.int64))


def _near_pictures(pictures: Pictures, numbers: np.ndarray) -> Iterator[Copy]:
    """Copies among images whose files differ: each is compared with neighbors and the first that has its thumbnail."""
    if len(numbers) < 2:
        return
    repeats: set[int] = set()
    first: dict[bytes, int] = {}
    for number, neighbors in _nearest(pictures.thumbnails, numbers):
        equal = first.setdefault(pictures.thumbnails[number].tobytes(), number)
        for earlier in sorted({*neighbors, equal} - {number}):
            likeness = _likeness(pictures, earlier, number) if earlier not in repeats else None
            if likeness is not None:
                repeats.add(number)
                yield _copy(pictures, number, earlier, likeness)
                break


def _nearest(thumbnails: np.ndarray, numbers: np.ndarray) -> Iterator[tuple[int, list[int]]]:
    """For each image those of its nearest neighbors that come before it and differ by no more than noise.

    They are sought among the first principal components of the thumbnails, in which no two are farther apart than they
    are, and then compared as a whole.
    """
    reach = _NEAR * np.sqrt(thumbnails.shape[1])
    tree = KDTree(_principal_components(thumbnails, numbers))
    _, neighbors = tree.query(tree.data, k=min(_N_NEIGHBORS + 1, len(numbers)), distance_upper_bound=reach * (1 + 1e-6))
    for row, found in enumerate(np.asarray(neighbors).tolist()):
        near = numbers[[other for other in found if other < row]]
        gaps = thumbnails[near].astype(np.float32) - thumbnails[numbers[row]]
        yield int(numbers[row]), near[np.linalg.norm(gaps, axis=1) <= reach].tolist()


def _principal_components(thumbnails: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """(n, 8) thumbnails projected onto the directions in which they differ most, computed a few at a time."""
    parts = np.array_split(numbers, -(-len(numbers) // 4096))
    n_values = thumbnails.shape[1]
    mean = sum((thumbnails[part].sum(axis=0, dtype=np.float64) for part in parts), np.zeros(n_values)) / len(numbers)
    products = np.zeros((n_values, n_values))
    for part in parts:
        centered = thumbnails[part] - mean
        products += centered.T @ centered
    directions = np.linalg.eigh(products)[1][:, -_N_COMPONENTS:]
    return np.concatenate([(thumbnails[part] - mean) @ directions for part in parts])


def _likeness(pictures: Pictures, first: int, second: int) -> Likeness | None:
    """Why two images with like thumbnails are taken for the same, if they are."""
    (label_set, image), (other_set, other) = pictures.owners[first], pictures.owners[second]
    if image.frame is not None and (image.video, image.frame) == (other.video, other.frame):
        return Likeness.FRAME
    exactly = np.array_equal(pictures.thumbnails[first], pictures.thumbnails[second])
    if exactly and same_pixels(label_set.image_path(image), other_set.image_path(other)):
        return Likeness.PIXELS
    return Likeness.NEAR if labels_agree(image, other) else None


def _copy(pictures: Pictures, number: int, first: int, likeness: Likeness) -> Copy:
    return Copy(*pictures.owners[number], *pictures.owners[first], likeness)
