"""Training batches: which images, in which order, changed how, stacked into tensors."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from poetlab.data.augment import augment
from poetlab.data.augment_settings import AugmentSettings
from poetlab.data.image_cache import ImageCache
from poetlab.data.image_size import ImageSizeSettings
from poetlab.data.samples import Sample, read_sample, read_scaled_image, scale_labels, to_sample
from poetlab.data.warp import augment_in_letterbox, working_size
from poetlab.labels.label_set import LabelSet
from poetlab.labels.told_keypoints import told_keypoints
from poetlab.model.pose_vector import PoseTargets, stack_targets

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Batch:
    """Images of different sizes, padded at the right and bottom, with their targets.

    Images in a letterbox are all of its size, and no padding counts as such: the targets are in units of all of it.

    Attributes:
        images: (B, 3, H, W) uint8.
        padding: (B, H, W) true where an image was padded; None if none was.
        targets: The animals, in units of each image without its padding.
    """

    images: Tensor
    padding: Tensor | None
    targets: PoseTargets


class TrainingImages(Dataset[Sample]):
    """The training images of one epoch, each changed at random.

    The change of an image depends only on the seed, the epoch and the image, never on which process reads it or on
    what was read before, so that a resumed run sees what an unbroken one would have seen.
    """

    def __init__(
        self,
        label_sets: Sequence[LabelSet],
        augment_settings: AugmentSettings,
        image_size: ImageSizeSettings,
        seed: int,
        epoch: int,
        cache: ImageCache | None = None,
    ) -> None:
        """Name the images of an epoch; each is read when it is asked for.

        Args:
            label_sets: Where they are from.
            augment_settings: How to change them.
            image_size: How large the network sees them.
            seed: Of all randomness.
            epoch: The epoch's number.
            cache: Where to keep decoded images, from `image_cache`; used only with a letterbox.
        """
        self.places = [
            (label_set, index, told)
            for label_set, told in zip(label_sets, told_keypoints(label_sets), strict=True)
            for index in range(len(label_set.images))
        ]
        self.augment_settings = augment_settings
        self.image_size = image_size
        self.seed = seed
        self.epoch = epoch
        self.cache = cache or ImageCache((), 0)

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, number: int) -> Sample:
        label_set, index, told = self.places[number]
        rng = np.random.default_rng([self.seed, self.epoch, number + 1])  # 0 stands for the order
        flip_indices = label_set.skeleton.flip_indices
        if letterbox := self.image_size.letterbox:
            sample = self._working_sample(number, letterbox)
            return augment_in_letterbox(sample, flip_indices, self.augment_settings, letterbox, rng)
        sample = read_sample(label_set, index, told)
        return augment(sample, flip_indices, self.augment_settings, self.image_size, rng)

    def _working_sample(self, number: int, letterbox: tuple[int, int]) -> Sample:
        """An image no larger than its warp needs."""
        label_set, index, told = self.places[number]
        labeled = label_set.images[index]
        size = working_size(labeled.size, self.augment_settings, letterbox)
        pixels = self.cache.image(number, lambda: read_scaled_image(label_set, labeled, size))
        image = torch.from_numpy(pixels).permute(2, 0, 1)
        return scale_labels(to_sample(image, labeled, told), labeled.size)

    def order(self) -> list[int]:
        """The order in which this epoch shows the images."""
        return [int(i) for i in np.random.default_rng([self.seed, self.epoch, 0]).permutation(len(self))]


def image_cache(
    label_sets: Sequence[LabelSet],
    augment_settings: AugmentSettings,
    image_size: ImageSizeSettings,
    most_megabytes: int,
) -> ImageCache | None:
    """A cache for the images of every epoch; None without a letterbox, where sizes vary, or without memory for it."""
    if image_size.letterbox is None:
        return None
    images = (image for label_set in label_sets for image in label_set.images)
    sizes = [working_size(image.size, augment_settings, image_size.letterbox) for image in images]
    try:
        return ImageCache(sizes, most_megabytes * 10**6)
    except OSError as error:
        logger.warning(
            "no memory for decoded images (%s): each is read anew; lower training.image_cache", error.strerror
        )
        return None


def training_batches(images: TrainingImages, batch_size: int, n_workers: int, skip: int = 0) -> Iterator[Batch]:
    """The batches of one epoch.

    Args:
        images: The epoch's images.
        batch_size: Images a batch; the last batch may be smaller.
        n_workers: Processes that read images beside this one; 0 for none.
        skip: Batches to leave out at the start, seen before a resumed run was interrupted.
    """
    order = images.order()
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    return iter(
        DataLoader(
            images,
            batch_sampler=batches[skip:],
            num_workers=n_workers,
            collate_fn=collate,
            generator=torch.Generator(),  # a loader without its own would draw from the global one
        )
    )


def collate(samples: Sequence[Sample]) -> Batch:
    """Stack samples, padding each at the right and bottom to the largest height and width."""
    height = max(sample.size[0] for sample in samples)
    width = max(sample.size[1] for sample in samples)
    images = torch.zeros(len(samples), 3, height, width, dtype=torch.uint8)
    padding = torch.ones(len(samples), height, width, dtype=torch.bool)
    for sample, image, pad in zip(samples, images, padding, strict=True):
        h, w = sample.size
        image[:, :h, :w] = sample.image
        pad[:h, :w] = False
    targets = stack_targets([sample.targets() for sample in samples])
    return Batch(images, padding if padding.any() else None, targets)
