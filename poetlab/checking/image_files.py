"""Image files that are missing, damaged, or of another size than when they were labeled."""

from collections.abc import Iterator

from poetlab.checking.finding import Finding, Place, Severity
from poetlab.checking.material import Material


def find_unusable_images(material: Material) -> Iterator[Finding]:
    """Find images that training could not read."""
    for (label_set, image), problem in material.unreadable.items():
        yield Finding(
            "images",
            Severity.ERROR,
            Place(label_set, image),
            problem,
            "put the original file back, or import the labels again",
        )
