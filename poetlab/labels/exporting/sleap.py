"""SLEAP's project: a `.slp` that refers to the images in `images/`, those of one folder and size as one video.

Format: sleap-io, which SLEAP itself uses (https://github.com/talmolab/sleap-io, `sleap_io/io/slp.py`). It is written
with h5py, so that nothing else has to be installed. What a person has made is an instance; a prediction is a predicted
instance with its score, and its image is a suggestion to label.
"""

import json
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import h5py
import numpy as np

import poetlab
from poetlab.labels.exporting.folder import ExportFolder
from poetlab.labels.exporting.sleap_skeleton import skeleton_metadata
from poetlab.labels.label_set import UNLABELED, VISIBLE, LabeledImage, LabeledInstance
from poetlab.labels.sleap_videos import OWN_MARK
from poetlab.sleap_records import FRAME, INSTANCE, NO_ONE, POINT, PREDICTED, PREDICTED_POINT, USER

_FORMAT = 1.4
_NEGATIVE = np.dtype([("video_id", "u4"), ("frame_idx", "u8")])


class _Place(NamedTuple):
    """Where an image is among the videos."""

    image: LabeledImage
    video: int
    frame: int


def write_sleap(folder: ExportFolder) -> None:
    """Write `NAME.slp`."""
    videos: dict[tuple[PurePosixPath, tuple[int, int]], list[str]] = {}
    grouped = []
    for image, place in folder.rows:
        key = (PurePosixPath(place).parent, image.size)
        files = videos.setdefault(key, [])
        files.append((folder.home / place).absolute().as_posix())
        grouped.append((image, key, len(files) - 1))
    numbers = {key: number for number, key in enumerate(videos)}
    places = sorted((_Place(image, numbers[key], frame) for image, key, frame in grouped), key=lambda one: one[1:])
    label_set = folder.label_set
    tracks = list(dict.fromkeys(entry.individual for entry in label_set.instances if entry.individual))
    provenance = {"poetlab_version": poetlab.__version__, OWN_MARK: label_set.name}
    with h5py.File(folder.path / f"{label_set.name}.slp", "w") as file:
        metadata = file.create_group("metadata")
        metadata.attrs["format_id"] = _FORMAT
        metadata.attrs["json"] = np.bytes_(_dumps(skeleton_metadata(label_set.skeleton) | {"provenance": provenance}))
        _write_rows(file, "videos_json", [_video(size, files) for (_, size), files in videos.items()])
        _write_rows(file, "tracks_json", [[0, name] for name in tracks])
        unconfirmed = [one for one in places if one.image.is_unconfirmed]
        suggestions = [{"video": str(one.video), "frame_idx": one.frame, "group": 0} for one in unconfirmed]
        _write_rows(file, "suggestions_json", suggestions)
        _write_labels(file, places, tracks, label_set.skeleton.n_keypoints)


def _write_labels(file: h5py.File, places: Sequence[_Place], tracks: Sequence[str], n_keypoints: int) -> None:
    frames: list[tuple[int, ...]] = []
    rows: list[tuple[float, ...]] = []
    negatives = []
    points: dict[int, list[np.ndarray]] = {USER: [], PREDICTED: []}
    for image, video, frame in places:
        shown = [instance for instance in image.instances if instance.n_labeled and not instance.is_crowd]
        if not image.instances and not image.is_found_empty:
            negatives.append((video, frame))
        elif not shown:
            continue
        frames.append((len(frames), video, frame, len(rows), len(rows) + len(shown)))
        for instance in shown:
            kind = PREDICTED if instance.is_unconfirmed else USER
            score = _score(instance) if instance.is_unconfirmed else 0.0
            track = tracks.index(instance.individual) if instance.individual else NO_ONE
            start = len(points[kind]) * n_keypoints
            points[kind].append(_points(instance))
            rows.append((len(rows), kind, len(frames) - 1, 0, track, NO_ONE, score, start, start + n_keypoints, 0.0))
    file["frames"] = np.array(frames, FRAME)
    file["instances"] = np.array(rows, INSTANCE)
    for name, kind, dtype in (("points", USER, POINT), ("pred_points", PREDICTED, PREDICTED_POINT)):
        joined = np.concatenate(points[kind]) if points[kind] else np.zeros(0, PREDICTED_POINT)
        file[name] = joined[list(dtype.names or ())].astype(dtype)
    if negatives:
        file["negative_frames"] = np.array(negatives, _NEGATIVE)


def _points(instance: LabeledInstance) -> np.ndarray:
    """An animal's points; a hidden one that is complete has been placed, and is occluded."""
    points = np.zeros(len(instance.keypoints), PREDICTED_POINT)
    points["x"], points["y"], visibility = instance.keypoints.T
    points["visible"], points["complete"] = visibility == VISIBLE, visibility != UNLABELED
    points["score"] = np.where(points["complete"], _score(instance), 0)
    return points


def _score(instance: LabeledInstance) -> float:
    """The score of a prediction, 1 if it is not known."""
    score = instance.provenance.score if instance.provenance else None
    return 1.0 if score is None else score


def _video(size: tuple[int, int], files: Sequence[str]) -> dict[str, Any]:
    """A list of images as a video."""
    height, width = size
    shape = {"shape": [len(files), height, width, 3], "height_": height, "width_": width, "channels_": 3}
    names = {"filename": files[0], "filenames": files}
    return {"filename": files, "backend": {"type": "ImageVideo", "grayscale": None, **names, **shape}}


def _write_rows(file: h5py.File, name: str, rows: Sequence[Any]) -> None:
    texts = [_dumps(row) for row in rows]
    file.create_dataset(name, (len(texts),), h5py.string_dtype(), texts or None, maxshape=(None,))


def _dumps(content: Any) -> str:
    return json.dumps(content, separators=(",", ":"))
