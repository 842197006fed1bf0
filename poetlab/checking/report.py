"""What checks have found, in all: as figures, and as JSON."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import poetlab
from poetlab.checking.finding import Finding, Severity
from poetlab.files import whole_file


@dataclass(frozen=True)
class CheckReport:
    """What `check_labels` found.

    Attributes:
        label_sets: Names of the label sets.
        n_images: How many images they have.
        n_animals: How many animals with labeled keypoints.
        checks: Names of the checks that were done.
        read_images: Whether the images were read.
        remarks: What could not be judged, and why.
        findings: What was found, the worst first, but for what was accepted.
        ids: The name of each, by which it can be accepted.
        n_accepted: How many findings were left out, because they are accepted.
        path: The JSON file with all of it.
        sheet: The picture sheet of the worst findings; None where none has a picture.
    """

    label_sets: tuple[str, ...]
    n_images: int
    n_animals: int
    checks: tuple[str, ...]
    read_images: bool
    remarks: tuple[str, ...]
    findings: tuple[Finding, ...]
    ids: tuple[str, ...]
    n_accepted: int
    path: Path
    sheet: Path | None

    def counts(self) -> Mapping[str, Counter[Severity]]:
        """How many findings of each severity each check has, in the order of the checks."""
        counts: dict[str, Counter[Severity]] = {name: Counter() for name in self.checks}
        for finding in self.findings:
            counts[finding.check][finding.severity] += 1
        return counts

    def n_at_least(self, severity: Severity) -> int:
        """How many findings are of this severity or a higher one."""
        return sum(finding.severity.rank <= severity.rank for finding in self.findings)


def write_report(report: CheckReport) -> None:
    """Write a report's JSON file, one line a finding.

    Raises:
        OSError: If it cannot be written; what stood there before is then still there.
    """
    with whole_file(report.path) as partial, partial.open("w", encoding="utf-8") as file:
        file.writelines(_json_lines(report))


def _json_lines(report: CheckReport) -> Iterator[str]:
    head: dict[str, Any] = {
        "poetlab": poetlab.__version__,
        "label_sets": report.label_sets,
        "n_images": report.n_images,
        "n_animals": report.n_animals,
        "read_images": report.read_images,
        "n_accepted": report.n_accepted,
        "remarks": report.remarks,
    }
    counts = {
        name: {severity.value: count[severity] for severity in Severity} for name, count in report.counts().items()
    }
    yield json.dumps(head, indent=2).removesuffix("\n}")
    yield f',\n  "counts": {{{_joined(f"{json.dumps(name)}: {json.dumps(count)}" for name, count in counts.items())}}}'
    yield f',\n  "findings": [{_joined(_finding_lines(report))}]\n}}\n'


def _finding_lines(report: CheckReport) -> Iterator[str]:
    pairs = zip(report.ids, report.findings, strict=True)
    return (json.dumps({"id": name} | finding.to_dict()) for name, finding in pairs)


def _joined(entries: Iterator[str]) -> str:
    """Entries of a list or mapping, one a line."""
    lines = ",".join(f"\n    {entry}" for entry in entries)
    return f"{lines}\n  " if lines else ""
