"""The same frame more than once among the images of one split."""

from collections.abc import Iterator

from poetlab.checking.agreement import labels_agree
from poetlab.checking.copies import Copy, Likeness
from poetlab.checking.finding import Finding, Place, Severity
from poetlab.checking.material import Material


def find_duplicates(material: Material) -> Iterator[Finding]:
    """Find images that repeat another one of the same split: they count twice, and may be labeled in two ways."""
    for copy in material.copies:
        if copy.leaks:
            continue
        near = copy.likeness is Likeness.NEAR
        differ = not near and bool(copy.image.instances or copy.first.instances)
        differ = differ and not labels_agree(copy.first, copy.image)
        yield Finding(
            "duplicates",
            Severity.NOTE if near else Severity.WARNING,
            place_of(copy),
            f"this image and {named_first(copy)} {copy.likeness.value}"
            + (", but are labeled differently" if differ else ""),
            "label another frame instead" if near else "keep one of them, with the better labels",
            badness=2.0 if differ else 1.0,
            other=first_place_of(copy),
        )


def place_of(copy: Copy) -> Place:
    """Where the image is that repeats another one."""
    return Place(copy.label_set.name, copy.image.file_name)


def first_place_of(copy: Copy) -> Place:
    """Where the image is that it repeats."""
    return Place(copy.first_label_set.name, copy.first.file_name)


def named_first(copy: Copy) -> str:
    """The image that is repeated, with its label set if that is another one."""
    if copy.first_label_set.name == copy.label_set.name:
        return copy.first.file_name
    return f"{copy.first_label_set.name}/{copy.first.file_name}"
