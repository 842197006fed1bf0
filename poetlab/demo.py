"""The demo: a project with drawn labels and a drawn video, small enough for minutes on a laptop's CPU."""

from collections.abc import Callable
from pathlib import Path

from poetlab.analysis.settings import AnalysisSettings
from poetlab.config import Config
from poetlab.drawn.dataset import draw_dataset
from poetlab.drawn.tracks import draw_video
from poetlab.project import Project, create_project
from poetlab.training.settings import TrainingConfig

N_IMAGES = 400
N_FRAMES = 150
N_ANIMALS = 3
SIZE = (128, 128)
"""(height, width) of the drawings in pixels."""

_LABELS_SEED = 1
_VIDEO_SEED = 2

DEMO_CONFIG = Config(
    individuals=N_ANIMALS,
    training=TrainingConfig(epochs=15, validate_every=5),  # a few minutes
    analysis=AnalysisSettings(batch_size=16),
)
"""The settings of the demo's project; what is not named here is poetlab's default."""


def create_demo_project(folder: str | Path) -> Project:
    """Make the demo's project folder.

    Raises:
        ProjectError: If the folder is a project already.
    """
    return create_project(folder, config=DEMO_CONFIG)


def draw_demo_labels(project: Project, on_progress: Callable[[int, int], None] | None = None) -> Path:
    """Draw labeled images beside the project's folders, in plain COCO form as another tool would give them.

    Returns:
        The folder to import.
    """
    folder = project.path / "drawn"
    draw_dataset(
        folder, n_images=N_IMAGES, n_animals=(1, N_ANIMALS), size=SIZE, seed=_LABELS_SEED, on_progress=on_progress
    )
    return folder


def draw_demo_video(project: Project, on_progress: Callable[[int, int], None] | None = None) -> Path:
    """Draw a video of the same kind of animals.

    Returns:
        The video's path.
    """
    path = project.path / "drawn.mp4"
    draw_video(path, n_frames=N_FRAMES, n_animals=N_ANIMALS, size=SIZE, seed=_VIDEO_SEED, on_progress=on_progress)
    return path
