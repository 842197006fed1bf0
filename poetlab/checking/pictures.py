"""What is kept of every image to find its copies: a digest of the file, and a thumbnail."""

import io
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
from PIL import Image

from poetlab.labels.label_set import LabeledImage, LabelSet

SIDE = 32
"""Pixels of a thumbnail's side, whatever the shape of the image."""

_DRAFT = (4 * SIDE, 4 * SIDE)
_BATCH = 256
_DEEP = ("I", "F")
"""How the modes of images with more than 8 bits start."""
_HIGH_BITS = 2**8
"""Of images with 16 bits, the upper 8 are used, as in training."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """One row an image, over all label sets in turn.

    Attributes:
        owners: The label set and image of each row.
        digests: Of each file's content; None where it cannot be used.
        thumbnails: (n, 32 * 32) uint8 gray values; 0 where the file cannot be used.
        problems: Label set and image -> why its file cannot be used.
    """

    owners: tuple[tuple[LabelSet, LabeledImage], ...]
    digests: tuple[bytes | None, ...]
    thumbnails: np.ndarray
    problems: dict[tuple[str, str], str]


def read_pictures(label_sets: Sequence[LabelSet], on_progress: Callable[[int, int], None] | None = None) -> Pictures:
    """Read every image once, several at a time, and keep about a kilobyte of each.

    Args:
        label_sets: Whose images to read.
        on_progress: Called with images read and in all.
    """
    owners = tuple((label_set, image) for label_set in label_sets for image in label_set.images)
    digests: list[bytes | None] = []
    thumbnails = np.zeros((len(owners), SIDE * SIDE), np.uint8)
    problems = {}
    with ThreadPoolExecutor(os.cpu_count()) as readers:
        for start in range(0, len(owners), _BATCH):
            batch = owners[start : start + _BATCH]
            for number, seen in enumerate(readers.map(_look_at, batch), start=start):
                label_set, image = owners[number]
                if isinstance(seen, str):
                    problems[label_set.name, image.file_name] = seen
                    digests.append(None)
                else:
                    digest, thumbnails[number] = seen
                    digests.append(digest)
            if on_progress:
                on_progress(len(digests), len(owners))
    return Pictures(owners, tuple(digests), thumbnails, problems)


def same_pixels(first: Path, second: Path) -> bool:
    """Whether two image files show the same, whatever their formats."""
    with Image.open(first) as one, Image.open(second) as other:
        if one.size != other.size:
            return False
        if one.mode != other.mode or one.mode == "P":
            if any(image.mode.startswith(_DEEP) for image in (one, other)):
                return False
            return np.array_equal(np.asarray(one.convert("RGBA")), np.asarray(other.convert("RGBA")))
        return np.array_equal(np.asarray(one), np.asarray(other))


def _look_at(owner: tuple[LabelSet, LabeledImage]) -> tuple[bytes, np.ndarray] | str:
    """Digest and thumbnail of an image, or what is wrong with its file."""
    label_set, image = owner
    try:
        content = label_set.image_path(image).read_bytes()
        with Image.open(io.BytesIO(content)) as opened:
            if (opened.height, opened.width) != image.size:
                labeled = f"{image.size[1]} x {image.size[0]}"
                return f"the file has {opened.width} x {opened.height} pixels, the labels {labeled}"
            return blake2b(content, digest_size=16).digest(), _thumbnail(opened)
    except FileNotFoundError:
        return "the image file is missing"
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return "the image file is damaged or cannot be read"


def _thumbnail(image: Image.Image) -> np.ndarray:
    """(32 * 32,) mean gray values."""
    image.draft("L", _DRAFT)
    if image.mode.startswith(_DEEP):
        image = Image.fromarray(np.clip(np.asarray(image) // _HIGH_BITS, 0, 255).astype(np.uint8))
    return np.asarray(image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)).ravel()
