"""The same frame in training and in validation, which makes every figure of an evaluation too good."""

from collections.abc import Iterator

from poetlab.checking.copies import Likeness
from poetlab.checking.duplicates import first_place_of, named_first, place_of
from poetlab.checking.finding import Finding, Severity
from poetlab.checking.material import Material


def find_leaks(material: Material) -> Iterator[Finding]:
    """Find images of which one trains and the other validates."""
    for copy in material.copies:
        if not copy.leaks:
            continue
        near = copy.likeness is Likeness.NEAR
        yield Finding(
            "leaks",
            Severity.WARNING if near else Severity.ERROR,
            place_of(copy),
            f"this image ({copy.image.split}) and {named_first(copy)} ({copy.first.split}) {copy.likeness.value}",
            "give both the same split in annotations.json, or remove one",
            badness=1.0 if near else 2.0,
            other=first_place_of(copy),
        )
