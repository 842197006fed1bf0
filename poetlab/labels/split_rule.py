"""How images are split, as the user says it: by video, by frame, or as a file says."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from poetlab.errors import LabelError
from poetlab.labels.known_splits import KnownSplits
from poetlab.labels.label_set import Split
from poetlab.labels.split import split_by_image, split_by_video
from poetlab.labels.split_file import SplitFile, read_split_file

SplitRule = Literal["video", "frame"] | SplitFile

BY_VIDEO = "by video"
BY_FRAME = "by frame"
ONE_VIDEO = "by frame, because all images are of one video or folder: expect lower figures on another video"
NO_VIDEOS = "by frame, because the labels do not tell which images are of one video"
MIXED_VIDEO = "by frame, because some frames of this video train and some validate already"


class SplitItem(NamedTuple):
    """What a draw has to know of an image.

    Attributes:
        key: Its name, unlike that of any other.
        group: The video or folder that it is of, or None.
        is_labeled: Whether there is an animal with a labeled keypoint.
        split: Its split if it has one, which it keeps unless a file names another.
        names: What a file may call it, the most exact first; see `names_of`.
        frame: Its number in its video, or None.
    """

    key: str
    group: str | None
    is_labeled: bool
    split: Split | None
    names: tuple[str | None, ...]
    frame: int | None = None


@dataclass(frozen=True, slots=True)
class DrawnSplit:
    """The split of some images.

    Attributes:
        splits: Key of every image -> its split.
        given: Keys of those that the user has sent to one split: by a file, or by a fraction of 0 or 1.
        rule: How those that had none were split, in words; None if all had one.
    """

    splits: Mapping[str, Split]
    given: frozenset[str]
    rule: str | None


def read_split_rule(text: str | Path, folders: Sequence[Path] = (Path(),)) -> SplitRule:
    """`video`, `frame`, or what a file says.

    Args:
        text: One of these words, or the name of a file.
        folders: Where a relative name may start, first choice first.

    Raises:
        LabelError: If it is no such word and no such file.
    """
    if text == "video":
        return "video"
    if text == "frame":
        return "frame"
    path = next((path for folder in folders if (path := folder / text).is_file()), None)
    if path is None:
        raise LabelError(f"'{text}' is no way to split: give video, frame, or a CSV file with the columns name,split")
    return read_split_file(path)


def apply_split_rule(
    items: Sequence[SplitItem], rule: SplitRule, val_fraction: float, elsewhere: KnownSplits | None = None
) -> DrawnSplit:
    """Split images: as a file says; the others keep their split; those that have none are drawn.

    Images with and without labeled animals are drawn apart, so that both splits have some to learn from. A frame that
    is there twice, here or elsewhere, is never drawn into both splits.

    Args:
        items: All images.
        rule: Whether the images of one video stay together (if all that there are are of one video, they cannot), or a
            file; what it does not name is drawn by video.
        val_fraction: Share of images for validation, from 0 (all train) to 1 (all validate).
        elsewhere: The splits of other label sets, which new images of their videos and frames follow, unless the
            fraction is 0 or 1.

    Raises:
        LabelError: If the fraction is outside [0, 1], or the file names none of the images.
    """
    said = {item.key: split for item in items if (split := rule.of(item.names))} if isinstance(rule, SplitFile) else {}
    if isinstance(rule, SplitFile) and items and not said:
        raise LabelError(
            f"{rule.path}: names none of these images, such as '{items[0].key}', nor their video or folder"
        )
    items = [item._replace(split=said.get(item.key, item.split)) for item in items]
    drawn = [item.key for item in items if not item.split]
    known = elsewhere if elsewhere and 0 < val_fraction < 1 else KnownSplits()
    splits, text = _draw(items, "frame" if rule == "frame" else "video", val_fraction, known)
    splits |= _as_their_twins(items, splits, known)
    if isinstance(rule, SplitFile):
        others = f"; {len(drawn)} that it does not name: {text}" if drawn else ""
        text = f"as {rule.path.name} says{others}"
    given = [*said, *(drawn if val_fraction in (0, 1) else ())]
    return DrawnSplit(splits, frozenset(given), text if drawn or said else None)


def _draw(
    items: Sequence[SplitItem], by: Literal["video", "frame"], val_fraction: float, elsewhere: KnownSplits
) -> tuple[dict[str, Split], str]:
    """The split of every image, and how those that had none were split, in words."""
    splits = {item.key: item.split for item in items if item.split}
    known, mixed = _known_videos(items)
    known = {group: split for group, split in elsewhere.whole_videos.items() if group not in mixed} | known
    mixed |= elsewhere.mixed_videos - known.keys()
    rule = _rule_that_fits(items, by, elsewhere, mixed)
    alone = [item for item in items if not item.split and (rule != BY_VIDEO or item.group in mixed)]
    for is_labeled in (True, False):
        keys = [item.key for item in alone if item.is_labeled is is_labeled]
        is_first = not any(item.split and item.is_labeled is is_labeled for item in items)
        splits |= split_by_image(keys, val_fraction, is_first=is_first)
    together = [item for item in items if item.group not in mixed and (item.split or item.key not in splits)]
    n_elsewhere = elsewhere.n_drawn if len({item.group for item in items}) == 1 else {}
    return splits | _split_groups(together, val_fraction, known, n_elsewhere), rule


def _rule_that_fits(
    items: Sequence[SplitItem], by: Literal["video", "frame"], elsewhere: KnownSplits, mixed: Collection[str | None]
) -> str:
    if by == "frame":
        return BY_FRAME
    if not any(item.group for item in items):
        return NO_VIDEOS
    if len({item.group for item in items}) > 1:
        return BY_VIDEO
    video = items[0].group
    if video in elsewhere.mixed_videos:
        return MIXED_VIDEO
    is_one_of_several = elsewhere.has_both and video not in mixed
    return BY_VIDEO if video in elsewhere.videos or is_one_of_several else ONE_VIDEO


def _as_their_twins(
    items: Sequence[SplitItem], splits: Mapping[str, Split], elsewhere: KnownSplits
) -> dict[str, Split]:
    """The split of each drawn image whose frame is there already: that of the first one that has it."""
    first: dict[tuple[str | None, int], Split] = {}
    twins: dict[str, Split] = {}
    for item in sorted(items, key=lambda item: not item.split):
        if item.group is None or item.frame is None:
            continue
        known = item.split or elsewhere.frames.get((item.group, item.frame), splits[item.key])
        found = first.setdefault((item.group, item.frame), known)
        twins[item.key] = item.split or found
    return twins


def _known_videos(items: Sequence[SplitItem]) -> tuple[dict[str, Split], set[str | None]]:
    """The videos whose images have one split, and those whose images have both."""
    known: dict[str, Split] = {}
    mixed: set[str | None] = set()
    for item in items:
        if item.split and known.setdefault(item.group or item.key, item.split) != item.split:
            mixed.add(item.group)
    return {group: split for group, split in known.items() if group not in mixed}, mixed


def _split_groups(
    items: Sequence[SplitItem], val_fraction: float, known: Mapping[str, Split], n_elsewhere: Mapping[Split, int]
) -> dict[str, Split]:
    """Whole videos into splits; those with a labeled animal first."""
    labeled = {item.group or item.key for item in items if item.is_labeled}
    splits: dict[str, Split] = {}
    for is_labeled in (True, False):
        videos = {item.key: group for item in items if ((group := item.group or item.key) in labeled) is is_labeled}
        splits |= split_by_video(videos, val_fraction, known, n_elsewhere)
    return splits
