"""Label sets of a project split anew, or as a file says."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from poetlab.labels.label_set import LabeledImage, LabelSet, Split
from poetlab.labels.split import group_of
from poetlab.labels.split_file import SplitFile, names_of
from poetlab.labels.split_rule import SplitItem, SplitRule, apply_split_rule


def split_label_sets(
    label_sets: Sequence[LabelSet], rule: SplitRule, val_fraction: float, earlier: SplitFile | None = None
) -> tuple[tuple[LabelSet, ...], str | None]:
    """Split the images of label sets, without regard to how they were split at their import.

    Images that a source or the user has sent to one split stay there, unless a file names another; where `rule` is a
    file, all that it does not name stay.

    Args:
        label_sets: The label sets of a project.
        rule: By video (also across label sets), by frame, or as a file says.
        val_fraction: Share of images for validation.
        earlier: An earlier result of the same rule; its images stay where they are.

    Returns:
        The label sets, and how they were split, in words.

    Raises:
        LabelError: If the rule is a file that names what is not there.
    """
    if isinstance(rule, SplitFile):
        rule.refuse_unknown(
            name for label_set in label_sets for image in label_set.images for name in _names(label_set, image)
        )
    items = [
        SplitItem(
            key=image_name(label_set, image),
            group=_group(label_set, image),
            is_labeled=any(instance.n_labeled for instance in image.instances),
            split=_split_to_keep(label_set, image, rule, earlier),
            names=_names(label_set, image),
            frame=image.frame if image.video else None,
        )
        for label_set in label_sets
        for image in label_set.images
    ]
    drawn = apply_split_rule(items, rule, val_fraction)
    return tuple(_with_splits(label_set, drawn.splits) for label_set in label_sets), drawn.rule


def restore_splits(label_sets: Sequence[LabelSet], file: SplitFile) -> tuple[LabelSet, ...]:
    """Label sets with the split that a file of `split_rows` has for each image; others keep theirs."""
    return tuple(_with_splits(label_set, file.splits) for label_set in label_sets)


def split_rows(label_sets: Sequence[LabelSet]) -> Iterator[tuple[str, Split]]:
    """The split of every image, for a file."""
    return ((image_name(label_set, image), image.split) for label_set in label_sets for image in label_set.images)


def image_name(label_set: LabelSet, image: LabeledImage) -> str:
    """What a split file calls an image of a project."""
    return f"{label_set.name}/{image.file_name}"


def _with_splits(label_set: LabelSet, splits: Mapping[str, Split]) -> LabelSet:
    images = (replace(image, split=splits.get(image_name(label_set, image), image.split)) for image in label_set.images)
    return replace(label_set, images=tuple(images))


def _names(label_set: LabelSet, image: LabeledImage) -> tuple[str | None, ...]:
    return names_of(label_set.name, image.file_name, image.video)


def _group(label_set: LabelSet, image: LabeledImage) -> str | None:
    """The image's video, which other label sets may have frames of, or its folder, which is this label set's own."""
    folder = image.file_name.rpartition("/")[0]
    return group_of(image.video) if image.video else (f"{label_set.name}/{folder}" if folder else None)


def _split_to_keep(
    label_set: LabelSet, image: LabeledImage, rule: SplitRule, earlier: SplitFile | None
) -> Split | None:
    if image.is_split_given or isinstance(rule, SplitFile):
        return image.split
    return earlier.splits.get(image_name(label_set, image)) if earlier else None
