"""Poses to export."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from poetlab.poses import Poses
from poetlab.skeleton import Skeleton

MakePoses = Callable[..., Poses]


@pytest.fixture
def make_poses() -> MakePoses:
    """`make_poses(n_frames=12, individuals=("zoe", "adam"), frames=None, **facts)`: random poses, some missing.

    Nobody is in the first and the last frame; the first individual is absent from one more, a keypoint from another.
    """
    skeleton = Skeleton(
        "fly", ("wingR", "wingL", "head", "Schwänzchen"), (("head", "wingL"), ("head", "wingR")), (("wingL", "wingR"),)
    )

    def make(
        n_frames: int = 12,
        individuals: tuple[str, ...] = ("zoe", "adam"),
        frames: np.ndarray | None = None,
        **changes: Any,
    ) -> Poses:
        rng = np.random.default_rng(0)
        frames = np.arange(n_frames) if frames is None else frames
        shape = (n_frames, len(individuals))
        keypoints = rng.uniform(0, 1000, (*shape, 4, 2)).astype(np.float32)
        visibility = rng.uniform(0.1, 1, (*shape, 4)).astype(np.float32)
        scores = rng.uniform(0.5, 1, shape).astype(np.float32)
        for absent in ((0,), (-1,), (3, 0)):
            keypoints[absent], visibility[absent], scores[absent] = np.nan, 0, 0
        keypoints[5, 0, 1] = np.nan
        facts = {"size": (480, 640), "fps": 25.0, "video": "video.mp4", "model": "001-poet-r18", "tracked": True}
        facts |= {"skeleton": skeleton, "keypoints": keypoints, "visibility": visibility, "scores": scores}
        return Poses(individuals=individuals, frames=frames, times=frames / 25, **(facts | changes))

    return make


@dataclass(frozen=True)
class MovementPoses:
    """A dataset of movement's as plain arrays."""

    individuals: list[str]
    keypoints: list[str]
    position: np.ndarray
    confidence: np.ndarray


@pytest.fixture
def in_movement() -> Callable[[Any], MovementPoses]:
    """A function that takes a dataset of movement's apart, whether its dimensions are called in singular or plural."""

    def take_apart(dataset: Any) -> MovementPoses:
        plural = "s" if "individuals" in dataset.dims else ""
        individual, keypoint = f"individual{plural}", f"keypoint{plural}"
        return MovementPoses(
            dataset[individual].values.tolist(),
            dataset[keypoint].values.tolist(),
            dataset.position.transpose("time", individual, keypoint, "space").values,
            dataset.confidence.transpose("time", individual, keypoint).values,
        )

    return take_apart
