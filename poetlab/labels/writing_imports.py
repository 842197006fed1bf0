"""Checked labels into the folder of a label set, new or there already, whole or not at all."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from poetlab.errors import LabelError
from poetlab.files import move_all, staging_folder, whole_folder
from poetlab.labels.check import CheckedImage, CheckedLabels
from poetlab.labels.known_splits import KnownSplits
from poetlab.labels.label_set import ANNOTATIONS, IMAGES, LabeledImage, LabelSet, Split, save_label_set
from poetlab.labels.merging import new_instances
from poetlab.labels.placing import place_image
from poetlab.labels.provenance import ImportStamp
from poetlab.labels.split import video_of
from poetlab.labels.split_file import names_of
from poetlab.labels.split_rule import DrawnSplit, SplitItem, SplitRule, apply_split_rule
from poetlab.labels.updating import Recognized, UpdateReport, merge_images, recognize_images

SplitRow = tuple[CheckedImage | LabeledImage, str, Split | None]
"""An image, its file name in the label set, and the split that it has."""


@dataclass(frozen=True, slots=True)
class ImportChoices:
    """How checked labels are to be written.

    Attributes:
        stamp: What to note of every instance.
        split_rule: How images without a split are split.
        val_fraction: Share of images for validation.
        split_elsewhere: The splits of the project's other label sets.
        link: Whether to link to image files instead of copying them.
        prune: Whether to remove images that the labels no longer have.
    """

    stamp: ImportStamp
    split_rule: SplitRule
    val_fraction: float
    split_elsewhere: KnownSplits
    link: bool
    prune: bool


@dataclass(frozen=True, slots=True, eq=False)
class WrittenImport:
    """What has been written.

    Attributes:
        label_set: The label set as it is now.
        split_rule: How images were split that had no split, in words; None if there were none.
        n_made: Number of images that were made: frames of videos, and images inside of the label file.
        update: What has changed, if the label set was there.
    """

    label_set: LabelSet
    split_rule: str | None
    n_made: int
    update: UpdateReport | None = None


def write_new(
    label_set: LabelSet, images: Sequence[CheckedImage], choices: ImportChoices, on_placed: Callable[[int], None]
) -> WrittenImport:
    """Write a new label set.

    Args:
        label_set: What it is called and where it lies; it has no images yet.
        images: Its images.
        choices: How to write them.
        on_placed: Called with the number of images that are done.

    Raises:
        LabelError: If something cannot be written. Nothing is left then.
    """
    drawn = draw_split(label_set.name, [(image, image.file_name, image.split) for image in images], choices)
    stamp = choices.stamp
    labeled = [image.labeled(image.file_name, new_instances(image.found, stamp), drawn, stamp) for image in images]
    label_set = replace(label_set, images=tuple(labeled))
    folder = label_set.images_dir.parent
    with explained(folder), whole_folder(folder) as partial:
        (partial / IMAGES).mkdir()
        for done, image in enumerate(images, start=1):
            place_image(image, partial / IMAGES, link=choices.link)
            on_placed(done)
        save_label_set(label_set, partial)
    n_made = sum(not isinstance(image.origin, Path) for image in images)
    return WrittenImport(label_set, drawn.rule, n_made)


def write_update(
    known: LabelSet, checked: CheckedLabels, choices: ImportChoices, on_placed: Callable[[int], None]
) -> WrittenImport:
    """Bring a label set to what its labels are now.

    New images get names that nothing refers to; then `annotations.json` is replaced at once, so that the label set is
    the old one or the new one, and never in between.

    Args:
        known: The label set.
        checked: What the labels have.
        choices: How to write them.
        on_placed: Called with the number of images that are done.

    Raises:
        LabelError: If none of the images is there already, or something cannot be written. All is as it was then.
    """
    folder = known.images_dir.parent
    with explained(folder), staging_folder(folder) as staging:
        (staging / IMAGES).mkdir()
        recognized, gone = recognize_images(
            known, checked.images, staging / IMAGES, link=choices.link, on_progress=on_placed
        )
        rows: list[SplitRow] = [(entry.image, entry.file_name, _split_before(entry)) for entry in recognized]
        rows += [] if choices.prune else [(image, image.file_name, image.split) for image in gone]
        drawn = draw_split(known.name, rows, choices)
        merged, report = merge_images(known, recognized, gone, drawn, choices.stamp, checked.told, prune=choices.prune)
        is_new = report.n_added or report.n_changed
        area_rule = joined_rules(known.area_rule, checked.area_rule) if is_new else known.area_rule
        label_set = replace(known, images=merged, area_rule=area_rule)
        save_label_set(label_set, staging)
        moves = [(entry.staged, known.images_dir / entry.file_name) for entry in recognized if entry.staged]
        move_all(moves, (staging / ANNOTATIONS, folder / ANNOTATIONS))
    _remove_unused(known, label_set)
    n_made = sum(entry.staged is not None and not isinstance(entry.image.origin, Path) for entry in recognized)
    return WrittenImport(label_set, drawn.rule, n_made, report)


def draw_split(name: str, rows: Sequence[SplitRow], choices: ImportChoices) -> DrawnSplit:
    """The split of images."""
    items = [
        SplitItem(
            key=file_name,
            group=video_of(file_name, image.video),
            is_labeled=any(instance.n_labeled for instance in image.instances),
            split=split,
            names=names_of(name, file_name, image.video),
            frame=image.frame if image.video else None,
        )
        for image, file_name, split in rows
    ]
    return apply_split_rule(items, choices.split_rule, choices.val_fraction, choices.split_elsewhere)


def _split_before(entry: Recognized) -> Split | None:
    """The split that the source gives an image, else the one that it has in the project."""
    return entry.image.split or (entry.known.split if entry.known else None)


def joined_rules(known: str, now: str) -> str:
    """How areas were obtained, in words."""
    return known if now in known else f"{known}; where changed: {now}"


def _remove_unused(before: LabelSet, after: LabelSet) -> None:
    """Remove the files of images that the label set no longer has; one that cannot be removed does no harm."""
    used = {image.file_name for image in after.images}
    for image in before.images:
        if image.file_name not in used:
            with contextlib.suppress(OSError):
                before.image_path(image).unlink()


@contextlib.contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Say in one line what cannot be written."""
    try:
        yield
    except OSError as error:
        reason = f"{error.strerror}: {error.filename or folder}"
        raise LabelError(f"{folder}: cannot be written ({reason}); nothing was imported") from error
