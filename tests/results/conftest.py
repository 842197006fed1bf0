"""Result files made on the fly."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from poetlab.poses import Instances
from poetlab.results.writing import ResultsWriter
from poetlab.skeleton import Skeleton


@pytest.fixture
def skeleton() -> Skeleton:
    """Four keypoints in no alphabetical order, one beyond ASCII."""
    return Skeleton("fly", ("wingR", "wingL", "head", "Schwänzchen"), (("head", "wingL"),), (("wingL", "wingR"),))


@pytest.fixture
def make_instances() -> Callable[[int, int], Instances]:
    """`make_instances(n, k)`: that many random poses of k keypoints, in any order of score."""
    rng = np.random.default_rng(0)

    def make(n: int, k: int) -> Instances:
        return Instances(
            keypoints=rng.uniform(0, 1000, (n, k, 2)).astype(np.float32),
            visibility=rng.uniform(0, 1, (n, k)).astype(np.float32),
            scores=rng.permutation(np.linspace(0.05, 0.95, n)).astype(np.float32),
        )

    return make


@pytest.fixture
def frames(make_instances: Callable[[int, int], Instances]) -> list[Instances]:
    """Detections of twelve frames: none, fewer than two, two, and more."""
    return [make_instances(n, 4) for n in (0, 1, 2, 3, 5, 2, 2, 0, 1, 4, 2, 2)]


@pytest.fixture
def open_writer(tmp_path: Path, skeleton: Skeleton) -> Callable[..., ResultsWriter]:
    """`open_writer(name="video.h5", **facts)`: a writer with every fact about the file filled in."""

    def open_(name: str = "video.h5", **changes: Any) -> ResultsWriter:
        facts = {
            "skeleton": skeleton,
            "individuals": ("zoe", "adam"),
            "size": (480, 640),
            "fps": 29.97,
            "video": "video.mp4",
            "video_fingerprint": "0123456789abcdef",
            "model": "poet_r50",
            "tracked": True,
            "settings": {"score_threshold": 0.5},
        }
        return ResultsWriter(tmp_path / name, **(facts | changes))

    return open_


@pytest.fixture
def write_results(open_writer: Callable[..., ResultsWriter], tmp_path: Path) -> Callable[..., Path]:
    """`write_results(frames, name="video.h5", **facts)`: a complete result file."""

    def write(frames: Sequence[Instances], name: str = "video.h5", **changes: Any) -> Path:
        with open_writer(name, **changes) as writer:
            writer.append(np.arange(len(frames)) / 25, frames, np.arange(len(frames)))
            writer.finish()
        return tmp_path / name

    return write
