"""SLEAP's two files: the analysis HDF5, which is arrays, and the .slp, which is a project.

Pixels are SLEAP's as they are: the center of the top-left pixel is (0, 0) since version 1.1 of its format
(https://github.com/talmolab/sleap/issues/296, https://github.com/talmolab/sleap-io/pull/231).

Both are written here and not by sleap-io, whose objects take about forty times the memory of the
numbers in them; sleap-io writes what is not numbers into the .slp.
"""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np

import poetlab
from poetlab.poses import Poses
from poetlab.results.exporting.writers import Writer, frames_at_once, parts_of
from poetlab.skeleton import Skeleton
from poetlab.sleap_records import FRAME, INSTANCE, NO_ONE, PREDICTED, PREDICTED_POINT

if TYPE_CHECKING:
    import sleap_io

_CHUNK_FRAMES = 4096


def sleap_files(_: Poses, name: str) -> dict[str, Writer]:
    """One analysis file and one project."""
    return {f"{name}.analysis.h5": write_analysis, f"{name}.predictions.slp": write_slp}


def write_analysis(poses: Poses, path: Path) -> None:
    """Write SLEAP's analysis HDF5: a column for every frame of the video up to the last one analyzed.

    The names of its datasets, and the order of their axes, are those of SLEAP's own
    (https://github.com/talmolab/sleap, `sleap/info/write_tracking_h5.py`). A file of several slots names them as
    tracks, because the format has no other place for more than one animal; one untracked animal has no track.
    """
    n_frames = int(poses.frames[-1]) + 1
    n_tracks, n_nodes = len(poses.individuals), poses.skeleton.n_keypoints
    with h5py.File(path, "w") as file:
        _write_names(file, poses)
        file.attrs.update(preset="matlab", format="analysis", **_facts_for_sleap_io(poses))
        tracks = _dataset(file, "tracks", (n_tracks, 2, n_nodes, n_frames), "f8", ("track", "xy", "node", "frame"))
        occupancy = _dataset(file, "track_occupancy", (n_frames, n_tracks), "u1", ("frame", "track"))
        point_scores = _dataset(file, "point_scores", (n_tracks, n_nodes, n_frames), "f8", ("track", "node", "frame"))
        scores = _dataset(file, "instance_scores", (n_tracks, n_frames), "f8", ("track", "frame"))
        _dataset(file, "tracking_scores", (n_tracks, n_frames), "f8", ("track", "frame"))
        for part in _dense_parts(poses):
            columns = slice(int(part.frames[0]), int(part.frames[-1]) + 1)
            missing = np.isnan(part.keypoints).any(axis=-1)
            present = ~missing.all(axis=-1)
            tracks[..., columns] = np.where(missing[..., None], np.nan, part.keypoints).transpose(1, 3, 2, 0)
            occupancy[columns] = present
            point_scores[..., columns] = np.where(missing, np.nan, part.visibility).transpose(1, 2, 0)
            scores[:, columns] = np.where(present, part.scores, np.nan).T


def write_slp(poses: Poses, path: Path) -> None:
    """Write SLEAP's project, with a labeled frame for every analyzed one, also where nobody is in it.

    Individuals become tracks; slots do not, so their instances have none.
    """
    _write_empty_slp(poses, path)
    present = ~np.isnan(poses.keypoints).any(axis=-1).all(axis=-1)
    starts = np.concatenate([[0], np.cumsum(present.sum(axis=1))])
    frames = np.zeros(poses.n_frames, FRAME)
    frames["frame_id"], frames["frame_idx"] = np.arange(poses.n_frames), poses.frames
    frames["instance_id_start"], frames["instance_id_end"] = starts[:-1], starts[1:]
    with h5py.File(path, "a") as file:
        for name, dtype, n in (
            ("instances", INSTANCE, 1),
            ("pred_points", PREDICTED_POINT, poses.skeleton.n_keypoints),
        ):
            del file[name]
            file.create_dataset(name, (int(starts[-1]) * n,), dtype)
        del file["frames"]
        file["frames"] = frames
        n_done = n_frames_done = 0
        for part in parts_of(poses):
            instances, points = _instances_and_points(part, n_done, n_frames_done)
            file["instances"][n_done : n_done + len(instances)] = instances
            start = n_done * poses.skeleton.n_keypoints
            file["pred_points"][start : start + points.size] = points.ravel()
            n_done, n_frames_done = n_done + len(instances), n_frames_done + part.n_frames


def _dense_parts(poses: Poses) -> Iterator[Poses]:
    """Poses of consecutive frames at a time, with nobody in those that were not analyzed."""
    n_frames = int(poses.frames[-1]) + 1
    at_once = frames_at_once(poses)
    for start in range(0, n_frames, at_once):
        frames = np.arange(start, min(start + at_once, n_frames))
        first, last = np.searchsorted(poses.frames, [frames[0], frames[-1] + 1])
        if first < last:
            rows, places = slice(first, last), poses.frames[first:last] - start
            yield replace(
                poses,
                frames=frames,
                times=_spread(poses.times[rows], places, len(frames), np.nan),
                keypoints=_spread(poses.keypoints[rows], places, len(frames), np.nan),
                visibility=_spread(poses.visibility[rows], places, len(frames), 0),
                scores=_spread(poses.scores[rows], places, len(frames), 0),
            )


