"""Which images of labels are images that the project has already."""

import filecmp
from hashlib import blake2b
from pathlib import Path

import numpy as np
from PIL import Image

from poetlab.labels.label_set import LabeledImage, LabelSet

_LARGEST_STEP = 8 / 255
"""Of a pixel's range: decoders of one video differ by less, pictures of other moments by more."""


class KnownImages:
    """The images of a label set, each of which can be recognized once."""

    def __init__(self, label_set: LabelSet) -> None:
        self._label_set = label_set
        self._by_name = {image.file_name: image for image in label_set.images}
        self._by_frame = {
            (image.video, image.frame): image
            for image in label_set.images
            if image.video is not None and image.frame is not None
        }
        self._left = dict(self._by_name)
        self._by_pixels: dict[str, list[LabeledImage]] | None = None

    @property
    def left(self) -> tuple[LabeledImage, ...]:
        """Those that were not recognized, in order."""
        return tuple(self._left.values())

    def named(self, file_name: str, video: str | None, frame: int | None) -> list[LabeledImage]:
        """The images of that file name and of that frame of that video, whatever they show."""
        candidates = [self._by_name.get(file_name)]
        if video is not None and frame is not None:
            candidates.append(self._by_frame.get((video, frame)))
        return [image for image in candidates if image is not None and image.file_name in self._left]

    def recognize_by_name(
        self, file: Path, file_name: str, video: str | None, frame: int | None
    ) -> LabeledImage | None:
        """The image of that file name, or of that frame of that video, if it shows the same as `file`."""
        for image in self.named(file_name, video, frame):
            if _show_same(file, self._label_set.image_path(image)):
                return self._take(image)
        return None

    def recognize_by_content(self, file: Path) -> LabeledImage | None:
        """An image that has the same pixels as `file`, under whichever name."""
        if self._by_pixels is None:
            self._by_pixels = {}
            for image in self._left.values():
                if digest := _digest(self._label_set.image_path(image)):
                    self._by_pixels.setdefault(digest, []).append(image)
        same = self._by_pixels.get(_digest(file) or "", ())
        return next((self._take(image) for image in same if image.file_name in self._left), None)

    def take_named(self, file_name: str, video: str | None, frame: int | None) -> LabeledImage | None:
        """The image of that name or frame, which shows something else, as the one that is to be replaced."""
        return next((self._take(image) for image in self.named(file_name, video, frame)), None)

    def _take(self, image: LabeledImage) -> LabeledImage:
        del self._left[image.file_name]
        return image


def _show_same(file: Path, known: Path) -> bool:
    """Whether two files hold the same picture; a known one that was lost is taken to be what `file` shows."""
    if not known.is_file() or file.samefile(known):
        return True
    if file.stat().st_size == known.stat().st_size and filecmp.cmp(file, known, shallow=False):
        return True
    one, other = _pixels(file), _pixels(known)
    return one is not None and other is not None and one.shape == other.shape and _differ_little(one, other)


def _differ_little(one: np.ndarray, other: np.ndarray) -> bool:
    largest = np.iinfo(one.dtype).max if one.dtype.kind in "iu" else 1
    return bool(np.abs(one.astype(np.float32) - other.astype(np.float32)).max() <= _LARGEST_STEP * largest)


def _digest(path: Path) -> str | None:
    """A digest of the pixels of an image, whichever format they are stored in; None if it cannot be read."""
    pixels = _pixels(path)
    return None if pixels is None else f"{pixels.shape} {pixels.dtype} {blake2b(pixels.tobytes()).hexdigest()}"


def _pixels(path: Path) -> np.ndarray | None:
    """The pixels of an image: of 8 bits as RGB, else as they are; None if it cannot be read."""
    try:
        with Image.open(path) as image:
            return np.asarray(image if image.mode.startswith(("F", "I")) else image.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
