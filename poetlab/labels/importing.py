"""Labels of any known format into a project: read and check everything first, then write it all or nothing."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from poetlab.errors import LabelError, SkeletonError
from poetlab.labels.archive import is_archive, unpacked
from poetlab.labels.check import MISSING, CheckedLabels, check_labels
from poetlab.labels.formats import detect_format
from poetlab.labels.keypoint_names import keypoint_order, map_skeleton, renamed
from poetlab.labels.known_splits import KnownSplits
from poetlab.labels.label_set import ANNOTATIONS, IMAGES, LabelSet, Split, load_label_set
from poetlab.labels.provenance import ImportStamp
from poetlab.labels.report import ImportReport, summarize_import
from poetlab.labels.source_labels import LeftOut
from poetlab.labels.split import check_fraction
from poetlab.labels.split_rule import read_split_rule
from poetlab.labels.video_frames import locate_videos
from poetlab.labels.writing_imports import ImportChoices, write_new, write_update
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
    rename: Mapping[str, str] | None = None,
    keypoints: Sequence[str] | None = None,
    split: str | Path = "video",
    val_fraction: float = 0.2,
    split_elsewhere: KnownSplits | None = None,
    confirmed: bool = False,
    prune: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> ImportReport:
    """Bring labels and their images into a project as one label set, or update the one of that name.

    Nothing is written before everything is read and checked; an error or Ctrl-C on the way leaves all as it was.

    Args:
        source: A label file, a folder that holds exactly one, or a zip archive of such a folder.
        destination: The project's `labels` folder; the label set becomes its folder `name`.
        skeleton: The project's skeleton, of which the labels must have a part of the names (in any order); None takes
            the labels'.
        label_format: A name of `formats.LABEL_FORMATS`; None detects it.
        images_dir: Where the images and videos lie; None looks where the labels say, beside the label file, and in
            `images/` beside it.
        name: What to call the label set; None takes the source's name.
        link: Whether to link to the images where they lie instead of copying them; frames of videos and images
            inside of label files are written all the same.
        rename: Names of the labels' keypoints -> what they are to be called.
        keypoints: New names of the keypoints to take, in their order; None takes all.
        split: `video`, `frame` or a file, see `split_rule`; of images that have no split yet, from their source or
            from an earlier import.
        val_fraction: Share of images for validation, from 0 (all train) to 1 (all validate).
        split_elsewhere: The splits of the project's other label sets, which images of their videos follow.
        confirmed: Whether a person has looked at every instance, so that no prediction is left unconfirmed.
        prune: Whether to remove images that the label set has and the labels no longer have.
        on_progress: Called with (done, total); every image counts twice, once checked and once copied.

    Returns:
        What was imported and what was left out.

    Raises:
        LabelError: If the labels cannot be used or written, or if they are not those of the label set of that name.
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
                rename=rename,
                keypoints=keypoints,
                split=split,
                val_fraction=val_fraction,
                split_elsewhere=split_elsewhere,
                confirmed=confirmed,
                prune=prune,
                on_progress=on_progress,
            )
    check_fraction(val_fraction)
    split_rule = read_split_rule(split)
    known_format, path = detect_format(source, label_format)
    name, known = find_place(name if name is not None else name_of(source), destination)
    stamp = ImportStamp(known_format.name, path.name, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", confirmed)
    choices = ImportChoices(stamp, split_rule, val_fraction, split_elsewhere or KnownSplits(), link, prune)
    if known and skeleton and known.skeleton.keypoints != skeleton.keypoints:
        raise LabelError(f"{destination / name} has other keypoints than the project; give another --name")
    folders = _image_folders(path, images_dir)
    report_progress = on_progress or (lambda _done, _total: None)

    labels = known_format.read(path)
    try:
        mapped = map_skeleton(labels.skeleton, rename or {}, keypoints)
        target = skeleton or (known.skeleton if known else mapped)
        order = keypoint_order(renamed(labels.skeleton, rename or {}), mapped, target)
        locate_videos((image.origin for image in labels.images), folders, as_written=images_dir is None)
        folders += labels.folders if images_dir is None else ()
        checked = check_labels(labels, order, folders, lambda done, total: report_progress(done, 2 * total))
        _refuse_empty(checked, labels.left_out, folders)
    except (LabelError, SkeletonError) as error:
        raise type(error)(f"{path}: {error}") from error

    def on_placed(done: int) -> None:
        n_left_out = checked.n_listed - len(checked.images)
        report_progress(checked.n_listed + n_left_out + done, 2 * checked.n_listed)

    if known:
        written = write_update(replace(known, skeleton=target), checked, choices, on_placed)
    else:
        empty = LabelSet(name, target, (), checked.area_rule, destination / name / IMAGES)
        written = write_new(empty, checked.images, choices, on_placed)
    lacking = tuple(keypoint for keypoint in target.keypoints if keypoint not in mapped.keypoints)
    return summarize_import(written, known_format.name, lacking, labels.left_out.summary())


def name_of(source: Path) -> str:
    """What labels are called: the folder's name, or the file's where that says more than that it holds annotations."""
    path = source.resolve()
    if path.is_file() and path.stem not in _NAMELESS and not path.stem.startswith("CollectedData_"):
        return path.stem
    return path.name if path.is_dir() else path.parent.name


def find_place(name: str, destination: Path) -> tuple[str, LabelSet | None]:
    """`name`, if a folder can be called so, and the label set of that name if there is one."""
    if not name.strip() or name.startswith(".") or set(name) & set("/\\:\0"):
        raise LabelError(f"'{name}' cannot be the name of a label set; give a plain folder name")
    if name in get_args(Split):
        raise LabelError(f"'{name}' is the name of a split; give the label set another name")
    folder = destination / name
    if not os.path.lexists(folder):
        return name, None
    if not (folder / ANNOTATIONS).is_file():
        raise LabelError(f"{folder} exists and is no label set; give another name, or delete it first")
    try:
        return name, load_label_set(folder)
    except LabelError as error:
        raise LabelError(f"{error}; to start anew, delete {folder} first") from error


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
