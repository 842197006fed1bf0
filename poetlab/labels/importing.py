"""Labels of any known format into a project: read and check everything first, then write it all or nothing."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import get_args

from poetlab.errors import LabelError, SkeletonError
from poetlab.files import whole_folder
from poetlab.labels.archive import is_archive, unpacked
from poetlab.labels.check import MISSING, CheckedImage, CheckedLabels, check_labels
from poetlab.labels.formats import detect_format
from poetlab.labels.label_set import IMAGES, LabeledImage, LabelSet, Split, save_label_set
from poetlab.labels.report import ImportReport, summarize_import
from poetlab.labels.source_labels import LeftOut
from poetlab.labels.split import check_fraction, split_by_image
from poetlab.labels.video_frames import locate_videos
from poetlab.skeleton import Skeleton

_NAMELESS = ("annotations", "config", "data", "CollectedData")
"""What every data set calls its label file in some tool, perhaps with `_` and a person, so that it names none."""


def import_labels(  # noqa: PLR0913  the one public verb of labels; all but two arguments are by name
    source: Path,
    destination: Path,
    *,
    skeleton: Skeleton | None,
    label_format: str | None = None,
    images_dir: Path | None = None,
    name: str | None = None,
    link: bool = False,
    val_fraction: float = 0.2,
    on_progress: Callable[[int, int], None] | None = None,
) -> ImportReport:
    """Bring labels and their images into a project as one label set.

    Nothing is written before everything is read and checked; an error or Ctrl-C on the way leaves nothing behind.

    Args:
        source: A label file, a folder that holds exactly one, or a zip archive of such a folder.
        destination: The project's `labels` folder; the label set becomes its folder `name`.
        skeleton: The project's skeleton, whose names the labels must have (in any order); None takes the labels'.
        label_format: A name of `formats.LABEL_FORMATS`; None detects it.
        images_dir: Where the images and videos lie; None looks where the labels say, beside the label file, and in
            `images/` beside it.
        name: What to call the label set; None takes the source's name.
        link: Whether to link to the images where they lie instead of copying them; frames of videos and images
            inside of label files are written all the same.
        val_fraction: Share of images for validation, from 0 (all train) to 1 (all validate), where the source does
            not split them itself.
        on_progress: Called with (done, total); every image counts twice, once checked and once copied.

    Returns:
        What was imported and what was left out.

    Raises:
        LabelError: If the labels cannot be used or written, or if there is a label set of that name.
        SkeletonError: If the labels' keypoints are not the skeleton's.
    """
    if is_archive(source):
        if link:
            raise LabelError(f"{source}: the images in an archive cannot be linked to; unpack it, or leave out --link")
        with unpacked(source) as folder:
            return import_labels(
                folder,
                destination,
                skeleton=skeleton,
                label_format=label_format,
                images_dir=images_dir,
                name=name if name is not None else source.stem,
                val_fraction=val_fraction,
                on_progress=on_progress,
            )
    check_fraction(val_fraction)
    known_format, path = detect_format(source, label_format)
    name = _free_name(name if name is not None else _name_of(source), destination)
    folders = _image_folders(path, images_dir)
    report_progress = on_progress or (lambda _done, _total: None)

    labels = known_format.read(path)
    skeleton = skeleton or labels.skeleton
    try:
        locate_videos((image.origin for image in labels.images), folders, as_written=images_dir is None)
        folders += labels.folders if images_dir is None else ()
        checked = check_labels(labels, skeleton, folders, lambda done, total: report_progress(done, 2 * total))
        _refuse_empty(checked, labels.left_out, folders)
    except (LabelError, SkeletonError) as error:
        raise type(error)(f"{path}: {error}") from error
    images = _split(checked.images, val_fraction)
    label_set = LabelSet(name, skeleton, images, checked.area_rule, destination / name / IMAGES)

    n_left_out = checked.n_listed - len(images)
    with _new_folder(destination / name) as folder:
        for done, image in enumerate(checked.images, start=1):
            _place(image, folder / IMAGES, link=link)
            report_progress(checked.n_listed + n_left_out + done, 2 * checked.n_listed)
        save_label_set(label_set, folder)
    n_made = sum(not isinstance(image.origin, Path) for image in checked.images)
    return summarize_import(label_set, destination / name, known_format.name, n_made, labels.left_out.summary())


def _name_of(source: Path) -> str:
    """The folder's name, or the file's where that says more than that it holds annotations."""
    path = source.resolve()
    if path.is_file() and path.stem not in _NAMELESS and not path.stem.startswith("CollectedData_"):
        return path.stem
    return path.name if path.is_dir() else path.parent.name


def _free_name(name: str, destination: Path) -> str:
    """`name`, if a folder can be called so and none is."""
    if not name.strip() or name.startswith(".") or set(name) & set("/\\:\0"):
        raise LabelError(f"'{name}' cannot be the name of a label set; give a plain folder name with --name")
    if name in get_args(Split):
        raise LabelError(f"'{name}' is the name of a split; give the label set another with --name")
    if os.path.lexists(destination / name):
        raise LabelError(f"{destination / name} exists and is not overwritten; give another name with --name")
    return name


def _image_folders(path: Path, images_dir: Path | None) -> tuple[Path, ...]:
    if images_dir is None:
        folder = path if path.is_dir() else path.parent
        return (folder, folder / IMAGES)
    if not os.path.isdir(images_dir):  # noqa: PTH112  Path.is_dir raises where it may not look
        raise LabelError(f"{images_dir}: no such folder of images; correct --images")
    return (images_dir,)


def _refuse_empty(checked: CheckedLabels, left_out: LeftOut, folders: Sequence[Path]) -> None:
    """Raise a LabelError that says what is lacking, unless there is something to learn from."""
    if checked.n_listed == 0:
        raise LabelError("lists no image; label some images first")
    reasons = left_out.summary()
    n_missing, examples = reasons.get(MISSING, (0, ()))
    if n_missing == checked.n_listed:
        places = " or ".join(map(str, folders))
        raise LabelError(f"none of its {n_missing} images (such as {examples[0]}) is in {places}; give --images")
    if not any(instance.n_labeled for image in checked.images for instance in image.instances):
        details = "; ".join(f"{reason}: {count}" for reason, (count, _) in reasons.items()) or "none is in the file"
        raise LabelError(f"no animal with a labeled keypoint can be used ({details}); label some or correct these")


def _split(images: Sequence[CheckedImage], val_fraction: float) -> tuple[LabeledImage, ...]:
    """The splits of the source; those of the other images are drawn.

    Images with and without labeled animals are split apart, so that both splits have some to learn from.
    """
    given = {image.file_name: image.split for image in images if image.split}
    drawn = [image for image in images if not image.split]
    labeled = {image.file_name for image in drawn if any(instance.n_labeled for instance in image.instances)}
    others = [image.file_name for image in drawn if image.file_name not in labeled]
    splits = given | split_by_image(labeled, val_fraction) | split_by_image(others, val_fraction)
    return tuple(
        LabeledImage(
            image.file_name,
            image.size,
            image.instances,
            splits[image.file_name],
            image.id,
            image.video,
            image.frame,
        )
        for image in images
    )


@contextlib.contextmanager
def _new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill, which becomes `path` at the end; an error removes it."""
    try:
        with whole_folder(path) as partial:
            (partial / IMAGES).mkdir()
            yield partial
    except OSError as error:
        reason = f"{error.strerror}: {error.filename or path}"
        raise LabelError(f"{path}: cannot be written ({reason}); nothing was imported") from error


def _place(image: CheckedImage, folder: Path, *, link: bool) -> None:
    """Make, copy or link one image at its place below `folder`."""
    target = folder / image.file_name
    target.parent.mkdir(parents=True, exist_ok=True)
    if not isinstance(image.origin, Path):
        image.origin.write(target)
        return
    if not link:
        shutil.copyfile(image.origin, target)
        return
    try:
        target.symlink_to(image.origin.resolve())
    except (OSError, NotImplementedError) as error:
        raise LabelError(f"{target}: links cannot be made here ({error}); import without --link to copy") from error
