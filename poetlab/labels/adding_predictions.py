"""Predictions into a label set, where they wait for a person who corrects or confirms them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from poetlab.files import move_all, staging_folder
from poetlab.labels.check import CheckedImage, CheckedLabels
from poetlab.labels.label_set import ANNOTATIONS, IMAGES, LabeledImage, LabelSet, save_label_set
from poetlab.labels.merging import new_instances
from poetlab.labels.placing import place_image
from poetlab.labels.same_images import KnownImages
from poetlab.labels.updating import free_name
from poetlab.labels.writing_imports import ImportChoices, SplitRow, draw_split, explained, joined_rules, write_new


@dataclass(frozen=True, slots=True, eq=False)
class AddedPredictions:
    """What became of predictions.

    Attributes:
        label_set: The label set as it is now.
        file_names: The images of the predictions in it.
        n_added: Images that are new.
        n_renewed: Images whose predictions are replaced, because nobody had confirmed them.
        n_kept: Images that a person has labeled, which stay as they are.
    """

    label_set: LabelSet
    file_names: tuple[str, ...]
    n_added: int
    n_renewed: int
    n_kept: int


def add_predictions(
    label_set: LabelSet, checked: CheckedLabels, choices: ImportChoices, on_placed: Callable[[int], None]
) -> AddedPredictions:
    """Add images with predictions to a label set, new or there already.

    What a person has labeled, or has only touched, stays as it is.

    Args:
        label_set: The label set; one without images is new.
        checked: The images with their predictions.
        choices: How to write them.
        on_placed: Called with the number of images that are done.

    Raises:
        LabelError: If something cannot be written. All is as it was then.
    """
    if not label_set.images:
        written = write_new(label_set, checked.images, choices, on_placed)
        names = tuple(image.file_name for image in written.label_set.images)
        return AddedPredictions(written.label_set, names, len(names), 0, 0)
    folder = label_set.images_dir.parent
    with explained(folder), staging_folder(folder) as staging:
        (staging / IMAGES).mkdir()
        entries = _recognize(label_set, checked.images, staging / IMAGES, on_placed)
        area_rule = joined_rules(label_set.area_rule, checked.area_rule)
        added = _merge(replace(label_set, area_rule=area_rule), entries, choices)
        save_label_set(added.label_set, staging)
        moves = [(entry.file, label_set.images_dir / entry.name) for entry in entries if entry.known is None]
        move_all(moves, (staging / ANNOTATIONS, folder / ANNOTATIONS))
    return added


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    """An image with predictions.

    Attributes:
        image: The image.
        known: The image as the label set has it, or None if it is new.
        name: What it is called in the label set.
        file: Its file.
    """

    image: CheckedImage
    known: LabeledImage | None
    name: str
    file: Path


def _recognize(
    label_set: LabelSet, images: Sequence[CheckedImage], staging: Path, on_placed: Callable[[int], None]
) -> list[_Entry]:
    there = KnownImages(label_set)
    used = {image.file_name for image in label_set.images}
    entries = []
    for done, image in enumerate(images, start=1):
        file = place_image(image, staging, link=False)
        known = there.recognize_by_name(file, image.file_name, image.video, image.frame)
        name = known.file_name if known else free_name(image.file_name, used)
        used.add(name)
        entries.append(_Entry(image, known, name, file))
        on_placed(done)
    return entries


def _merge(label_set: LabelSet, entries: Sequence[_Entry], choices: ImportChoices) -> AddedPredictions:
    new = [entry for entry in entries if entry.known is None]
    rows: list[SplitRow] = [(entry.image, entry.name, None) for entry in new]
    rows += [(image, image.file_name, image.split) for image in label_set.images]
    drawn = draw_split(label_set.name, rows, choices)
    images = {image.file_name: image for image in label_set.images}
    n_renewed = 0
    for entry in entries:
        instances = new_instances(entry.image.found, choices.stamp)
        if entry.known is None:
            images[entry.name] = entry.image.labeled(entry.name, instances, drawn, choices.stamp)
        elif _is_untouched(entry.known):
            images[entry.name] = replace(entry.known, instances=instances, is_found_empty=not instances)
            n_renewed += 1
    return AddedPredictions(
        label_set=replace(label_set, images=tuple(images.values())),
        file_names=tuple(entry.name for entry in entries),
        n_added=len(new),
        n_renewed=n_renewed,
        n_kept=len(entries) - len(new) - n_renewed,
    )


def _is_untouched(image: LabeledImage) -> bool:
    """Whether all that is known of an image's animals are predictions that nobody has confirmed."""
    return image.is_found_empty or (
        bool(image.instances) and all(instance.is_unconfirmed for instance in image.instances)
    )
