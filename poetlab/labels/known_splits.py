"""What the other label sets of a project say of how videos and frames are split."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from poetlab.labels.label_set import LabelSet, Split
from poetlab.labels.split import group_of


@dataclass(frozen=True, slots=True)
class KnownSplits:
    """The splits of images that are not to be split.

    Attributes:
        videos: Video (`split.group_of`) -> the split of all its frames; None where some train and some validate.
        frames: Video and number of a frame -> its split.
        n_drawn: Split -> number of images that poetlab has sent there, and not their source or the user.
    """

    videos: Mapping[str, Split | None] = field(default_factory=dict)
    frames: Mapping[tuple[str, int], Split] = field(default_factory=dict)
    n_drawn: Mapping[Split, int] = field(default_factory=dict)

    @property
    def whole_videos(self) -> dict[str, Split]:
        """Videos whose frames are all in one split -> that split."""
        return {video: split for video, split in self.videos.items() if split}

    @property
    def mixed_videos(self) -> set[str]:
        """Videos of which some frames train and some validate."""
        return {video for video, split in self.videos.items() if not split}

    @property
    def has_both(self) -> bool:
        """Whether poetlab has drawn images for training and for validation."""
        return bool(self.n_drawn.get("train") and self.n_drawn.get("val"))


def known_splits(label_sets: Iterable[LabelSet]) -> KnownSplits:
    """The splits of all images of some label sets."""
    videos: dict[str, Split | None] = {}
    frames: dict[tuple[str, int], Split] = {}
    n_drawn: dict[Split, int] = {"train": 0, "val": 0}
    for image in (image for label_set in label_sets for image in label_set.images):
        n_drawn[image.split] += not image.is_split_given
        if image.video is None:
            continue
        video = group_of(image.video)
        if videos.setdefault(video, image.split) != image.split:
            videos[video] = None
        if image.frame is not None:
            frames.setdefault((video, image.frame), image.split)
    return KnownSplits(videos, frames, n_drawn)
