"""SLEAP's projects: `.slp`, which refers to videos, and `.pkg.slp`, which holds the labeled frames itself.

Both are HDF5: tables of frames, instances and points, and JSON for the rest. Format: sleap-io, which SLEAP itself uses
(https://github.com/talmolab/sleap-io, `sleap_io/io/slp.py`). Nothing is unpickled.
"""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from poetlab.errors import LabelError
from poetlab.labels.hdf5 import open_labels
from poetlab.labels.label_set import OCCLUDED, UNLABELED, VISIBLE
from poetlab.labels.provenance import Provenance
from poetlab.labels.sleap_skeleton import read_skeletons
from poetlab.labels.sleap_videos import SleapVideo, read_videos, videos_by_number
from poetlab.labels.source_labels import LeftOut, SourceImage, SourceInstance, SourceLabels
from poetlab.skeleton import Skeleton

_MAX_BYTES = 2**31
"""Of one table; that of 57,000 frames of ten animals with 50 keypoints takes a quarter of it."""

_TOO_NEW = 3.0
"""The format whose tables are laid out in another way."""

_CENTER_IS_ZERO = 1.1
"""The format from which on (0, 0) is the center of the top-left pixel; it was the pixel's corner before."""

_HALF_PIXEL = 0.5
_USER = 0


def matches_sleap(path: Path) -> bool:
    """Whether a file is HDF5 and called as SLEAP calls its projects."""
    return path.suffix.lower() == ".slp" and path.is_file() and bool(h5py.is_hdf5(path))


def read_sleap(path: Path) -> SourceLabels:
    """Read a SLEAP project: the instances that people have labeled, and the frames that they marked as negative.

    A point that is shown is visible. A hidden one is occluded if a person has placed it (SLEAP calls it complete);
    otherwise its position is a filler that SLEAP itself ignores, and it is unlabeled. Tracks become identities.

    Raises:
        LabelError: If the file is no SLEAP project, contradicts itself, or holds nothing but predictions.
        SkeletonError: If its skeleton is none.
    """
    with open_labels(path, "a SLEAP project", "save it again in SLEAP") as file:
        return _read(file, path)


class _Tables(NamedTuple):
    """The tables of a project, and what its instances refer to by number."""

    frames: np.ndarray
    instances: np.ndarray
    points: np.ndarray
    predicted_points: h5py.Dataset
    tracks: list[str]
    shift: float
    n_keypoints: int


def _read(file: h5py.File, path: Path) -> SourceLabels:
    version = float(file["metadata"].attrs["format_id"])
    if version >= _TOO_NEW:
        raise LabelError(f"is of SLEAP's format {version:g}, which is not known here; save it with an older SLEAP")
    instances = _table(file, "instances")
    is_user = instances["instance_type"] == _USER
    negatives = _negatives(file)
    if len(instances) and not is_user.any() and not negatives:
        what = f"all of its {len(instances)} instances are predictions of a model, and none is labeled by a person"
        raise LabelError(f"{what}; correct some of them in SLEAP first")
    skeleton = _one_skeleton(read_skeletons(file, path), set(instances["skeleton"][is_user].tolist()))
    tables = _Tables(
        _table(file, "frames"),
        instances,
        _table(file, "points"),
        file["pred_points"],
        _track_names(file),
        shift=0 if version >= _CENTER_IS_ZERO else -_HALF_PIXEL,
        n_keypoints=skeleton.n_keypoints,
    )
    left_out = LeftOut()
    videos = read_videos(file, path)
    images = _read_images(tables, videos_by_number(videos, tables.frames["video"].tolist()), negatives, left_out)
    return SourceLabels(
        skeleton,
        images,
        area_rule="area of the box around the labeled keypoints",
        left_out=left_out,
        folders=tuple(dict.fromkeys(folder for video in videos for folder in video.folders)),
    )


def _table(file: h5py.File, name: str) -> np.ndarray:
    table = file[name]
    if table.nbytes > _MAX_BYTES:
        raise LabelError(f"its table '{name}' takes {table.nbytes:,} bytes, which no project does; it is damaged")
    return np.asarray(table[:])


def _negatives(file: h5py.File) -> set[tuple[int, int]]:
    """Video and number of each frame that a person has marked as empty."""
    if "negative_frames" not in file:
        return set()
    return {(int(video), int(frame)) for video, frame in _table(file, "negative_frames")[["video_id", "frame_idx"]]}


