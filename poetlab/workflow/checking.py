"""`check_labels`: a project's labels looked through for mistakes."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from poetlab.checking.accepting import ACCEPTED, describe, finding_ids, read_accepted, write_accepted
from poetlab.checking.checks import CHECKS, run_checks
from poetlab.checking.finding import Finding
from poetlab.checking.remarks import remarks_on
from poetlab.checking.report import CheckReport, write_report
from poetlab.checking.sheet import draw_sheet
from poetlab.errors import LabelError, ProjectError
from poetlab.project import Project

_NAME = "check"

_ALL = "all"
"""What to accept if it is every finding."""


def check_labels(
    project: Project,
    names: Sequence[str] = (),
    *,
    skip: Collection[str] = (),
    accept: Collection[str] = (),
    read_images: bool = True,
    min_images: int = 10,
    n_pictures: int = 24,
    output: str | Path | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> CheckReport:
    """Look for mistakes in labels, and write what is found as JSON and the worst of it as a picture sheet.

    Args:
        project: The project.
        names: Label sets to check; none for all.
        skip: Checks to leave out, by their names in `poetlab.checking.checks.CHECKS`.
        accept: Findings that are right, by the ids that a report gives them, or `all`. They are listed in
            `check_accepted.yaml` in the project's `labels`, and not reported any more.
        read_images: Whether to read every image once, to find those that repeat others or cannot be read.
        min_images: In how many images a keypoint shall be labeled.
        n_pictures: Most findings on the picture sheet; 0 for no sheet.
        output: Folder for `check.json` and `check.png`, where they replace older ones; None for the project's `labels`.
        on_progress: Called with images read and in all.

    Returns:
        What was found.

    Raises:
        ProjectError: If there are no labels, no label set of a name, or if a file cannot be written.
        LabelError: If labels or the list of accepted findings cannot be read, there is no such check or finding, or a
            number makes no sense.
    """
    if unknown := [name for name in skip if name not in CHECKS]:
        raise LabelError(f"no check '{unknown[0]}'; there are {', '.join(CHECKS)}")
    if min_images < 1 or n_pictures < 0:
        raise LabelError(f"{min_images} images and {n_pictures} pictures; give at least 1 image and 0 pictures")
    label_sets = [project.label_set(name) for name in dict.fromkeys(names)] if names else project.label_sets()
    folder = Path(output) if output is not None else project.labels_dir
    checks = tuple(name for name in CHECKS if name not in skip)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        findings = run_checks(
            label_sets, names=checks, read_images=read_images, min_images=min_images, on_progress=on_progress
        )
        ids = finding_ids(findings, label_sets)
        accepted = _accept(project, dict(zip(ids, findings, strict=True)), accept)
        reported = {name: finding for name, finding in zip(ids, findings, strict=True) if name not in accepted}
        sheet = folder / f"{_NAME}.png"
        drawn = [finding for finding in reported.values() if finding.place.image][:n_pictures]
        n_drawn = draw_sheet(drawn, label_sets, sheet)
        if not n_drawn:
            sheet.unlink(missing_ok=True)  # an older one would be wrong
        report = CheckReport(
            label_sets=tuple(label_set.name for label_set in label_sets),
            n_images=sum(label_set.n_images for label_set in label_sets),
            n_animals=sum(label_set.n_labeled_instances for label_set in label_sets),
            checks=checks,
            read_images=read_images,
            remarks=tuple(remarks_on(label_sets, checks, read_images=read_images)),
            findings=tuple(reported.values()),
            ids=tuple(reported),
            n_accepted=len(findings) - len(reported),
            path=folder / f"{_NAME}.json",
            sheet=sheet if n_drawn else None,
        )
        write_report(report)
    except OSError as error:
        place = error.filename or folder
        raise ProjectError(
            f"{place}: cannot be written ({error.strerror}); is the folder read-only or full?"
        ) from error
    return report


def _accept(project: Project, found: Mapping[str, Finding], names: Collection[str]) -> Collection[str]:
    """The ids of all accepted findings, after adding some."""
    path = project.labels_dir / ACCEPTED
    accepted = read_accepted(path)
    added = [name for name in (found if _ALL in names else names) if name not in accepted]
    if unknown := [name for name in added if name not in found]:
        raise LabelError(
            f"no finding '{unknown[0]}' in these labels; poetlab check shows the id of each behind its place"
        )
    if added:
        accepted |= {name: describe(found[name]) for name in added}
        write_accepted(path, accepted)
    return accepted
