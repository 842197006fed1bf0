"""`load_predictor`: a trained network of a project."""

from dataclasses import replace
from pathlib import Path

from poetlab.device import choose_device
from poetlab.errors import SkeletonError
from poetlab.inference import Predictor
from poetlab.model.checkpoint import load_snapshot
from poetlab.project import Project
from poetlab.skeleton import Skeleton


def load_predictor(
    project: Project, snapshot: str | None = None, device: str | None = None, *, decoder_layers: int | None = None
) -> tuple[Predictor, Path]:
    """A trained network of a project, and the file that it came from.

    Args:
        project: The project.
        snapshot: Which network; None for the latest run's best.
        device: Where to compute; None to choose.
        decoder_layers: Keep only so many of its decoder layers, the first; None for all.

    Raises:
        SnapshotError: If there is no such snapshot, it cannot be read, or it has fewer decoder layers.
        SkeletonError: If it predicts another skeleton than the project's.
    """
    path = project.find_snapshot(snapshot)
    loaded = load_snapshot(path)
    skeleton = project.skeleton()
    _check_same_keypoints(loaded.skeleton, skeleton, path)
    loaded = replace(loaded, skeleton=skeleton)  # its edges and sigmas may have been edited since
    if decoder_layers is not None:
        loaded = loaded.with_decoder_layers(decoder_layers)
    name = path.parent.name if path.parent.parent == project.models_dir else path.stem
    return Predictor.from_snapshot(loaded, choose_device(device), name), path


def _check_same_keypoints(snapshot: Skeleton, project: Skeleton, path: Path) -> None:
    if snapshot.keypoints != project.keypoints:
        predicted, wanted = (
            f"{len(names)} ({', '.join(names[:3])}, ...)" for names in (snapshot.keypoints, project.keypoints)
        )
        raise SkeletonError(
            f"{path}: this network predicts other keypoints, {predicted}, than the project has, {wanted}; "
            "train one for this project, starting from it with --pretrained"
        )
