"""Labels that the project has already, imported again: what is new and what has changed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path, PurePosixPath

from poetlab.errors import LabelError
from poetlab.labels.check import CheckedImage
from poetlab.labels.label_set import LabeledImage, LabelSet
from poetlab.labels.merging import Told, merge_instances
from poetlab.labels.placing import place_image
from poetlab.labels.provenance import ImportStamp
from poetlab.labels.same_images import KnownImages
from poetlab.labels.split_rule import DrawnSplit


@dataclass(frozen=True, slots=True)
class UpdateReport:
    """What an import has changed in a label set that was there.

    Attributes:
        n_added: Images that are new.
        n_changed: Images that were there, and whose labels have changed.
        n_unchanged: Images that were there, with the same labels.
        n_replaced: Of the changed ones, images that show something else now under the same name.
        n_gone: Images that were there and that the labels no longer have.
        gone_are_removed: Whether these were removed; otherwise they are kept with their labels.
    """

    n_added: int
    n_changed: int
    n_unchanged: int
    n_replaced: int
    n_gone: int
    gone_are_removed: bool


@dataclass(frozen=True, slots=True, eq=False)
class Recognized:
    """An image of the labels, and what the project has of it.

    Attributes:
        image: The image as the labels have it.
        known: The image as the project has it, or None if it is new.
        file_name: What it is called in the label set from now on.
        staged: Its file, if that has yet to go into the label set; else None.
    """

    image: CheckedImage
    known: LabeledImage | None
    file_name: str
    staged: Path | None

    @property
    def is_replaced(self) -> bool:
        """Whether the image that was there under this name showed something else."""
        return self.known is not None and self.file_name != self.known.file_name


def recognize_images(
    known: LabelSet,
    images: Sequence[CheckedImage],
    staging: Path,
    *,
    link: bool,
    on_progress: Callable[[int], None],
) -> tuple[list[Recognized], tuple[LabeledImage, ...]]:
    """Find out which images are there already, and put the files of the others into `staging`.

    An image is the same if it shows the same under the same file name or as the same frame of the same video, or if it
    has exactly the same pixels under another name.

    Args:
        known: What is there.
        images: What the labels have.
        staging: A folder for files.
        link: Whether to link to files instead of copying them.
        on_progress: Called with the number of images that are done.

    Returns:
        The images in their order, and those of the label set that the labels do not have.

    Raises:
        LabelError: If none is the same, because then these are labels of something else; or if an image cannot be made.
        OSError: If one cannot be read or written.
    """
    there = KnownImages(known)
    files = []
    same: list[LabeledImage | None] = []
    for done, image in enumerate(images, start=1):
        file = image.origin if isinstance(image.origin, Path) else place_image(image, staging, link=False)
        same.append(there.recognize_by_name(file, image.file_name, image.video, image.frame))
        files.append(file)
        on_progress(done)
    same = [found or there.recognize_by_content(file) for found, file in zip(same, files, strict=True)]
    if not any(same):
        raise LabelError(_nothing_in_common(known, images, there))
    names = {image.file_name for image in known.images}
    recognized = []
    for image, found in zip(images, same, strict=True):
        clash = None if found else there.take_named(image.file_name, image.video, image.frame)
        name = found.file_name if found else free_name(image.file_name, names)
        names.add(name)
        is_there = found is not None and known.image_path(found).is_file()
        staged = None if is_there else staging / image.file_name
        if staged is not None and isinstance(image.origin, Path):
            place_image(image, staging, link=link)
        recognized.append(Recognized(image, found or clash, name, staged))
    return recognized, there.left


def merge_images(
    known: LabelSet,
    recognized: Sequence[Recognized],
    gone: Sequence[LabeledImage],
    drawn: DrawnSplit,
    stamp: ImportStamp,
    told: Told,
    *,
    prune: bool,
) -> tuple[tuple[LabeledImage, ...], UpdateReport]:
    """The images of a label set after an import: those that were there, in their order, then the new ones.

    Args:
        known: What was there.
        recognized: What the labels have.
        gone: What they no longer have.
        drawn: The split of each image, by its new file name.
        stamp: What to note of the instances.
        told: What the labels can tell of an animal.
        prune: Whether images that are gone are removed.
    """
    images = {image.file_name: image for image in known.images}
    for image in gone if prune else ():
        del images[image.file_name]
    used_ids = {image.id for image in known.images}
    added = []
    n_changed = 0
    for entry in recognized:
        before = entry.known.instances if entry.known else ()
        found, told_here = entry.image.found, replace(told, size=entry.image.size)
        instances, is_changed = merge_instances(before, found, stamp, told_here, entry.image.untouched)
        labeled = entry.image.labeled(entry.file_name, instances, drawn, stamp)
        if entry.known is None:
            added.append(replace(labeled, id=None if labeled.id in used_ids else labeled.id))
            used_ids.add(labeled.id)
        else:
            updated = _updated(entry, entry.known, labeled, stamp)
            n_changed += (
                is_changed
                or entry.is_replaced
                or (updated.split, updated.is_found_empty) != (entry.known.split, entry.known.is_found_empty)
            )
            images[entry.known.file_name] = updated
    report = UpdateReport(
        n_added=len(added),
        n_changed=n_changed,
        n_unchanged=len(recognized) - len(added) - n_changed,
        n_replaced=sum(entry.is_replaced for entry in recognized),
        n_gone=len(gone),
        gone_are_removed=prune,
    )
    return (*images.values(), *added), report


def _updated(entry: Recognized, known: LabeledImage, labeled: LabeledImage, stamp: ImportStamp) -> LabeledImage:
    """An image as its labels have it now; what is known of its picture stays, and what they do not say of it."""
    first, second = (labeled, known) if entry.is_replaced else (known, labeled)
    emptied_by = entry.image.emptied_by
    may_be_empty = known.is_found_empty or (emptied_by == "model" and known.is_unconfirmed)
    is_confirmed = stamp.is_confirmed or emptied_by == "human" or bool(labeled.instances)
    return replace(
        labeled,
        id=known.id,
        video=second.video if first.video is None else first.video,
        frame=second.frame if first.frame is None else first.frame,
        is_split_given=known.is_split_given or labeled.is_split_given,
        is_found_empty=may_be_empty and not is_confirmed,
    )


def free_name(name: str, used: set[str]) -> str:
    """`name`, or if that is used, the name with the first number behind it that makes it free."""
    path = PurePosixPath(name)
    names = (str(path.with_stem(f"{path.stem}_{number}")) for number in count(2))
    return name if name not in used else next(free for free in names if free not in used)


def _nothing_in_common(known: LabelSet, images: Sequence[CheckedImage], there: KnownImages) -> str:
    clashes = [image.file_name for image in images if there.named(image.file_name, image.video, image.frame)]
    what = "neither by name nor by content"
    if clashes:
        what = f"{len(clashes)} have the name of one, such as {clashes[0]}, but show something else"
    return (
        f"{known.images_dir.parent} exists, and none of its {known.n_images} images is among these "
        f"({what}); give these labels another --name, or delete that "
        "folder to start anew"
    )
