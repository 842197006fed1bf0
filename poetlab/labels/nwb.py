"""NWB files with the labels of the extension ndx-pose: `PoseTraining`, its training frames and their skeletons.

Format: https://github.com/rly/ndx-pose. Read with h5py, so that neither pynwb nor the extension need be there.
"""

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from poetlab.errors import LabelError
from poetlab.labels.hdf5 import open_labels
from poetlab.labels.label_set import OCCLUDED, UNLABELED, VISIBLE
from poetlab.labels.nwb_file import child, children, find_all, read_array, read_texts
from poetlab.labels.nwb_images import NwbImages
from poetlab.labels.source_labels import LeftOut, SourceImage, SourceInstance, SourceLabels
from poetlab.skeleton import Skeleton, infer_skeleton


def matches_nwb(path: Path) -> bool:
    """Whether a file is HDF5 and called as NWB files are."""
    return path.suffix.lower() == ".nwb" and path.is_file() and bool(h5py.is_hdf5(path))


def read_nwb(path: Path) -> SourceLabels:
    """Read the training frames of a file.

    A node that is not visible is occluded if it has a position, and unlabeled without one. The subjects of the
    extension ndx-multisubjects become identities; without them an instance's number tells nothing.

    Raises:
        LabelError: If the file has no training frames, contradicts itself, or leads to another file.
        SkeletonError: If its skeleton is none.
    """
    with open_labels(path, "NWB with ndx-pose's PoseTraining", "save it again") as file:
        return _read(file, path)


def _read(file: h5py.File, path: Path) -> SourceLabels:
    frames = [frame for training in find_all(file, "PoseTraining") for frame in find_all(training, "TrainingFrame")]
    if not frames:
        if find_all(file, "PoseEstimation"):
            what = "holds predictions (PoseEstimation) and no labels (PoseTraining)"
            raise LabelError(f"{what}; give the file that the model was trained with")
        raise LabelError("holds no training frames (PoseTraining of ndx-pose); give the file that has the labels")
    left_out = LeftOut()
    series = {one.name: one for frame in frames if (one := child(frame, "source_video")) is not None}
    images = NwbImages(path, list(series.values()))
    skeletons: dict[str, Skeleton] = {}
    subjects = _subjects(file)
    found = []
    for frame in frames:
        image = _read_image(frame, images, left_out)
        if image is not None:
            instances = [
                one for group in children(frame, "SkeletonInstances") for one in children(group, "SkeletonInstance")
            ]
            image.instances = [_read_instance(one, skeletons, subjects, left_out) for one in instances]
            found.append(image)
    found.sort(key=lambda image: (image.video or "", image.frame or 0, image.file_name))
    skeleton = _one_skeleton(list(skeletons.values()))
    return SourceLabels(skeleton, found, "as given in the file", left_out, images.folders)


def _subjects(file: h5py.File) -> list[str]:
    """The names of the subjects in the order of their numbers; empty without a table of them."""
    tables = find_all(file["general"], "SubjectsTable") if "general" in file else []
    return read_texts(tables[0], "subject_id") if tables else []


def _read_image(frame: Any, images: NwbImages, left_out: LeftOut) -> SourceImage | None:
    picture, series = child(frame, "source_frame"), child(frame, "source_video")
    index = frame.attrs.get("source_video_frame_index")
    if series is not None and index is not None:
        return images.frame(series, int(index))
    if picture is not None:
        return images.picture(picture)
    left_out.add("training frame that does not say what image it is of", frame.name.rpartition("/")[2])
    return None


def _read_instance(
    instance: Any, skeletons: dict[str, Skeleton], subjects: list[str], left_out: LeftOut
) -> SourceInstance:
    group = next(children(instance, "Skeleton"), None)
    if group is None:
        raise LabelError(f"{instance.name}: has no skeleton; save it again")
    if group.name not in skeletons:
        skeletons[group.name] = _read_skeleton(group)
    n_keypoints = skeletons[group.name].n_keypoints
    points, visible = read_array(instance, "node_locations"), read_array(instance, "node_visibility")
    if points is None or points.shape != (n_keypoints, 2):
        shape = None if points is None else points.shape
        raise LabelError(f"{instance.name}: has positions of the form {shape}, where ({n_keypoints}, 2) is needed")
    is_placed = ~np.isnan(points).any(axis=1)
    visibility = np.where(is_placed, VISIBLE, UNLABELED)
    if visible is not None:
        visibility[is_placed & ~visible.reshape(n_keypoints).astype(bool)] = OCCLUDED
    number = instance.attrs.get("id")
    if number is not None and not subjects:
        place = "/".join(instance.name.split("/")[-3::2])
        left_out.add("number of an animal (no table of subjects says who it is)", place)
    individual = subjects[int(number)] if number is not None and int(number) < len(subjects) else None
    return SourceInstance(np.column_stack([points, visibility]).astype(np.float64), individual=individual)


def _read_skeleton(group: Any) -> Skeleton:
    nodes = read_texts(group, "nodes")
    edges = read_array(group, "edges")
    pairs = [] if edges is None else edges.reshape(-1, 2).tolist()
    if any(end >= len(nodes) for pair in pairs for end in pair):
        raise LabelError(f"{group.name}: links a node that it does not have; save it again")
    return infer_skeleton(group.name.rpartition("/")[2], nodes, [(nodes[start], nodes[end]) for start, end in pairs])


def _one_skeleton(skeletons: list[Skeleton]) -> Skeleton:
    """The skeleton that all animals have."""
    if not skeletons:
        raise LabelError("no animal is in its training frames; label some")
    for other in skeletons[1:]:
        if other.keypoints != skeletons[0].keypoints:
            names = f"'{skeletons[0].name}' and '{other.name}'"
            raise LabelError(f"its animals have different skeletons, {names}; save a file for each")
    return skeletons[0]
