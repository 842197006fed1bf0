"""What keypoint_moseq.load_keypoints (0.8.1) asks of the files of each format.

The package needs jax, so it is not run here. The functions say in their own words what its loaders do: which file
extensions, which headers, datasets and axes they rely on, and what they name the recordings.
"""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pynwb
import pytest
import sleap_io

from poetlab.poses import Poses
from poetlab.results.exporting.export import export_poses
from poetlab.results.exporting.formats import export_format

MakePoses = Callable[..., Poses]
Recordings = dict[str, np.ndarray]
"""(frames, keypoints, 3) positions and confidences by the name of the recording."""


def load_deeplabcut(path: Path) -> tuple[Recordings, list[str] | set[str]]:
    if path.suffix == ".h5":
        table = pd.read_hdf(path)
    else:
        has_individuals = "individuals" in path.read_text(encoding="utf-8").splitlines()[1]
        table = pd.read_csv(path, header=[0, 1, 2, 3] if has_individuals else [0, 1, 2], index_col=0)
    bodyparts = table.columns.get_level_values("bodyparts").unique().tolist()
    if "individuals" not in table.columns.names:
        return {path.stem: table.to_numpy().reshape(len(table), -1, 3)}, bodyparts
    individuals = table.columns.get_level_values("individuals").unique()
    parts = {name: table.xs(name, axis=1, level="individuals").to_numpy() for name in individuals if name != "single"}
    recordings = {f"{path.stem}_{name}": part.reshape(len(part), -1, 3) for name, part in parts.items()}
    return recordings, set(bodyparts)  # it returns a set, whose order says nothing; docs/downstream.md warns of that


def load_sleap(path: Path) -> tuple[Recordings, list[str]]:
    if path.suffix == ".slp":
        labels = sleap_io.load_slp(path, open_videos=False)
        assert len(labels.skeletons) == 1
        values, bodyparts = labels.numpy(return_confidence=True).transpose(1, 0, 2, 3), labels.skeletons[0].node_names
    else:
        with h5py.File(path) as file:
            positions = file["tracks"][()].transpose(0, 3, 2, 1)
            confidences = file["point_scores"][()].transpose(0, 2, 1)
            bodyparts = [name.decode() for name in file["node_names"]]
        values = np.concatenate([positions, confidences[..., None]], axis=-1)
    names = [path.stem] if len(values) == 1 else [f"{path.stem}_track{number}" for number in range(len(values))]
    return dict(zip(names, values, strict=True)), bodyparts


def load_nwb(path: Path) -> tuple[Recordings, list[str]]:
    from ndx_pose import PoseEstimation

    with pynwb.NWBHDF5IO(path, mode="r", load_namespaces=True) as reader:
        (estimation,) = [part for part in reader.read().all_children() if isinstance(part, PoseEstimation)]
        bodyparts = list(estimation.nodes[:])
        series = [estimation.pose_estimation_series[name] for name in bodyparts]
        values = [np.concatenate([one.data[()], one.confidence[()][:, None]], axis=1) for one in series]
    return {path.stem: np.stack(values, axis=1)}, bodyparts


CASES = [
    ("dlc", ".h5", load_deeplabcut),
    ("dlc", ".csv", load_deeplabcut),
    ("sleap", ".h5", load_sleap),
    ("sleap", ".slp", load_sleap),
    ("nwb", ".nwb", load_nwb),
]


@pytest.mark.parametrize("individuals", [("zoe", "adam"), ("zoe",)])
@pytest.mark.parametrize(("name", "suffix", "load"), CASES, ids=[f"{name}{suffix}" for name, suffix, _ in CASES])
def test_every_individual_is_a_recording_of_all_frames(
    make_poses: MakePoses,
    tmp_path: Path,
    individuals: tuple[str, ...],
    name: str,
    suffix: str,
    load: Callable[[Path], tuple[Recordings, list[str] | set[str]]],
):
    poses = make_poses(individuals=individuals)
    paths = export_poses(poses, export_format(name), tmp_path, "video")
    recordings: Recordings = {}
    for path in paths:
        if path.suffix == suffix:
            loaded, bodyparts = load(path)
            assert not set(loaded) & set(recordings)
            recordings |= loaded
            assert bodyparts in (list(poses.skeleton.keypoints), set(poses.skeleton.keypoints))
    assert len(recordings) == len(individuals)
    for number, values in enumerate(recordings.values()):
        assert values.shape == (12, 4, 3)
        np.testing.assert_allclose(values[..., :2], poses.keypoints[:, number], rtol=1e-6)
        # a confidence counts only where there is a position
        known = ~np.isnan(poses.keypoints[:, number]).any(axis=-1)
        np.testing.assert_allclose(values[known, 2], poses.visibility[:, number][known], rtol=1e-6)
