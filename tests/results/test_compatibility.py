"""Result files open in the tools that people use next, as they are."""

import io
import json
import os
import pickletools
import subprocess
import venv
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from poetlab.poses import Instances
from poetlab.results.reading import read_poses
from poetlab.results.writing import ResultsWriter
from poetlab.skeleton import Skeleton

WriteResults = Callable[..., Path]
COLUMN_LEVELS = ["scorer", "individuals", "bodyparts", "coords"]


def test_pandas_reads_one_table_of_deeplabcuts_layout(write_results: WriteResults, frames: list[Instances]):
    path = write_results(frames)
    table = pd.read_hdf(path)
    poses = read_poses(path)
    values = np.concatenate([poses.keypoints, poses.visibility[..., None]], axis=-1)
    columns = pd.MultiIndex.from_product(
        [["poet_r50"], ["zoe", "adam"], ["wingR", "wingL", "head", "Schwänzchen"], ["x", "y", "likelihood"]],
        names=COLUMN_LEVELS,
    )
    expected = pd.DataFrame(values.reshape(12, -1), index=pd.RangeIndex(12, name="frame"), columns=columns)
    pd.testing.assert_frame_equal(table, expected)


def test_absent_individuals_are_nan_with_likelihood_0(write_results: WriteResults, frames: list[Instances]):
    first = pd.read_hdf(write_results(frames)).iloc[0]
    likelihood = first.xs("likelihood", level="coords")
    assert (likelihood == 0).all()
    assert first.drop("likelihood", level="coords").isna().all()


def test_columns_can_be_chosen_by_name_without_a_warning(write_results: WriteResults, frames: list[Instances]):
    table = pd.read_hdf(write_results(frames))
    assert table["poet_r50", "adam", "wingL"].shape == (12, 3)  # pandas warns where columns are not sorted


def test_wide_tables(write_results: WriteResults, make_instances: Callable[[int, int], Instances]):
    skeleton = Skeleton("wide", tuple(f"keypoint_{i}" for i in range(27)))
    individuals = tuple(f"individual_{i}" for i in range(25))
    path = write_results([make_instances(25, 27)] * 3, skeleton=skeleton, individuals=individuals)
    table = pd.read_hdf(path)
    assert table.shape == (3, 25 * 27 * 3)
    assert table.notna().all(axis=None)


def test_nothing_is_pickled(write_results: WriteResults, frames: list[Instances]):
    objects: dict[str, h5py.HLObject] = {}
    with h5py.File(write_results(frames)) as file:
        file.visititems(objects.__setitem__)
        assert "df_with_missing/block0_values" in objects
        for name, item in objects.items():
            if isinstance(item, h5py.Dataset):
                assert item.dtype.kind in "iufS", name
            for attribute, value in item.attrs.items():
                assert not is_pickle(value), (name, attribute)


def is_pickle(value: object) -> bool:
    if not isinstance(value, bytes):
        return False
    try:
        pickletools.dis(value, out=io.StringIO())
    except ValueError:
        return False
    return True


def test_keypoint_moseq_finds_every_individual(write_results: WriteResults, frames: list[Instances]):
    """What keypoint_moseq.io does with a DeepLabCut file: read without a key, then split by individual."""
    path = write_results(frames)
    poses = read_poses(path)
    table = pd.read_hdf(path)
    individuals = table.columns.get_level_values("individuals").unique()
    assert individuals.tolist() == ["zoe", "adam"]
    for index, individual in enumerate(individuals):
        part = table.xs(individual, axis=1, level="individuals")
        assert part.columns.get_level_values("bodyparts").unique().tolist() == list(poses.skeleton.keypoints)
        array = part.to_numpy().reshape(len(part), -1, 3)
        coordinates, confidences = array[:, :, :-1], array[:, :, -1]
        assert coordinates.shape == (12, 4, 2)
        assert confidences.shape == (12, 4)
        np.testing.assert_array_equal(coordinates, poses.keypoints[:, index])
        np.testing.assert_array_equal(confidences, poses.visibility[:, index])


def test_movement_loads_the_file(write_results: WriteResults, frames: list[Instances]):
    from movement.io import load_poses

    path = write_results(frames)
    poses = read_poses(path)
    dataset = load_poses.from_dlc_file(path, fps=25)
    # older versions of movement have plurals
    individual, keypoint = ("individual", "keypoint") if "individual" in dataset.dims else ("individuals", "keypoints")
    assert dataset.sizes == {"time": 12, "space": 2, keypoint: 4, individual: 2}
    assert dataset[individual].values.tolist() == ["zoe", "adam"]
    assert dataset[keypoint].values.tolist() == list(poses.skeleton.keypoints)
    position = dataset.position.transpose("time", individual, keypoint, "space").values
    confidence = dataset.confidence.transpose("time", individual, keypoint).values
    np.testing.assert_array_equal(position, poses.keypoints)
    np.testing.assert_array_equal(confidence, poses.visibility)


def test_movement_loads_a_file_of_some_frames(
    open_writer: Callable[..., ResultsWriter], frames: list[Instances], tmp_path: Path
):
    from movement.io import load_poses

    numbers = np.arange(100, 220, 10)
    with open_writer() as writer:
        writer.append(numbers / 25, frames, numbers)
        writer.finish()
    dataset = load_poses.from_dlc_file(tmp_path / "video.h5", fps=2.5)
    np.testing.assert_allclose(dataset.time, (numbers - 100) / 25)
    assert pd.read_hdf(tmp_path / "video.h5").index.tolist() == numbers.tolist()


READ_WITH_PANDAS_2 = """
import json, sys
import pandas as pd

table = pd.read_hdf(sys.argv[1])
print(json.dumps({
    "pandas": pd.__version__,
    "names": list(table.columns.names),
    "columns": [list(column) for column in table.columns],
    "index": table.index.tolist(),
    "values": table.to_numpy().tolist(),
}))
"""


@pytest.mark.slow
@pytest.mark.network
def test_pandas_2_reads_the_same_table(write_results: WriteResults, frames: list[Instances], tmp_path: Path):
    path = write_results(frames)
    venv.create(tmp_path / "pandas2", with_pip=True)
    python = tmp_path / "pandas2" / ("Scripts" if os.name == "nt" else "bin") / "python"
    install = [python, "-m", "pip", "install", "--quiet", "pandas<3", "tables"]
    installed = subprocess.run(install, check=False, capture_output=True, text=True)
    if installed.returncode and "connection" in installed.stderr.lower():
        pytest.skip("no package registry can be reached")
    assert installed.returncode == 0, installed.stderr
    read = [python, "-W", "error", "-c", READ_WITH_PANDAS_2, str(path)]
    found = json.loads(subprocess.run(read, check=True, capture_output=True, text=True).stdout)
    table = pd.read_hdf(path)
    assert found["pandas"].startswith("2.")
    assert found["names"] == COLUMN_LEVELS
    assert found["columns"] == [list(column) for column in table.columns]
    assert found["index"] == list(range(12))
    np.testing.assert_array_equal(np.array(found["values"], np.float32), table.to_numpy())
