"""`poetlab info`: versions, device, and what is in the project."""

import platform
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from poetlab.cli.console import counted, plain, relative, show
from poetlab.cli.options import ProjectOption
from poetlab.errors import PoetlabError, ProjectError

if TYPE_CHECKING:
    from poetlab.project import Project

_PACKAGES = ("poetlab", "torch", "torchvision", "av", "pandas", "h5py")


def info(project: ProjectOption = Path()) -> None:
    """Show versions, the device, and a summary of the project."""
    import torch

    from poetlab.device import choose_device
    from poetlab.project import open_project

    show("  ".join(f"{name} {version(name)}" for name in _PACKAGES) + f"  Python {platform.python_version()}")
    device = choose_device()
    detail = torch.cuda.get_device_name(device) if device.type == "cuda" else counted(torch.get_num_threads(), "thread")
    show(f"device: {device} ({detail})")
    try:
        opened = open_project(project)
    except ProjectError as error:
        show(plain(error))
        return
    _show_project(opened)


def _show_project(project: "Project") -> None:
    from poetlab.labels.label_set import ANNOTATIONS, load_label_set

    show(f"project: {plain(project.path)}")
    if project.has_skeleton:
        skeleton = project.skeleton()
        show(f"  skeleton {plain(skeleton.name)}: {counted(skeleton.n_keypoints, 'keypoint')}")
    else:
        show("  no skeleton yet; the first import sets it")
    for path in sorted(project.labels_dir.glob(f"*/{ANNOTATIONS}")):
        try:
            labels = load_label_set(path.parent)
        except PoetlabError as error:
            show(f"  [red]{plain(error)}[/]")
            continue
        images = f"{counted(labels.n_images, 'image')} ({labels.select('val').n_images} for validation)"
        show(f"  labels {plain(labels.name)}: {images}, {counted(labels.n_instances, 'animal')}")
    for run in project.runs():
        state = "best and last" if run.best.is_file() else "last only" if run.last.is_file() else "no snapshot"
        show(f"  model {plain(run.name)}: {state}")
    n_results = sum(_is_result(path) for path in project.results_dir.rglob("*.h5"))
    show(f"  {counted(n_results, 'result file')} in {relative(project.results_dir)}")


def _is_result(path: Path) -> bool:
    """Whether an HDF5 file is poetlab's own, and not one that was exported for another tool."""
    from poetlab.results.reading import read_attributes

    try:
        read_attributes(path)
    except PoetlabError:
        return False
    return True
