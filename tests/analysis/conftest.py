"""A network whose answers say which frame it saw, and videos whose frames say which one they are."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from poetlab.analysis.plan import AnalysisPlan
from poetlab.analysis.selection import Selection
from poetlab.analysis.settings import AnalysisSettings
from poetlab.data.image_size import ImageSizeSettings
from poetlab.inference import Predictor
from poetlab.model.poet import Poet
from poetlab.model.presets import ModelSettings
from poetlab.skeleton import Skeleton
from poetlab.tracking.settings import TrackingSettings

MakeVideo = Callable[..., Path]
Plan = Callable[..., AnalysisPlan]


@pytest.fixture(scope="session")
def predictor() -> Predictor:
    """A tiny network with random weights, which answers differently to each frame."""
    torch.manual_seed(0)
    settings = ModelSettings(
        backbone="resnet18", n_features=16, n_feedforward=16, n_heads=2, n_queries=4, n_encoder_layers=1,
        n_decoder_layers=1, dropout=0,
    )  # fmt: skip
    model = Poet(settings, 2).eval()
    for parameter in model.pose_head.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    size = ImageSizeSettings(short_side=(32, 32), long_side=64)
    return Predictor(model, Skeleton("fly", ("head", "tail")), size, torch.device("cpu"), "tiny", {})


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """An analysis of everything that the network says, in batches of 4 and not tracked unless told otherwise."""

    def make(
        batch_size: int | None = 4, *, overwrite: bool = False, tracked: bool = False, **selected: object
    ) -> AnalysisPlan:
        return AnalysisPlan(
            output_dir=tmp_path / "results",
            n_individuals=3,
            settings=AnalysisSettings(threshold=0, batch_size=batch_size),
            selection=Selection(**selected),  # type: ignore[arg-type]
            tracking=TrackingSettings(enabled=tracked),
            overwrite=overwrite,
        )

    return make


@pytest.fixture(scope="session")
def make_video(tmp_path_factory: pytest.TempPathFactory) -> MakeVideo:
    """Write a video whose frames differ: `make_video(name, n_frames=22, stamps=None)`; stamps are milliseconds."""

    def make(name: str = "walk.mp4", n_frames: int = 22, stamps: Sequence[int] | None = None) -> Path:
        path = tmp_path_factory.mktemp("video") / name
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=25, options={"bf": "2", "g": "8"})
            stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
            stream.codec_context.time_base = Fraction(1, 1000)
            for index in range(n_frames):
                frame = av.VideoFrame.from_ndarray(frame_image(index), format="rgb24")
                frame.pts = stamps[index] if stamps is not None else 40 * index
                frame.time_base = Fraction(1, 1000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return path

    return make


def frame_image(index: int) -> np.ndarray:
    """A bright square that moves, on a ground that changes."""
    image = np.full((48, 64, 3), 40 + 5 * (index % 20), np.uint8)
    image[10 + index % 20 : 22 + index % 20, 2 * (index % 24) : 2 * (index % 24) + 14] = (230, 120, 60)
    return image
