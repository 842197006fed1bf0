"""DeepLabCut's h5 and csv."""

import io
import pickletools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest

from poetlab.poses import Poses
from poetlab.results.exporting.deeplabcut import deeplabcut_files

MakePoses = Callable[..., Poses]
SEVERAL = ["scorer", "individuals", "bodyparts", "coords"]
SINGLE = ["scorer", "bodyparts", "coords"]


def write(poses: Poses, folder: Path) -> tuple[Path, Path]:
    for name, write_file in deeplabcut_files(poses, "video").items():
        write_file(poses, folder / name)
    return folder / "videoDLC_001-poet-r18.h5", folder / "videoDLC_001-poet-r18.csv"


def expected_values(poses: Poses) -> np.ndarray:
    return np.concatenate([poses.keypoints, poses.visibility[..., None]], axis=-1).reshape(poses.n_frames, -1)


@pytest.mark.parametrize(("individuals", "levels"), [(("zoe", "adam"), SEVERAL), (("zoe",), SINGLE)])
def test_both_files_have_the_header_levels_of_deeplabcut(
    make_poses: MakePoses, tmp_path: Path, individuals: tuple[str, ...], levels: list[str]
):
    poses = make_poses(individuals=individuals)
    h5, csv = write(poses, tmp_path)
    parts = {
        "scorer": ["DLC_001-poet-r18"],
        "individuals": list(individuals),
        "bodyparts": list(poses.skeleton.keypoints),
        "coords": ["x", "y", "likelihood"],
    }
    columns = pd.MultiIndex.from_product([parts[level] for level in levels], names=levels)
    expected = pd.DataFrame(expected_values(poses), index=pd.RangeIndex(12), columns=columns)
    pd.testing.assert_frame_equal(pd.read_hdf(h5).rename_axis(index=None), expected, check_index_type=False)
    lines = csv.read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[0] for line in lines] == [*levels, *map(str, range(12))]
    read = pd.read_csv(csv, header=list(range(len(levels))), index_col=0)
    pd.testing.assert_frame_equal(read.rename_axis(index=None), expected.astype(np.float64), rtol=1e-6)


def test_csv_keeps_a_first_frame_without_animals(make_poses: MakePoses, tmp_path: Path):
    _, csv = write(make_poses(), tmp_path)
    table = pd.read_csv(csv, header=[0, 1, 2, 3], index_col=0)
    assert table.index.tolist() == list(range(12))
    assert table.iloc[0].xs("likelihood", level="coords").eq(0).all()
    assert table.iloc[0].xs("x", level="coords").isna().all()


def test_rows_are_called_by_the_frames_of_the_video(make_poses: MakePoses, tmp_path: Path):
    frames = 100 + 5 * np.arange(12)
    h5, csv = write(make_poses(frames=frames), tmp_path)
    assert pd.read_hdf(h5).index.tolist() == frames.tolist()
    assert pd.read_csv(csv, header=[0, 1, 2, 3], index_col=0).index.tolist() == frames.tolist()


def test_the_scorer_becomes_a_file_name(make_poses: MakePoses):
    names = deeplabcut_files(make_poses(model="models/my run:1"), "video")
    assert list(names) == ["videoDLC_models_my_run_1.h5", "videoDLC_models_my_run_1.csv"]


@pytest.mark.parametrize("individuals", [("zoe", "adam"), ("zoe",)])
def test_nothing_is_pickled(make_poses: MakePoses, tmp_path: Path, individuals: tuple[str, ...]):
    h5, _ = write(make_poses(individuals=individuals), tmp_path)
    objects: dict[str, h5py.HLObject] = {}
    with h5py.File(h5) as file:
        file.visititems(objects.__setitem__)
        assert "df_with_missing/block0_values" in objects
        for name, item in objects.items():
            assert not isinstance(item, h5py.Dataset) or item.dtype.kind in "iufS", name
            assert not any(is_pickle(value) for value in item.attrs.values()), name


def is_pickle(value: object) -> bool:
    if not isinstance(value, bytes):
        return False
    try:
        pickletools.dis(value, out=io.StringIO())
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("individuals", [("zoe", "adam"), ("zoe",)])
@pytest.mark.parametrize("suffix", [".h5", ".csv"])
def test_movement_reads_both(
    make_poses: MakePoses,
    in_movement: Callable[..., Any],
    tmp_path: Path,
    individuals: tuple[str, ...],
    suffix: str,
):
    from movement.io import load_dataset, load_poses

    poses = make_poses(individuals=individuals)
    path = next(path for path in write(poses, tmp_path) if path.suffix == suffix)
    for dataset in (
        load_poses.from_dlc_file(path, fps=25),
        load_dataset(path, source_software="DeepLabCut", fps=25),
    ):
        found = in_movement(dataset)
        assert found.keypoints == list(poses.skeleton.keypoints)
        assert len(individuals) == 1 or found.individuals == list(individuals)
        np.testing.assert_allclose(found.position, poses.keypoints, rtol=1e-6)
        np.testing.assert_allclose(found.confidence, poses.visibility, rtol=1e-6)
