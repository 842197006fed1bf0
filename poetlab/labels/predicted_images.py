"""Predicted poses as images with labels that nobody has confirmed."""

from collections.abc import Sequence

import numpy as np

from poetlab.errors import LabelError
from poetlab.labels.frame_names import frame_file_name
from poetlab.labels.label_set import UNLABELED, VISIBLE
from poetlab.labels.provenance import Provenance
from poetlab.labels.source_labels import LeftOut, SourceImage, SourceInstance
from poetlab.labels.video_frames import SourceVideo
from poetlab.poses import SEEN, Poses


def predicted_images(
    poses: Poses, frames: Sequence[int], video: SourceVideo, name: str, file: str, left_out: LeftOut
) -> list[SourceImage]:
    """Some frames with the animals that are predicted in them.

    A keypoint is visible if its predicted visibility is at least one half. All others are left unlabeled, because a
    network learns nothing of where hidden ones are. The animals have names if the poses are tracked.

    Args:
        poses: The poses.
        frames: Numbers of frames in the video, rising.
        video: The video, whose file is known.
        name: What to call the video.
        file: The name of the result file.
        left_out: Where to count what is left out.

    Returns:
        An image a frame, also where no animal is predicted; such an image is one that a model has found empty.

    Raises:
        LabelError: If the poses are not of such a frame.
    """
    rows = {int(frame): row for row, frame in enumerate(poses.frames)}
    if missing := [frame for frame in frames if frame not in rows]:
        numbers = f"{poses.frames[0]} to {poses.frames[-1]}" if poses.n_frames else "none"
        raise LabelError(f"{file}: frame {missing[0]} was not analyzed (analyzed are {poses.n_frames}: {numbers})")
    images = []
    for frame in frames:
        image = SourceImage(
            frame_file_name(name, frame), poses.size, origin=video.frame(frame), video=name, frame=frame
        )
        image.instances = _instances(poses, rows[frame], file, left_out, image.file_name)
        image.emptied_by = None if image.instances else "model"
        images.append(image)
    return images


def _instances(poses: Poses, row: int, file: str, left_out: LeftOut, file_name: str) -> list[SourceInstance]:
    instances = []
    for number, individual in enumerate(poses.individuals):
        points = poses.keypoints[row, number].astype(np.float64)
        is_placed = np.isfinite(points).all(axis=-1)
        if not is_placed.any():
            continue
        is_seen = is_placed & (poses.visibility[row, number] >= SEEN)
        if not is_seen.any():
            left_out.add("predicted animal of which no keypoint is likely to be seen", file_name)
            continue
        visibility = np.where(is_seen, VISIBLE, UNLABELED)
        instances.append(
            SourceInstance(
                np.column_stack([points, visibility]),
                individual=individual if poses.tracked else None,
                provenance=Provenance("model", float(poses.scores[row, number]), "poetlab", file),
            )
        )
    return instances
