"""Label sets with their images into a folder for a labeling tool."""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from poetlab.errors import LabelError
from poetlab.files import whole_folder
from poetlab.labels.exporting.folder import ExportFolder
from poetlab.labels.exporting.formats import LabelExportFormat
from poetlab.labels.exporting.losses import count_losses
from poetlab.labels.image_files import safe_file_name
from poetlab.labels.label_set import LabelSet


@dataclass(frozen=True, slots=True)
class ExportedLabels:
    """What has been written of one label set.

    Attributes:
        name: What the label set is called.
        folder: Its folder.
        n_images: Number of images.
        n_instances: Number of instances.
        n_predictions: Of these, those that a model has made and nobody has confirmed.
        losses: What the format has no place for -> how often the label set has it.
    """

    name: str
    folder: Path
    n_images: int
    n_instances: int
    n_predictions: int
    losses: Mapping[str, int]


def export_label_sets(
    label_sets: Sequence[LabelSet],
    export_format: LabelExportFormat,
    folder: Path,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[ExportedLabels]:
    """Write label sets, each into a folder of its name, which the import takes for the name of the label set.

    Args:
        label_sets: What to write.
        export_format: For which tool.
        folder: The folder to make; absent or empty. It appears when everything in it is whole.
        on_progress: Called with images done and in all.

    Raises:
        LabelError: If the folder has something in it or cannot be written, if an image is missing, or if a label set
            has something that the format cannot take in any form.
    """
    check_new_folder(folder)
    total = sum(label_set.n_images for label_set in label_sets)
    n_done = 0
    try:
        with whole_folder(folder) as partial:
            for label_set in label_sets:
                path = partial / label_set.name
                path.mkdir()
                places = export_format.places(label_set)
                for place, image in zip(places, label_set.images, strict=True):
                    _copy(label_set.image_path(image), path / safe_file_name(place), image.file_name)
                    n_done += 1
                    if on_progress:
                        on_progress(n_done, total)
                export_format.write(ExportFolder(label_set, places, path, folder / label_set.name))
    except OSError as error:
        reason = f"{error.strerror}: {error.filename or folder}"
        raise LabelError(f"{folder}: cannot be written ({reason}); nothing was exported") from error
    return [_exported(label_set, export_format, folder) for label_set in label_sets]


def check_new_folder(folder: Path) -> None:
    """Raise a LabelError if there is something in a folder that is to be made."""
    if os.path.lexists(folder) and not (folder.is_dir() and not any(folder.iterdir())):
        raise LabelError(
            f"{folder}: exists, and may hold corrections; give another --output (exports never overwrite anything)"
        )


def _copy(source: Path, target: Path, file_name: str) -> None:
    safe_file_name(file_name)
    if not source.is_file():
        raise LabelError(f"{source}: the image is missing; put it back, or import its labels again")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _exported(label_set: LabelSet, export_format: LabelExportFormat, folder: Path) -> ExportedLabels:
    return ExportedLabels(
        name=label_set.name,
        folder=folder / label_set.name,
        n_images=label_set.n_images,
        n_instances=label_set.n_instances,
        n_predictions=sum(instance.is_unconfirmed for instance in label_set.instances),
        losses=count_losses(label_set, export_format.lacks),
    )
