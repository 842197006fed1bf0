"""Cores are shared while an analysis runs, and given back after it."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from poetlab.analysis.pipeline import analyze_video
from poetlab.analysis.plan import AnalysisPlan, Progress
from poetlab.analysis.prediction import FittingPredictor
from poetlab.analysis.workers import share_cores
from poetlab.inference import Predictor
from poetlab.results.reading import read_poses

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def four_cores() -> Iterator[None]:
    n_before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(n_before)


def n_threads_elsewhere() -> int:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return found[0]


def test_each_worker_has_its_cores_and_they_are_given_back() -> None:
    with share_cores(CPU) as n_workers:
        assert n_workers * n_threads_elsewhere() == 4
    assert torch.get_num_threads() == n_threads_elsewhere() == 4


def test_many_cores_do_not_make_many_batches() -> None:
    torch.set_num_threads(32)
    with share_cores(CPU) as n_workers:
        assert n_workers <= 4
        assert n_workers * n_threads_elsewhere() == 32


@pytest.mark.parametrize(
    ("n_cores", "n_workers", "cores_each"), [(1, 1, 1), (2, 2, 1), (3, 3, 1), (6, 3, 2), (7, 3, 2)]
)
def test_hardly_a_core_is_idle_where_cores_cannot_be_dealt_out_evenly(
    n_cores: int, n_workers: int, cores_each: int
) -> None:
    torch.set_num_threads(n_cores)
    with share_cores(CPU) as n_found:
        assert (n_found, n_threads_elsewhere()) == (n_workers, cores_each)


def test_a_gpu_takes_one_batch_at_a_time_and_leaves_the_cores() -> None:
    with share_cores(torch.device("cuda")) as n_workers:
        assert n_workers == 1
        assert torch.get_num_threads() == 4


def test_cores_are_given_back_after_an_error() -> None:
    with pytest.raises(ValueError, match="no"), share_cores(CPU):
        raise ValueError("no")
    assert torch.get_num_threads() == 4


def test_the_poses_do_not_depend_on_how_many_batches_are_computed_at_once(
    predictor: Predictor, make_video: Callable[..., Path], plan: Callable[..., AnalysisPlan], tmp_path: Path
) -> None:
    video = make_video(n_frames=13)

    def poses_with(n_cores: int) -> np.ndarray:
        torch.set_num_threads(n_cores)
        path = tmp_path / f"{n_cores}.h5"
        analyze_video(FittingPredictor(predictor), video, path, plan(batch_size=2), Progress())
        return read_poses(path).keypoints

    np.testing.assert_array_equal(poses_with(1), poses_with(4))
