"""Poses of many animals in images and videos, with POET, the pose estimation transformer.

The main job in five lines:

    project = poetlab.create_project("myproject")
    poetlab.import_labels(project, "labels.json")
    poetlab.train(project)
    poetlab.evaluate(project)
    poetlab.analyze(project, ["video.mp4"])
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from poetlab.errors import PoetlabError
    from poetlab.poses import Instances, Poses
    from poetlab.project import Project, create_project, open_project
    from poetlab.results.reading import read_poses, read_table
    from poetlab.skeleton import Skeleton, load_skeleton
    from poetlab.workflow.analyzing import analyze
    from poetlab.workflow.checking import check_labels
    from poetlab.workflow.evaluating import evaluate
    from poetlab.workflow.exporting import export_results
    from poetlab.workflow.exporting_labels import export_labels
    from poetlab.workflow.extracting import extract_frames
    from poetlab.workflow.filtering import filter_results
    from poetlab.workflow.importing import import_labels
    from poetlab.workflow.networks import load_predictor
    from poetlab.workflow.plotting import plot_results
    from poetlab.workflow.rendering import render_results
    from poetlab.workflow.suggesting import suggest_frames
    from poetlab.workflow.tracking import track_results
    from poetlab.workflow.training import train

_HOMES = {
    "PoetlabError": "poetlab.errors",
    "Instances": "poetlab.poses",
    "Poses": "poetlab.poses",
    "Project": "poetlab.project",
    "create_project": "poetlab.project",
    "open_project": "poetlab.project",
    "read_poses": "poetlab.results.reading",
    "read_table": "poetlab.results.reading",
    "Skeleton": "poetlab.skeleton",
    "load_skeleton": "poetlab.skeleton",
    "analyze": "poetlab.workflow.analyzing",
    "check_labels": "poetlab.workflow.checking",
    "evaluate": "poetlab.workflow.evaluating",
    "export_labels": "poetlab.workflow.exporting_labels",
    "export_results": "poetlab.workflow.exporting",
    "extract_frames": "poetlab.workflow.extracting",
    "filter_results": "poetlab.workflow.filtering",
    "import_labels": "poetlab.workflow.importing",
    "load_predictor": "poetlab.workflow.networks",
    "plot_results": "poetlab.workflow.plotting",
    "render_results": "poetlab.workflow.rendering",
    "suggest_frames": "poetlab.workflow.suggesting",
    "track_results": "poetlab.workflow.tracking",
    "train": "poetlab.workflow.training",
}
"""The module of each public name, imported when the name is first used, so that `import poetlab` is fast."""

__all__ = [
    "Instances",
    "PoetlabError",
    "Poses",
    "Project",
    "Skeleton",
    "__version__",
    "analyze",
    "check_labels",
    "create_project",
    "evaluate",
    "export_labels",
    "export_results",
    "extract_frames",
    "filter_results",
    "import_labels",
    "load_predictor",
    "load_skeleton",
    "open_project",
    "plot_results",
    "read_poses",
    "read_table",
    "render_results",
    "suggest_frames",
    "track_results",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'poetlab' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
