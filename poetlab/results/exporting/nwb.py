"""Neurodata Without Borders (https://www.nwb.org) with the extension ndx-pose (https://github.com/rly/ndx-pose).

One file an individual, since an NWB file is about one subject; movement and keypoint-moseq read no others. The poses
are where those two look for them: `processing/behavior/PoseEstimation`, with a series for each keypoint.
"""

import math
import re
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import poetlab
from poetlab.errors import ResultsError
from poetlab.poses import Poses
from poetlab.results.exporting.writers import Writer, file_name_part

if TYPE_CHECKING:
    import ndx_pose
    import pynwb

_UNKNOWN_START = datetime(1970, 1, 1, tzinfo=UTC)
"""NWB demands to know when the recording began, which a result does not; nobody takes this for the truth."""


def nwb_files(poses: Poses, name: str) -> dict[str, Writer]:
    """One file for each individual, or for each slot."""
    files: dict[str, Writer] = {}
    for number, individual in enumerate(poses.individuals):
        stem = f"{name}_{file_name_part(individual)}"
        files[f"{stem}.nwb"] = partial(_write_individual, number=number, identifier=stem)
    if len(files) < len(poses.individuals):
        raise ResultsError(f"{name}: some individuals' names differ only in what no file name may hold; rename them")
    return files


def _write_individual(poses: Poses, path: Path, *, number: int, identifier: str) -> None:
    import h5py
    import ndx_pose
    import pynwb

    individual = poses.individuals[number]
    file = pynwb.NWBFile(
        session_description=f"{individual} in {poses.video}, its poses by poetlab. {_meaning_of_individuals(poses)}",
        identifier=identifier,
        session_start_time=_UNKNOWN_START,
        subject=_subject(poses, individual),
    )
    behavior = file.create_processing_module("behavior", "processed behavioral data")
    skeleton = _skeleton(poses, file.subject)
    video = _video(poses)
    if video is not None:
        file.add_acquisition(video)
    behavior.add(ndx_pose.Skeletons(skeletons=[skeleton]))
    behavior.add(_pose_estimation(poses, number, skeleton, video))
    # opened here, because pynwb warns of names that do not end in .nwb
    with h5py.File(path, "w") as opened, pynwb.NWBHDF5IO(file=opened, mode="w") as writer:
        writer.write(file)


def _meaning_of_individuals(poses: Poses) -> str:
    if poses.tracked:
        return "An individual is one animal throughout."
    return "The file is not tracked: a slot is the animal of one rank of score in each frame, not one over time."


def _subject(poses: Poses, individual: str) -> "pynwb.file.Subject | None":
    """The animal; none for one slot of several, which is no animal over time."""
    import pynwb

    return pynwb.file.Subject(subject_id=individual) if poses.tracked or len(poses.individuals) == 1 else None


def _skeleton(poses: Poses, subject: "pynwb.file.Subject | None") -> "ndx_pose.Skeleton":
    import ndx_pose

    edges = np.array(poses.skeleton.edge_indices, dtype="uint8").reshape(-1, 2)
    name = re.sub("[/:]", "_", poses.skeleton.name)
    return ndx_pose.Skeleton(name=name, nodes=_node_names(poses), edges=edges, subject=subject)


def _node_names(poses: Poses) -> list[str]:
    """Keypoint names without the signs that NWB uses in paths."""
    names = [re.sub("[/:]", "_", name) for name in poses.skeleton.keypoints]
    if len(set(names)) < len(names):
        raise ResultsError(f"{poses.video}: NWB takes / and : for _, and then two keypoints have one name; rename one")
    return names


def _video(poses: Poses) -> "pynwb.image.ImageSeries | None":
    """The video; None where not all of its frames were analyzed, because NWB wants to know the times of all."""
    import pynwb

    if not np.array_equal(poses.frames, np.arange(poses.n_frames)):
        return None
    height, width = poses.size
    return pynwb.image.ImageSeries(
        name="source_video",
        description="the video that was analyzed",
        external_file=[poses.video],
        format="external",
        starting_frame=[0],
        dimension=[width, height],
        timestamps=poses.times,
        unit="n.a.",
    )


def _pose_estimation(
    poses: Poses, number: int, skeleton: "ndx_pose.Skeleton", video: "pynwb.image.ImageSeries | None"
) -> "ndx_pose.PoseEstimation":
    import ndx_pose

    series: list[ndx_pose.PoseEstimationSeries] = []
    for index, name in enumerate(_node_names(poses)):
        series.append(
            ndx_pose.PoseEstimationSeries(
                name=name,
                description=f"position of {poses.skeleton.keypoints[index]}",
                data=poses.keypoints[:, number, index],
                unit="pixels",
                reference_frame="(0, 0) is the center of the top-left pixel of the frame; x points right, y down",
                timestamps=series[0] if series else poses.times,
                confidence=poses.visibility[:, number, index],
                confidence_definition="predicted probability that the keypoint can be seen",
            )
        )
    rate = "unknown" if math.isnan(poses.fps) else f"{poses.fps:g}"
    return ndx_pose.PoseEstimation(
        name="PoseEstimation",
        pose_estimation_series=series,
        description=f"poses of {poses.individuals[number]}; average frames a second of the video: {rate}",
        scorer=poses.model,
        source_software="poetlab",
        source_software_version=poetlab.__version__,
        skeleton=skeleton,
        source_video=video,
    )
