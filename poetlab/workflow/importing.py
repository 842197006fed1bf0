"""`import_labels`: labels of any known format into a project."""

import shutil
from collections.abc import Callable
from pathlib import Path

from poetlab.errors import ProjectError
from poetlab.labels.importing import import_labels as import_label_files
from poetlab.labels.report import ImportReport
from poetlab.project import Project


def import_labels(
    project: Project,
    source: str | Path,
    *,
    label_format: str | None = None,
    images: str | Path | None = None,
    name: str | None = None,
    link: bool = False,
    val_fraction: float = 0.2,
    on_progress: Callable[[int, int], None] | None = None,
) -> ImportReport:
    """Bring labels and their images into a project; the first import sets the skeleton of a project without one.

    Args:
        project: The project.
        source: A label file or a folder of labels.
        label_format: `coco`, `dlc`, `lightning-pose`, `macaquepose`, `sleap` or `yolo`; None detects it.
        images: Folder of the images or videos; None looks where the labels say, and beside them.
        name: What to call the label set; None takes the source's name.
        link: Whether to link to the images instead of copying them; frames of videos are written all the same.
        val_fraction: Part of the images kept for validation, from 0 (all train) to 1 (all validate), where the
            source does not split them itself.
        on_progress: Called with work done and in all.

    Returns:
        What came in and what was left out.

    Raises:
        LabelError: If the labels cannot be used or written.
        SkeletonError: If their keypoints are not the project's.
    """
    report = import_label_files(
        Path(source),
        project.labels_dir,
        skeleton=project.skeleton() if project.has_skeleton else None,
        label_format=label_format,
        images_dir=Path(images) if images is not None else None,
        name=name,
        link=link,
        val_fraction=val_fraction,
        on_progress=on_progress,
    )
    if not project.has_skeleton:
        try:
            project.write_skeleton(report.skeleton)
        except ProjectError:
            shutil.rmtree(report.folder)  # labels without a skeleton would be of no use, and in the way
            raise
    return report
