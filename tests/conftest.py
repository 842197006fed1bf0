"""Fixtures that more than one test file uses."""

import json
import shutil
import signal
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
import torch

from poetlab.config import Config
from poetlab.data.image_size import ImageSizeSettings
from poetlab.drawn.dataset import draw_dataset
from poetlab.model.presets import SwiftSettings
from poetlab.poses import Instances
from poetlab.project import Project, create_project, open_project
from poetlab.results.writing import ResultsWriter
from poetlab.skeleton import Skeleton
from poetlab.training.settings import TrainingSettings
from poetlab.workflow.importing import import_labels

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

SMALL_CONFIG = Config(
    preset="poet-r18",
    image_size=ImageSizeSettings(short_side=(48, 64), long_side=64),
    training=TrainingSettings(epochs=2, batch_size=4, validate_every=1),
)
"""A project that trains in seconds."""


hypothesis.settings.register_profile("steady", deadline=None, derandomize=True)
hypothesis.settings.load_profile("steady")  # the same examples everywhere; the first may have to import a library


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Compute with one thread: networks this small gain nothing from more, and lose much where cores are busy."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> Iterator[None]:
    """Let Ctrl-C through, to the tests and the commands they start, also where the tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def tiny_swift() -> SwiftSettings:
    """The sizes of a network of the swift family that runs in milliseconds."""
    return SwiftSettings(
        n_queries=4,
        n_decoder_layers=2,
        n_features=16,
        n_heads=4,
        n_feedforward=32,
        n_fine_features=8,
        n_key_features=8,
    )


@pytest.fixture
def shared_data() -> Path:
    """The folder of real recordings that are kept outside the repository."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the recordings are not at {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture
def recipe_weights(shared_data: Path) -> dict[str, torch.Tensor]:
    """Weights of a whole POET-R50 in the published layout, made by the recipe in the reference folder's README."""
    shapes = json.loads((shared_data.parent / "reference" / "poet_r50_state_dict_shapes.json").read_text())
    return {key: recipe_weight(key, shape) for key, shape in shapes.items()}


def recipe_weight(key: str, shape: list[int]) -> torch.Tensor:
    n = np.random.default_rng(zlib.crc32(key.encode())).standard_normal(shape).astype(np.float32)
    fan_in = int(np.prod(shape[1:]))
    if key.endswith("running_var"):
        n = 1 + 0.1 * np.abs(n)
    elif key.endswith("running_mean"):
        n = 0.05 * n
    elif len(shape) == 1:
        n = (0.3 if ".bn3." in key else 1.0) * (1 + 0.05 * n) if key.endswith("weight") else 0.02 * n
    elif key.startswith("kpt_embed.layers.2"):
        n = n * np.sqrt(4 / fan_in)
    elif key.endswith("multihead_attn.in_proj_weight"):
        n[: 2 * len(n) // 3] *= 12
        n = n * np.sqrt(1 / fan_in)
    elif key != "query_embed.weight":
        n = n * np.sqrt((2 if "backbone" in key else 1) / fan_in)
    return torch.from_numpy(n.astype(np.float32))


@pytest.fixture(scope="session")
def drawn_labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of twelve small drawn images with COCO labels."""
    folder = tmp_path_factory.mktemp("drawn") / "labels"
    draw_dataset(folder, n_images=12, n_animals=(1, 3), size=(64, 64), seed=5)
    return folder


@pytest.fixture(scope="session")
def labeled_project(tmp_path_factory: pytest.TempPathFactory, drawn_labels: Path) -> Path:
    """A project with the drawn labels; not to be changed, see `project`."""
    folder = tmp_path_factory.mktemp("labeled") / "project"
    import_labels(create_project(folder, config=SMALL_CONFIG), drawn_labels, name="drawn")
    return folder


@pytest.fixture
def project(labeled_project: Path, tmp_path: Path) -> Project:
    """A copy of the project with drawn labels."""
    return open_project(shutil.copytree(labeled_project, tmp_path / "project"))


@pytest.fixture
def make_result() -> Callable[..., Path]:
    """`make_result(path, n_frames=6, individuals=("slot_1", "slot_2"), tracked=False)`: a result file.

    Each animal moves by 6 pixels a frame; the second one is missing in frame 2. The tail is rarely visible.
    """

    def make(
        path: Path,
        n_frames: int = 6,
        individuals: tuple[str, ...] = ("slot_1", "slot_2"),
        *,
        tracked: bool = False,
        **changes: Any,
    ) -> Path:
        facts = {"size": (100, 200), "fps": 10.0, "video": f"{path.stem}.mp4", "model": "001-poet-r18"}
        facts |= {"skeleton": Skeleton("fly", ("head", "tail"), (("head", "tail"),))}
        facts |= {"video_fingerprint": "0" * 16, "settings": {}}
        with ResultsWriter(path, individuals=individuals, tracked=tracked, **(facts | changes)) as writer:
            for frame in range(n_frames):
                keypoints = np.array([[[6.0 * frame, 10], [50, 50]], [[90, 6.0 * frame], [95, 25]]])[: len(individuals)]
                visibility, scores = np.array([[0.9, 0.2], [0.8, 0.6]]), np.array([0.9, 0.7])
                n = 1 if frame == 2 else len(individuals)
                writer.append([frame / 10], [Instances(keypoints[:n], visibility[:n], scores[:n])], [frame])
            writer.finish()
        return path

    return make
