"""What a check finds: what is wrong, where, how bad it is, and what to do."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import zip_longest
from typing import Any


class Severity(StrEnum):
    """How sure it is that something must be corrected.

    An error cannot be right, whatever the animals do. A warning is very unlike the other labels, and should be looked
    at. A note costs nothing but is good to know.
    """

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """0 for the most severe."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is.

    Attributes:
        label_set: Name of the label set; None where all of them together are meant.
        image: File name below the label set's images folder, or None where no one image is meant.
        instance: Number of the animal in its image, counted from 0 in the order of `annotations.json`, or None.
        individual: The animal's name, where it has one.
        keypoints: Names of the keypoints that are meant; none where it is the whole animal or image.
    """

    label_set: str | None = None
    image: str | None = None
    instance: int | None = None
    individual: str | None = None
    keypoints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that may be wrong with labels.

    Attributes:
        check: Name of the check in `checks.CHECKS`.
        severity: How sure it is.
        place: Where.
        what: What is wrong, in words.
        advice: What to do.
        badness: How many times as bad as what is just reported; 1 or more. It compares findings of one check.
        other: The second place where it takes two: the image that another one repeats.
    """

    check: str
    severity: Severity
    place: Place
    what: str
    advice: str
    badness: float = 1.0
    other: Place | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it; what does not apply is left out."""
        content = {**asdict(self), "severity": self.severity.value, "badness": round(self.badness, 2)}
        for key in ("place", "other"):
            if content[key]:
                content[key] = {name: value for name, value in content[key].items() if value not in (None, ())}
        return {key: value for key, value in content.items() if value is not None}


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Findings by severity; within one, the worst of each check, then the second of each, and so on.

    So no check hides the others, however much it finds.
    """
    by_check: dict[tuple[int, str], list[Finding]] = {}
    for finding in findings:
        by_check.setdefault((finding.severity.rank, finding.check), []).append(finding)
    ordered = []
    for severity in Severity:
        groups = [group for (rank, _), group in by_check.items() if rank == severity.rank]
        ranked = (sorted(group, key=lambda finding: -finding.badness) for group in groups)
        ordered += [finding for row in zip_longest(*ranked) for finding in row if finding is not None]
    return ordered
