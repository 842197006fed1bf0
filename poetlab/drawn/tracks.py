"""A drawn video, and what is true of each of its frames."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poetlab.drawn.animals import LIZARD
from poetlab.drawn.scenario import Scenario
from poetlab.drawn.scene import draw_shot
from poetlab.skeleton import Skeleton
from poetlab.video.writing import VideoWriter


@dataclass(frozen=True, eq=False)
class DrawnTracks:
    """What is true of a drawn video; the animal axis is the identity.

    Attributes:
        skeleton: Names of the keypoint axis.
        keypoints: (frames, animals, k, 3) x and y in pixels, and visibility: 2 visible, 1 hidden by another
            animal, 0 outside of the picture, where x and y are NaN.
        bboxes: (frames, animals, 4) x, y, width, height of what can be seen; NaN where nothing can.
        areas: (frames, animals) square pixels that can be seen.
        size: (height, width) of the picture in pixels.
        fps: Frames a second.
    """

    skeleton: Skeleton
    keypoints: np.ndarray
    bboxes: np.ndarray
    areas: np.ndarray
    size: tuple[int, int]
    fps: float


def draw_video(
    path: Path,
    *,
    n_frames: int,
    n_animals: int = 3,
    size: tuple[int, int] = (192, 192),
    fps: float = 25.0,
    seed: int = 0,
    scenario: Scenario | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> DrawnTracks:
    """Draw a video of animals that meet, hide one another and, with enough `Scenario.roaming`, leave and return.

    Args:
        path: The video file to write.
        n_frames: Number of frames.
        n_animals: Number of animals throughout.
        size: (height, width) of the frames in pixels.
        fps: Frames a second.
        seed: The same arguments draw the same frames.
        scenario: The animals' looks and habits; the default ones if omitted.
        on_progress: Called with the frames drawn so far and all.

    Returns:
        The truth about every frame.

    Raises:
        VideoError: If the file cannot be written.
    """
    keypoints = np.empty((n_frames, n_animals, LIZARD.n_keypoints, 3))
    bboxes = np.empty((n_frames, n_animals, 4))
    areas = np.empty((n_frames, n_animals))
    rng = np.random.default_rng(seed)
    shot = draw_shot(rng, n_frames=n_frames, n_animals=n_animals, size=size, fps=fps, scenario=scenario)
    with VideoWriter(path, size, fps) as video:
        for frame, picture in enumerate(shot):
            video.write(picture.image)
            keypoints[frame] = picture.keypoints
            bboxes[frame], areas[frame] = picture.bboxes, picture.areas
            if on_progress:
                on_progress(frame + 1, n_frames)
    return DrawnTracks(LIZARD, keypoints, bboxes, areas, size, fps)
