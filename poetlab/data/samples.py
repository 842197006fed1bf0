"""One labeled image, read from disk, as tensors."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import functional as transform

from poetlab.data.image_size import ImageSizeSettings, seen_size
from poetlab.errors import LabelError
from poetlab.labels.label_set import UNLABELED, VISIBLE, LabeledImage, LabelSet
from poetlab.model.pose_vector import PoseTargets, encode_targets


@dataclass(frozen=True, eq=False)
class Sample:
    """An image and its animals, in pixels of this image.

    Attributes:
        image: (3, H, W) uint8, RGB.
        keypoints: (n, k, 2) as (x, y); 0 where not located.
        visible: (n, k) true where labeled as visible.
        bboxes: (n, 4) as (x, y, width, height).
        located: (n, k) true where the position is labeled, visible or occluded.
        areas: (n,) the area that scales OKS, as in `LabeledInstance`.
        told: (n, k) true where the labels tell whether the keypoint is visible; false where they never have it.
    """

    image: Tensor
    keypoints: Tensor
    visible: Tensor
    bboxes: Tensor
    located: Tensor
    areas: Tensor
    told: Tensor

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the image."""
        return self.image.shape[1], self.image.shape[2]

    def targets(self) -> PoseTargets:
        """The animals as the network's targets, a batch of one."""
        return encode_targets(
            self.keypoints,
            self.visible,
            self.bboxes,
            self.size,
            located=self.located,
            areas=self.areas,
            told=self.told,
        )


def read_sample(label_set: LabelSet, index: int, told: np.ndarray | None = None) -> Sample:
    """Read the image of a label set at this index; crowd regions are no animals.

    Args:
        label_set: The label set.
        index: The image's place in it.
        told: (k,) which keypoints its labels tell of, as from `told_keypoints`; None: all.

    Raises:
        LabelError: If the image cannot be read, or differs in size from what its labels say.
    """
    labeled = label_set.images[index]
    image = torch.from_numpy(read_labeled_image(label_set, labeled)).permute(2, 0, 1).contiguous()
    return to_sample(image, labeled, np.ones(label_set.skeleton.n_keypoints, dtype=bool) if told is None else told)


def read_labeled_image(label_set: LabelSet, labeled: LabeledImage) -> np.ndarray:
    """Read an image of a label set as (height, width, 3) uint8, RGB.

    Raises:
        LabelError: If the image cannot be read, or differs in size from what its labels say.
    """
    path = label_set.image_path(labeled)
    image = read_image(path)
    if image.shape[:2] != labeled.size:
        raise LabelError(
            f"{path}: is {image.shape[1]} x {image.shape[0]} pixels but was "
            f"{labeled.size[1]} x {labeled.size[0]} when imported; put the original back or import again"
        )
    return image


def read_scaled_image(label_set: LabelSet, labeled: LabeledImage, size: tuple[int, int]) -> np.ndarray:
    """Read an image of a label set and scale it, with antialiasing, to (height, width).

    Raises:
        LabelError: As `read_labeled_image`.
    """
    image = torch.from_numpy(read_labeled_image(label_set, labeled)).permute(2, 0, 1)
    scaled: Tensor = transform.resize(image, list(size), antialias=True)
    return scaled.permute(1, 2, 0).numpy()


def read_image(path: Path) -> np.ndarray:
    """Read an image file as (height, width, 3) uint8, RGB; of 16 bits the upper 8.

    Raises:
        LabelError: If it is missing, no whole image, or has more than 16 bits.
    """
    try:
        with Image.open(path) as file:
            return _as_rgb(file)
    except FileNotFoundError as error:
        raise LabelError(f"{path}: the image is missing; put it back or import the labels again") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise LabelError(f"{path}: the image cannot be read ({error}); replace it or import without it") from error


def _as_rgb(image: Image.Image) -> np.ndarray:
    """Pillow's own conversion cuts values off at 255 where they have more than 8 bits, which turns most white."""
    if not image.mode.startswith(("F", "I")):
        if "transparency" in image.info:
            image = image.convert("RGBA")  # Pillow warns where a palette's transparency is dropped at once
        return np.array(image.convert("RGB"))
    values = np.asarray(image)
    if image.mode == "F" or values.min() < 0 or values.max() >= 2**16:
        raise ValueError("its pixels have 32 bits; save it with 8 or 16")
    return np.repeat((values // 2**8).astype(np.uint8)[..., None], 3, axis=2)


def label_targets(labeled: LabeledImage, n_keypoints: int, image_size: ImageSizeSettings) -> PoseTargets:
    """The animals of a labeled image as the network's targets, a batch of one; crowd regions are no animals.

    Targets are in units of what the network sees: of the image, so that they hold at whichever size it is seen, or of
    the letterbox that it lies in.
    """
    keypoints, visible, bboxes, located, areas = _label_tensors(labeled, n_keypoints)
    return encode_targets(keypoints, visible, bboxes, seen_size(labeled.size, image_size), located=located, areas=areas)


def to_sample(image: Tensor, labeled: LabeledImage, told: np.ndarray) -> Sample:
    """The labels of an image with its pixels (3, H, W) uint8; crowd regions are no animals.

    Args:
        image: The pixels.
        labeled: The labels.
        told: (k,) which keypoints such labels tell of, as from `told_keypoints`.
    """
    keypoints, visible, bboxes, located, areas = _label_tensors(labeled, len(told))
    return Sample(image, keypoints, visible, bboxes, located, areas, torch.from_numpy(told).expand(len(keypoints), -1))


def scale_labels(sample: Sample, size: tuple[int, int]) -> Sample:
    """A sample whose labels are in pixels of its image at another (height, width), with labels that fit its image."""
    scale = torch.tensor([sample.size[1] / size[1], sample.size[0] / size[0]])
    return replace(
        sample,
        keypoints=(sample.keypoints + 0.5) * scale - 0.5,
        bboxes=torch.cat([(sample.bboxes[:, :2] + 0.5) * scale - 0.5, sample.bboxes[:, 2:] * scale], dim=1),
        areas=sample.areas * scale.prod(),
    )


def _label_tensors(labeled: LabeledImage, n_keypoints: int) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The animals as in `Sample`, after its image."""
    animals = [instance for instance in labeled.instances if not instance.is_crowd]
    labels = np.array([instance.keypoints for instance in animals]).reshape(-1, n_keypoints, 3)
    located = labels[..., 2] != UNLABELED
    keypoints = np.where(located[..., None], labels[..., :2], 0)
    bboxes = np.array([instance.bbox for instance in animals]).reshape(-1, 4)
    return (
        torch.from_numpy(keypoints).float(),
        torch.from_numpy(labels[..., 2] == VISIBLE),
        torch.from_numpy(bboxes).float(),
        torch.from_numpy(located),
        torch.tensor([instance.area for instance in animals], dtype=torch.float32),
    )
