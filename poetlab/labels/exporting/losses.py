"""What a format has no place for, and how much of that a label set has."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from poetlab.labels.complete import keypoint_bbox
from poetlab.labels.exporting.deeplabcut import can_be_named
from poetlab.labels.frame_names import frame_of
from poetlab.labels.label_set import OCCLUDED, LabeledInstance, LabelSet
from poetlab.labels.merging import SAME_POINT
from poetlab.skeleton import infer_skeleton


def _occluded(label_set: LabelSet) -> int:
    return sum(int((instance.keypoints[:, 2] == OCCLUDED).sum()) for instance in _animals(label_set))


def _boxes(label_set: LabelSet) -> int:
    return sum(has_own_box(instance) for instance in _animals(label_set))


def _masks(label_set: LabelSet) -> int:
    return sum(instance.segmentation is not None for instance in _animals(label_set))


def _run_lengths(label_set: LabelSet) -> int:
    return sum(isinstance(instance.segmentation, dict) for instance in _animals(label_set))


def _crowds(label_set: LabelSet) -> int:
    return sum(instance.is_crowd for instance in label_set.instances)


def _bare(label_set: LabelSet) -> int:
    return sum(not instance.is_crowd and instance.n_labeled == 0 for instance in label_set.instances)


def _empty_images(label_set: LabelSet) -> int:
    return sum(not image.instances for image in label_set.images)


def _names(label_set: LabelSet) -> int:
    return sum(bool(instance.individual) for instance in label_set.instances)


def _unusable_names(label_set: LabelSet) -> int:
    """Names that a DeepLabCut project cannot have, and those that stand on an image before."""
    n_unusable = 0
    for image in label_set.images:
        counts = Counter(instance.individual for instance in image.instances if instance.individual)
        n_unusable += sum(n if not can_be_named(name) else n - 1 for name, n in counts.items())
    return n_unusable


def _predictions(label_set: LabelSet) -> int:
    return sum(instance.is_unconfirmed for instance in label_set.instances)


def _beyond_edges(label_set: LabelSet) -> int:
    """Points and boxes that reach out of the image."""
    n_beyond = 0
    for image in label_set.images:
        height, width = image.size
        for instance in image.instances:
            x, y, box_width, box_height = instance.bbox
            n_beyond += x < 0 or y < 0 or x + box_width > width or y + box_height > height
            n_beyond += int((instance.keypoints[:, :2] < 0).any(axis=1).sum())
    return n_beyond


def _far_boxes(label_set: LabelSet) -> int:
    """Boxes that reach out of the image on the right by more than Label Studio's import takes."""
    pairs = ((image.size[1], instance.bbox) for image in label_set.images for instance in image.instances)
    return sum(x + box_width > 1.005 * width for width, (x, _, box_width, _) in pairs)


def _edges(label_set: LabelSet) -> int:
    return len(label_set.skeleton.edges)


def _symmetries(label_set: LabelSet) -> int:
    skeleton = label_set.skeleton
    told = infer_skeleton(skeleton.name, skeleton.keypoints, skeleton.edges).symmetries
    return len(set(map(frozenset, skeleton.symmetries)) ^ set(map(frozenset, told)))


def _sigmas(label_set: LabelSet) -> int:
    skeleton = label_set.skeleton
    told = infer_skeleton(skeleton.name, skeleton.keypoints).sigmas
    return sum(own != one for own, one in zip(skeleton.sigmas, told, strict=True))


def _unplaced(label_set: LabelSet) -> int:
    placed = np.zeros(label_set.skeleton.n_keypoints, bool)
    for instance in _animals(label_set):
        placed |= instance.keypoints[:, 2] > 0
    return int((~placed).sum())


def _videos(label_set: LabelSet) -> int:
    return sum(
        image.video is not None and frame_of(image.file_name) != (image.video, image.frame)
        for image in label_set.images
    )


LOSSES: dict[str, Callable[[LabelSet], int]] = {
    "occluded points (written as visible)": _occluded,
    "keypoints that no animal has": _unplaced,
    "names of animals": _names,
    "names that stand twice on an image, or that DeepLabCut uses itself": _unusable_names,
    "marks and scores of predictions": _predictions,
    "boxes of animals that are not those around the keypoints": _boxes,
    "boxes that reach far out of the image": _far_boxes,
    "points and boxes that reach out of the image (cut at its edge)": _beyond_edges,
    "masks": _masks,
    "masks that are run lengths": _run_lengths,
    "animals without keypoints": _bare,
    "regions of crowds": _crowds,
    "images without animals": _empty_images,
    "videos and frames that images are of": _videos,
    "edges of the skeleton": _edges,
    "symmetries that are not those of the keypoints' names": _symmetries,
    "sigmas of keypoints": _sigmas,
}
"""What a format may have no place for, in words, and the function that counts it."""


def count_losses(label_set: LabelSet, lacks: Sequence[str]) -> dict[str, int]:
    """How often a label set has what a format lacks; only what it has at all.

    Args:
        label_set: The label set.
        lacks: Keys of `LOSSES`.
    """
    counts = {name: count(label_set) for name, count in LOSSES.items() if name in lacks}
    return {name: n for name, n in counts.items() if n}


def has_own_box(instance: LabeledInstance) -> bool:
    """Whether an animal's box is another than that around its keypoints."""
    made = keypoint_bbox(instance.keypoints)
    return made is None or bool(np.abs(np.subtract(made, instance.bbox)).max() > SAME_POINT)


def _animals(label_set: LabelSet) -> Iterator[LabeledInstance]:
    """The instances with keypoints that are no crowd."""
    return (instance for instance in label_set.instances if instance.n_labeled and not instance.is_crowd)
