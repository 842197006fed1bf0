"""`export_labels`: label sets, and predictions to be corrected, into the files of labeling tools."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from poetlab.errors import LabelError, ResultsError
from poetlab.labels.adding_predictions import AddedPredictions, add_predictions
from poetlab.labels.check import check_labels
from poetlab.labels.exporting.export import ExportedLabels, check_new_folder, export_label_sets
from poetlab.labels.exporting.formats import LabelExportFormat, label_export_format
from poetlab.labels.frame_list import FrameList, read_frame_list
from poetlab.labels.frame_names import video_names
from poetlab.labels.importing import find_place
from poetlab.labels.label_set import IMAGES, LabelSet
from poetlab.labels.predicted_images import predicted_images
from poetlab.labels.provenance import ImportStamp
from poetlab.labels.source_labels import LeftOut, SourceImage, SourceLabels
from poetlab.labels.video_frames import SourceVideo
from poetlab.labels.writing_imports import ImportChoices
from poetlab.poses import Poses
from poetlab.project import Project
from poetlab.results.reading import read_poses
from poetlab.results.source_video import find_video
from poetlab.skeleton import Skeleton

CORRECTIONS = "corrections"
"""The label set that predictions go to where nobody names another."""

_VAL_FRACTION = 0.2
"""Share of new images for validation, as where labels are imported."""


@dataclass(frozen=True, eq=False)
class LabelsExport:
    """What has been exported.

    Attributes:
        format: For which tool.
        folder: The folder.
        label_sets: What is in it, each in a folder of its name.
        added: What became of predictions; None without results.
        left_out: Reason -> (how many, up to three examples), of predictions.
    """

    format: LabelExportFormat
    folder: Path
    label_sets: tuple[ExportedLabels, ...]
    added: AddedPredictions | None
    left_out: dict[str, tuple[int, tuple[str, ...]]]


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    """A result file with its video, what that is called, and the frames that are wanted of it."""

    result: Path
    video: Path
    name: str
    frames: list[int]
    poses: Poses


def export_labels(
    project: Project,
    to: str,
    results: Sequence[str | Path] = (),
    *,
    labels: Sequence[str] = (),
    frames: str | Path | None = None,
    video: str | Path | None = None,
    videos: str | Path | None = None,
    output: str | Path | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> LabelsExport:
    """Write label sets, or the predictions in some frames, as files of a labeling tool, with their images.

    Predictions become instances of a label set that are made by a model. They do not train until a person has corrected
    or confirmed them and the labels are imported again.

    Args:
        project: The project.
        to: `sleap`, `coco`, `cvat`, `label-studio`, `dlc` or `yolo`.
        results: Result files whose predictions to write; without any, label sets are written as they are.
        labels: Names of the label sets to write, none for all; with results, the one that the predictions go to, none
            for `corrections`.
        frames: Which frames of the results: numbers as in `12,340`, or a CSV file with the columns `video` and `frame`.
        video: The video of the results, if these are of one.
        videos: Folder of their videos; None looks where they were, beside each result, and in the current
            folder.
        output: The folder to make; None for `exports/001-FORMAT` in the project, numbered on.
        on_progress: Called with work done and in all.

    Returns:
        What was written, and what the format has no place for.

    Raises:
        LabelError: If something is not there, exists already, cannot be written, or has no place in the format.
        ResultsError: If a result file cannot be read, or has other keypoints than the project.
        VideoError: If a video is not there, is another one, or cannot be read.
        ConfigError: If both `video` and `videos` are given.
        ProjectError: If there are no labels, or none of that name.
    """
    chosen = label_export_format(to)
    folder = project.new_export(chosen.name) if output is None else Path(output)
    check_new_folder(folder)
    report = on_progress or (lambda _done, _total: None)
    added, left_out = None, LeftOut()
    if results:
        if frames is None:
            raise LabelError("say which frames to export, with --frames: numbers such as 12,340, or a CSV file")
        listed = read_frame_list(frames)
        found = [(Path(result), find_video(Path(result), video=video, videos=videos)) for result in results]
        added = _add(project, _read_results(found, listed), labels, left_out, report)
        names = set(added.file_names)
        images = tuple(image for image in added.label_set.images if image.file_name in names)
        label_sets: Sequence[LabelSet] = [replace(added.label_set, images=images)]
    elif frames is not None:
        raise LabelError("--frames says which predictions to export; give their RESULTS too")
    else:
        label_sets = [project.label_set(name) for name in dict.fromkeys(labels)] or project.label_sets()
    exported = export_label_sets(label_sets, chosen, folder, report)
    return LabelsExport(chosen, folder, tuple(exported), added, left_out.summary())


def _add(
    project: Project,
    sources: Sequence[_Source],
    labels: Sequence[str],
    left_out: LeftOut,
    report: Callable[[int, int], None],
) -> AddedPredictions:
    """Add predictions to a label set, and give the project a skeleton if it has none."""
    if len(labels) > 1:
        raise LabelError("predictions go to one label set; give --labels once")
    name, known = find_place(labels[0] if labels else CORRECTIONS, project.labels_dir)
    skeleton = _shared_skeleton(project, sources)
    if known and known.skeleton.keypoints != skeleton.keypoints:
        raise LabelError(f"{project.labels_dir / name} has other keypoints than the project; give another --labels")
    images = _images(sources, skeleton, left_out)
    source = SourceLabels(skeleton, images, "as given in the file", left_out)
    n_images = len(images)
    order = np.arange(skeleton.n_keypoints)
    checked = check_labels(source, order, (), lambda done, _: report(done, 2 * n_images))
    stamp = ImportStamp("poetlab", sources[0].result.name, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
    elsewhere = project.splits(but=name)
    choices = ImportChoices(stamp, "video", _VAL_FRACTION, elsewhere, link=False, prune=False)
    empty = LabelSet(name, skeleton, (), checked.area_rule, project.labels_dir / name / IMAGES)
    target = empty if known is None else replace(known, skeleton=skeleton)
    added = add_predictions(target, checked, choices, lambda done: report(n_images + done, 2 * n_images))
    if not project.has_skeleton:
        project.write_skeleton(skeleton)
    return added


def _read_results(results: Sequence[tuple[Path, Path]], listed: FrameList) -> list[_Source]:
    """The results of which frames are listed, each given with its video."""
    found: dict[Path, tuple[Path, Path]] = {}
    for result, video in dict.fromkeys(results):
        if (other := found.setdefault(video.resolve(), (result, video))[0]) is not result:
            raise ResultsError(f"{other} and {result} are both of {video}; give one of them")
    listed.check_all_used(video for _, video in found.values())
    names = video_names([video for _, video in found.values()])
    return [
        _Source(result, video, name, frames, read_poses(result))
        for (result, video), name in zip(found.values(), names, strict=True)
        if (frames := listed.of(video))
    ]


def _shared_skeleton(project: Project, sources: Sequence[_Source]) -> Skeleton:
    """The project's skeleton, or that of the results if it has none.

    Raises:
        ResultsError: If a result has other keypoints.
    """
    skeleton = project.skeleton() if project.has_skeleton else sources[0].poses.skeleton
    for source in sources:
        if differing := sorted(set(source.poses.skeleton.keypoints) ^ set(skeleton.keypoints)):
            names = ", ".join(differing)
            raise ResultsError(f"{source.result}: has other keypoints than the project ({names}); take its own results")
    return skeleton


def _images(sources: Sequence[_Source], skeleton: Skeleton, left_out: LeftOut) -> list[SourceImage]:
    """The wanted frames of all results, with their animals' keypoints in the order of the skeleton."""
    images = []
    for source in sources:
        video = SourceVideo(str(source.video))
        video.path = source.video
        file = source.result.name
        found = predicted_images(source.poses, source.frames, video, source.name, file, left_out)
        order = [source.poses.skeleton.keypoints.index(keypoint) for keypoint in skeleton.keypoints]
        for image in found:
            for instance in image.instances:
                instance.keypoints = instance.keypoints[order]
        images += found
    return images
