"""What a writer of a format gets: a label set, and where its images and files shall lie."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path, PurePosixPath

from poetlab.labels.label_set import IMAGES, LabeledImage, LabelSet


@dataclass(frozen=True, slots=True, eq=False)
class ExportFolder:
    """A folder to fill; the images are there already.

    Attributes:
        label_set: What to write.
        places: Where each image lies below the folder, with `/` between folders.
        path: The folder to write to.
        home: What the folder will be called when it is whole: for tools that want absolute paths.
    """

    label_set: LabelSet
    places: Sequence[str]
    path: Path
    home: Path

    @property
    def rows(self) -> Iterator[tuple[LabeledImage, str]]:
        """Each image and its place."""
        return zip(self.label_set.images, self.places, strict=True)


def below_images(label_set: LabelSet) -> list[str]:
    """Every image in `images/`, under its own name."""
    return [f"{IMAGES}/{image.file_name}" for image in label_set.images]


def unlike(name: str, used: set[str], *, by_stem: bool = False) -> str:
    """`name`, or if another has that, the name with the first number behind it that no other has.

    Args:
        name: A file name.
        used: What others have; gets what this one has now. Capitals make no difference, as on many disks.
        by_stem: Whether names must differ in more than their suffixes.
    """
    path = PurePosixPath(name)
    candidates = chain([path], (path.with_stem(f"{path.stem}_{number}") for number in count(2)))
    keys = ((one, str(one.with_suffix("") if by_stem else one).casefold()) for one in candidates)
    free, key = next((one, key) for one, key in keys if key not in used)
    used.add(key)
    return str(free)
