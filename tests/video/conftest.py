"""Video files made on the fly."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

SIZE = (48, 64)
N_BITS = 8


def frame_image(index: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """An image that shows its index as dark and bright stripes, and some noise so that packets have bytes to damage."""
    stripes = 60 + 120 * ((index >> np.arange(N_BITS)) & 1)
    noise = np.random.default_rng(index).integers(-40, 41, (*size, 3))
    return (np.repeat(stripes, size[1] // N_BITS)[:, None] + noise).astype(np.uint8)


@pytest.fixture
def make_video(tmp_path: Path) -> Callable[..., Path]:
    """Write a test video: `make_video(name, n_frames=60, fps=25, stamps=None, codec="libx264", ...)`."""

    def make(
        name: str,
        *,
        n_frames: int = 60,
        fps: float = 25,
        stamps: Sequence[int] | None = None,
        codec: str = "libx264",
        pixel_format: str = "yuv420p",
        size: tuple[int, int] = SIZE,
        **container_options: Any,
    ) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w", container_options=container_options) as container:
            stream = container.add_stream(codec, rate=Fraction(fps).limit_denominator(1001))
            stream.height, stream.width = size
            stream.pix_fmt = pixel_format
            if stamps is not None:
                stream.codec_context.time_base = Fraction(1, 1000)
            for index in range(n_frames):
                frame = av.VideoFrame.from_ndarray(frame_image(index, size), format="rgb24")
                if stamps is not None:
                    frame.pts, frame.time_base = stamps[index], Fraction(1, 1000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return path

    return make
