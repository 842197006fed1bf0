"""Which images train and which validate."""

from collections.abc import Iterable
from hashlib import blake2b

from poetlab.errors import LabelError
from poetlab.labels.label_set import Split


def split_by_image(file_names: Iterable[str], val_fraction: float) -> dict[str, Split]:
    """Send each image to train or val by a digest of its file name.

    The digest is a number in [0, 1) that depends on the name alone: the same on every machine, in every order and
    in every run. An image validates if its number is below `val_fraction`, so that images added later change
    nothing for those that are there. One exception keeps both splits usable: of two or more images, if chance
    leaves a split empty (and the fraction is neither 0 nor 1), the image with the lowest number validates, or the one
    with the highest number trains; adding images can move that one image back.

    Args:
        file_names: Names relative to the images folder; repeated names count once.
        val_fraction: Share of images for validation, from 0 (every image trains) to 1 (every image validates).

    Returns:
        Name -> "train" or "val".

    Raises:
        LabelError: If the fraction is outside [0, 1].
    """
    check_fraction(val_fraction)
    numbers = {name: _number(name) for name in file_names}
    splits: dict[str, Split] = {name: "val" if number < val_fraction else "train" for name, number in numbers.items()}
    if val_fraction == 1:
        return splits
    if len(numbers) < 2 or val_fraction == 0:
        return dict.fromkeys(numbers, "train")
    if "val" not in splits.values():
        splits[min(numbers, key=numbers.__getitem__)] = "val"
    if "train" not in splits.values():
        splits[max(numbers, key=numbers.__getitem__)] = "train"
    return splits


def check_fraction(val_fraction: float) -> None:
    """Raise a LabelError unless `val_fraction` is in [0, 1]."""
    if not 0 <= val_fraction <= 1:
        raise LabelError(f"the validation fraction is {val_fraction}; give a number from 0 to 1")


def _number(name: str) -> float:
    """A number in [0, 1) that depends on the name alone."""
    digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 2**48
