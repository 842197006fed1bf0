"""What a file of any format holds, before it is checked: the hand-over from a format's reader to `check`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from poetlab.labels.image_files import ImageFile
from poetlab.labels.label_set import BBox, Segmentation, Split
from poetlab.labels.provenance import Maker, Provenance
from poetlab.skeleton import Skeleton

N_EXAMPLES = 3


class LeftOut:
    """Counts what an import leaves out, by reason, with a few examples."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._examples: dict[str, list[str]] = {}

    def add(self, reason: str, example: str, count: int = 1) -> None:
        """Count `count` things left out for `reason`; `example` names the file or label."""
        if count == 0:
            return
        self._counts[reason] = self._counts.get(reason, 0) + count
        examples = self._examples.setdefault(reason, [])
        if len(examples) < N_EXAMPLES and example not in examples:
            examples.append(example)

    def summary(self) -> dict[str, tuple[int, tuple[str, ...]]]:
        """Reason -> (how many, up to three examples), in the order in which the reasons first came up."""
        return {reason: (count, tuple(self._examples[reason])) for reason, count in self._counts.items()}


@dataclass(slots=True, eq=False)
class SourceInstance:
    """One animal as its source has it; `check` completes it to a `LabeledInstance`.

    Attributes:
        keypoints: (k, 3) x, y, visibility (0, 1, 2) in the order of the source's skeleton. Where the visibility
            is 0, x and y mean nothing; where it is not, they may still lie outside the image or not be numbers.
        bbox: x, y, width, height in pixels, or None where the source has none.
        area: Square pixels, or None where the source has none.
        is_crowd: Whether it outlines a group of animals.
        segmentation: COCO polygons or run lengths, or None.
        individual: The animal's name, such as that of its track, or None.
        provenance: Who placed its points, where the source says so, with the score of a prediction: `human` if a person
            has placed or confirmed it in the tool, `model` if it is a prediction that nobody has; None where the source
            does not say. The import adds tool, file and time, and finds out what is `corrected`.
    """

    keypoints: np.ndarray
    bbox: BBox | None = None
    area: float | None = None
    is_crowd: bool = False
    segmentation: Segmentation | None = None
    individual: str | None = None
    provenance: Provenance | None = None


class ImageOrigin(Protocol):
    """Where an image comes from that is no file yet: a frame of a video, or bytes in the label file."""

    def inspect(self) -> ImageFile:
        """What can be known of the image before it is made."""

    def write(self, path: Path) -> None:
        """Make the image's file."""


@dataclass(slots=True, eq=False)
class SourceImage:
    """One image as its source has it; several entries of one file name are merged by `check`.

    Attributes:
        file_name: The name as written in the source, not yet trusted.
        size: (height, width) in pixels, or None where the source has none.
        instances: Its animals.
        id: Its number in the source, or None where it has none.
        origin: What makes its file at import; None where there is a file of that name to copy or link.
        video: The name of the video that it is a frame of, or None.
        frame: The number of the frame in that video, counted from 0, or None.
        split: What the source has it for, or None where it does not say.
        other_names: What its file may also be called, the likeliest first; not trusted either.
        emptied_by: Who says that there is no animal in it, where there is none; None where the source does not say.
        untouched: Predictions in the source that no person has looked at. They are no labels; they tell that a
            prediction that the project knows was not deleted.
    """

    file_name: str
    size: tuple[int, int] | None = None
    instances: list[SourceInstance] = field(default_factory=list)
    id: int | None = None
    origin: ImageOrigin | None = None
    video: str | None = None
    frame: int | None = None
    split: Split | None = None
    other_names: tuple[str, ...] = ()
    emptied_by: Maker | None = None
    untouched: list[SourceInstance] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class SourceLabels:
    """All that a reader of one format found.

    Attributes:
        skeleton: The source's own skeleton; its order is the order of the instances' keypoints.
        images: The images in the order of the source. `check` empties the list to save memory.
        area_rule: What the areas that the source gives measure, in words.
        left_out: What the reader could not use.
        folders: Where the images lie by the source's own account.
    """

    skeleton: Skeleton
    images: list[SourceImage]
    area_rule: str
    left_out: LeftOut
    folders: tuple[Path, ...] = ()