def _track_names(file: h5py.File) -> list[str]:
    """The name of each track; where tracks share a name, or have none, it gets the track's number."""
    names = [str(json.loads(track)[1]) for track in _table(file, "tracks_json")]
    count = Counter(names)
    return [name if name and count[name] == 1 else f"{name or 'track'}_{n}" for n, name in enumerate(names)]


def _one_skeleton(skeletons: list[Skeleton], used: set[int]) -> Skeleton:
    """The skeleton that all labeled instances have."""
    if not skeletons:
        raise LabelError("has no skeleton; give it one in SLEAP")
    first, *others = [skeletons[number] for number in sorted(used)] or skeletons[:1]
    for other in others:
        if other.keypoints != first.keypoints:
            names = f"'{first.name}' and '{other.name}'"
            raise LabelError(f"its animals have different skeletons, {names}; save a project for each")
    return first


def _read_images(
    tables: _Tables, videos: Mapping[int, SleapVideo], negatives: set[tuple[int, int]], left_out: LeftOut
) -> list[SourceImage]:
    """The frames that a person has labeled or marked as negative, by video and number."""
    images = []
    columns = tables.frames[["video", "frame_idx", "instance_id_start", "instance_id_end"]]
    for number, index, start, end in sorted(tuple(map(int, row)) for row in columns.tolist()):
        if number not in videos:
            raise LabelError(f"a frame is of the video {number}, which it does not list; save it again in SLEAP")
        rows = tables.instances[start:end]
        is_user = rows["instance_type"] == _USER
        own, others = rows[is_user], rows[~is_user]
        place = f"{videos[number].name} frame {index}"
        corrected = set(own["from_predicted"].tolist()) & set(others["instance_id"].tolist())
        left_out.add("predicted instance with a correction (which is imported)", place, len(corrected))
        left_out.add("predicted instance that no person has corrected", place, len(others) - len(corrected))
        if len(own) == 0 and (number, index) not in negatives:
            left_out.add("frame without instances that is not marked as negative", place, int(start == end))
            continue
        image = videos[number].image(index)
        if image is None:
            left_out.add("labeled frame that the file does not hold", place)
            continue
        scores = dict(zip(rows["instance_id"].tolist(), rows["score"].tolist(), strict=True))
        for row in own:
            points = _points_of(row, tables.points, tables, image.file_name)
            image.instances.append(_read_instance(row, points, tables, scores, image.file_name, left_out))
        for row in others:
            if int(row["instance_id"]) not in corrected:
                points = _points_of(row, tables.predicted_points, tables, image.file_name)
                image.untouched.append(_read_instance(row, points, tables, {}, image.file_name, LeftOut()))
        image.emptied_by = None if len(own) else "human"
        images.append(image)
    return images


def _points_of(row: np.void, points: np.ndarray | h5py.Dataset, tables: _Tables, file_name: str) -> np.ndarray:
    """The points of an instance, out of the table that has them."""
    found = np.asarray(points[int(row["point_id_start"]) : int(row["point_id_end"])])
    if len(found) != tables.n_keypoints:
        raise LabelError(f"{file_name}: an animal has {len(found)} points, its skeleton {tables.n_keypoints}")
    return found


def _read_instance(
    row: np.void,
    points: np.ndarray,
    tables: _Tables,
    scores: Mapping[int, float],
    file_name: str,
    left_out: LeftOut,
) -> SourceInstance:
    x, y = points["x"] + tables.shift, points["y"] + tables.shift
    is_placed = ~np.isnan(x) & ~np.isnan(y)
    is_filler = is_placed & ~points["visible"] & ~points["complete"]
    left_out.add("hidden keypoint that no person has placed", file_name, int(is_filler.sum()))
    visibility = np.where(points["visible"], VISIBLE, OCCLUDED)
    visibility[~is_placed | is_filler] = UNLABELED
    track = int(row["track"])
    return SourceInstance(
        np.column_stack([x, y, visibility]).astype(np.float64),
        individual=tables.tracks[track] if track >= 0 else None,
        provenance=_read_provenance(int(row["from_predicted"]), scores),
    )


def _read_provenance(from_predicted: int, scores: Mapping[int, float]) -> Provenance:
    """Whether a person has made an instance, or has taken over the prediction of this number."""
    if from_predicted < 0:
        return Provenance("human")
    score = scores.get(from_predicted, np.nan)
    return Provenance("corrected", score if np.isfinite(score) else None)
