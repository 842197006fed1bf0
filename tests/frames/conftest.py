"""Videos whose frames are known."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from poetlab.video.writing import VideoWriter

MakeVideo = Callable[[Sequence[np.ndarray]], Path]


@pytest.fixture
def make_video(tmp_path: Path) -> MakeVideo:
    """`make_video(images)`: a video of these images."""

    def make(images: Sequence[np.ndarray]) -> Path:
        path = tmp_path / "video.mp4"
        with VideoWriter(path, images[0].shape[:2], 25) as writer:
            for image in images:
                writer.write(image)
        return path

    return make