def _spread(values: np.ndarray, places: np.ndarray, n: int, missing: float) -> np.ndarray:
    """`n` rows, of which those at `places` have these values."""
    spread = np.full((n, *values.shape[1:]), missing, values.dtype)
    spread[places] = values
    return spread


def _dataset(file: h5py.File, name: str, shape: tuple[int, ...], dtype: str, axes: tuple[str, ...]) -> h5py.Dataset:
    """A compressed dataset that is NaN, or 0 where it holds integers, until something is written to it."""
    chunks = tuple(min(n, _CHUNK_FRAMES) if axis == "frame" else n for n, axis in zip(shape, axes, strict=True))
    fill = np.nan if dtype.startswith("f") else 0
    dataset = file.create_dataset(name, shape, dtype, chunks=chunks, compression="gzip", shuffle=True, fillvalue=fill)
    dataset.attrs["dims"] = json.dumps(axes)
    return dataset


def _write_names(file: h5py.File, poses: Poses) -> None:
    skeleton = poses.skeleton
    has_tracks = poses.tracked or len(poses.individuals) > 1
    file["track_names"] = _encoded(poses.individuals if has_tracks else ())
    file["node_names"] = _encoded(skeleton.keypoints)
    file["edge_names"] = _encoded([name for edge in skeleton.edges for name in edge]).reshape(-1, 2)
    file["edge_inds"] = np.array(skeleton.edge_indices, dtype="i8").reshape(-1, 2)
    file["labels_path"] = ""
    file["video_path"] = poses.video
    file["video_ind"] = 0
    file["provenance"] = json.dumps(_provenance(poses))


def _encoded(names: Sequence[str]) -> np.ndarray:
    return np.array([name.encode() for name in names] or np.empty(0, "S1"))


def _provenance(poses: Poses) -> dict[str, str]:
    return {"poetlab_version": poetlab.__version__, "model": poses.model}


def _facts_for_sleap_io(poses: Poses) -> dict[str, str]:
    """What sleap-io keeps in attributes, because SLEAP's own files have no place for it."""
    return {
        "skeleton_name": poses.skeleton.name,
        "skeleton_symmetries": json.dumps(poses.skeleton.symmetries),
        "video_backend_metadata": json.dumps({"shape": _video_shape(poses)}),
    }


def _video_shape(poses: Poses) -> tuple[int, int, int, int]:
    """Frames up to the last one analyzed, height, width, and three colors."""
    return int(poses.frames[-1]) + 1, *poses.size, 3


def _write_empty_slp(poses: Poses, path: Path) -> None:
    """Write the video, the skeleton and the tracks, without a frame."""
    import sleap_io

    facts = {"shape": _video_shape(poses)} | ({} if math.isnan(poses.fps) else {"fps": poses.fps})
    video = sleap_io.Video(poses.video, open_backend=False, backend_metadata=facts)
    labels = sleap_io.Labels(
        videos=[video],
        skeletons=[_sleap_skeleton(poses.skeleton)],
        tracks=[sleap_io.Track(name) for name in poses.individuals] if poses.tracked else [],
        provenance=_provenance(poses),
    )
    sleap_io.save_slp(labels, str(path), embed=False, verbose=False)


def _sleap_skeleton(skeleton: Skeleton) -> "sleap_io.Skeleton":
    import sleap_io

    return sleap_io.Skeleton(
        nodes=list(skeleton.keypoints),
        edges=list(skeleton.edges),
        symmetries=list(skeleton.symmetries),
        name=skeleton.name,
    )


def _instances_and_points(part: Poses, first: int, first_frame: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows of SLEAP's tables for some frames.

    Args:
        part: The poses.
        first: Number of the first instance.
        first_frame: Row of the first frame in the table of frames.

    Returns:
        (n,) instances and (n, k) points.
    """
    visible = ~np.isnan(part.keypoints).any(axis=-1)
    frame, individual = np.nonzero(visible.any(axis=-1))
    n, k = len(frame), part.skeleton.n_keypoints
    instances = np.zeros(n, INSTANCE)
    instances["instance_id"] = first + np.arange(n)
    instances["instance_type"] = PREDICTED
    instances["frame_id"] = first_frame + frame
    instances["track"] = individual if part.tracked else NO_ONE
    instances["from_predicted"] = NO_ONE
    instances["score"] = part.scores[frame, individual]
    instances["point_id_start"] = instances["instance_id"] * k
    instances["point_id_end"] = instances["point_id_start"] + k
    points = np.zeros((n, k), PREDICTED_POINT)
    points["visible"] = visible[frame, individual]
    points["x"], points["y"] = (
        np.where(points["visible"], part.keypoints[frame, individual, :, axis], np.nan) for axis in (0, 1)
    )
    points["score"] = np.where(points["visible"], part.visibility[frame, individual], 0)
    return instances, points
