"""Which images train and which validate: drawn by video or by image, and never drawn again."""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from types import MappingProxyType

from poetlab.errors import LabelError
from poetlab.labels.label_set import Split


def video_of(file_name: str, video: str | None) -> str | None:
    """What an image belongs together with: its video; else its folder, which most tools name after the video."""
    return group_of(video) if video else file_name.rpartition("/")[0] or None


def group_of(video: str) -> str:
    """A video's name as images of its frames have it: `day1-cam.mp4` is `day1/cam.mp4` of another label set."""
    return video.replace("/", "-")


def split_by_video(
    videos: Mapping[str, str],
    val_fraction: float,
    known: Mapping[str, Split],
    n_elsewhere: Mapping[Split, int] = MappingProxyType({}),
) -> dict[str, Split]:
    """Send each video to train or val, with all its images.

    Videos are taken in the order of a digest of their names, and validate as long as that brings the part of
    validation images nearer to `val_fraction`. Of two or more new videos, one at least trains and one validates if
    nothing is known yet. Where an image's video is in `known`, it goes there.

    Args:
        videos: Name of each image -> its video.
        val_fraction: Share of images for validation, from 0 to 1.
        known: Videos that have their split already; it stays.
        n_elsewhere: Numbers of images beside these that count towards the fraction.

    Returns:
        Name of each image -> "train" or "val".

    Raises:
        LabelError: If the fraction is outside [0, 1].
    """
    check_fraction(val_fraction)
    sizes: dict[str, int] = {}
    for video in videos.values():
        sizes[video] = sizes.get(video, 0) + 1
    splits = {video: split for video, split in known.items() if video in sizes}
    wanted = val_fraction * (len(videos) + sum(n_elsewhere.values()))
    n_val = sum(sizes[video] for video, split in splits.items() if split == "val") + n_elsewhere.get("val", 0)
    drawn: dict[str, Split] = {}
    for video in sorted(sizes.keys() - splits.keys(), key=_number):
        validates = val_fraction > 0 and n_val + sizes[video] / 2 <= wanted
        drawn[video] = "val" if validates else "train"
        n_val += sizes[video] * validates
    if not splits and len(drawn) > 1 and 0 < val_fraction < 1:
        order = sorted(drawn, key=lambda video: (sizes[video], _number(video)))
        if "val" not in drawn.values():
            drawn[order[0]] = "val"
        if "train" not in drawn.values():
            drawn[order[-1]] = "train"
    splits |= drawn
    return {name: splits[video] for name, video in videos.items()}


def split_by_image(file_names: Iterable[str], val_fraction: float, *, is_first: bool = True) -> dict[str, Split]:
    """Send each image to train or val by a digest of its file name.

    The digest is a number in [0, 1) that depends on the name alone: the same on every machine, in every order and
    in every run. An image validates if its number is below `val_fraction`, so that images added later change
    nothing for those that are there. One exception keeps both splits usable: of two or more first images, if chance
    leaves a split empty (and the fraction is neither 0 nor 1), the image with the lowest number validates, or the one
    with the highest number trains.

    Args:
        file_names: Names relative to the images folder; repeated names count once.
        val_fraction: Share of images for validation, from 0 (every image trains) to 1 (every image validates).
        is_first: Whether there are no other images yet; only then the exception is made.

    Returns:
        Name -> "train" or "val".

    Raises:
        LabelError: If the fraction is outside [0, 1].
    """
    check_fraction(val_fraction)
    numbers = {name: _number(name) for name in file_names}
    splits: dict[str, Split] = {name: "val" if number < val_fraction else "train" for name, number in numbers.items()}
    if val_fraction == 1 or not is_first:
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
