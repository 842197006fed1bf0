"""`import_labels`: labels of any known format into a project."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from poetlab.errors import ProjectError
from poetlab.labels.importing import import_labels as import_label_files
from poetlab.labels.importing import name_of
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
    rename: Mapping[str, str] | None = None,
    keypoints: Sequence[str] | None = None,
    split: str | Path = "video",
    val_fraction: float = 0.2,
    confirmed: bool = False,
    prune: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> ImportReport:
    """Bring labels and their images into a project, or update a label set by a later state of its labels.

    The first import sets the skeleton of a project without one. A label set of that name is updated if it has an image
    in common with the labels: images are recognized, so that none is there twice.

    Args:
        project: The project.
        source: A label file or a folder of labels.
        label_format: `coco`, `dlc`, `lightning-pose`, `macaquepose`, `sleap` or `yolo`; None detects it.
        images: Folder of the images or videos; None looks where the labels say, and beside them.
        name: What to call the label set; None takes the source's name.
        link: Whether to link to the images instead of copying them; frames of videos are written all the same.
        rename: Names of the labels' keypoints -> what they are to be called.
        keypoints: New names of the keypoints to take; in a project without a skeleton in this order. None takes all.
        split: `video` to keep the images of one video together, `frame`, or a CSV file with the columns name and split;
            where the source does not split them itself. Images that are there already stay where they are.
        val_fraction: Part of the images kept for validation, from 0 (all train) to 1 (all validate).
        confirmed: Whether a person has looked at every instance; unchanged predictions count as corrected then.
        prune: Whether to remove images that are in the label set and no longer in the labels.
        on_progress: Called with work done and in all.

    Returns:
        What came in and what was left out.

    Raises:
        LabelError: If the labels cannot be used or written, or if they are not those of the label set of that name.
        SkeletonError: If their keypoints are not the project's.
    """
    set_name = name if name is not None else name_of(Path(source))
    report = import_label_files(
        Path(source),
        project.labels_dir,
        skeleton=project.skeleton() if project.has_skeleton else None,
        label_format=label_format,
        images_dir=Path(images) if images is not None else None,
        name=set_name,
        link=link,
        rename=rename,
        keypoints=keypoints,
        split=split,
        val_fraction=val_fraction,
        split_elsewhere=project.splits(but=set_name),
        confirmed=confirmed,
        prune=prune,
        on_progress=on_progress,
    )
    if not project.has_skeleton:
        try:
            project.write_skeleton(report.skeleton)
        except ProjectError:
            if report.update is None:
                shutil.rmtree(report.folder)  # labels without a skeleton would be of no use, and in the way
            raise
    return report
