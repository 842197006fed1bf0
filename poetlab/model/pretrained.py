"""Starting a network from the weights of another one, for any skeleton."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from poetlab.errors import SnapshotError
from poetlab.model.backbone import from_torchvision, is_torchvision_resnet
from poetlab.model.checkpoint import load_published, load_snapshot
from poetlab.model.keypoint_map import KeypointMap, match_keypoints
from poetlab.model.poet import Poet
from poetlab.model.pose_vector import copy_keypoint_rows, vector_size
from poetlab.model.published import from_published, is_published_layout
from poetlab.skeleton import load_skeleton

_POSE_ROWS = ("pose_head.4.weight", "pose_head.4.bias")


@dataclass(frozen=True)
class Transfer:
    """What became of each tensor of the new network, and of each of its keypoints.

    Attributes:
        taken: Tensors copied whole.
        adapted: Tensors of which a part was copied: the pose head by keypoint, the queries by number.
        left: Tensors that keep their own start.
        keypoints_from: For each keypoint of the new network, the pretrained one whose rows of the pose head it got;
            None if it is new.
        known_keypoints: What the pretrained network predicts; nothing if it is a backbone alone.
    """

    taken: tuple[str, ...]
    adapted: tuple[str, ...]
    left: tuple[str, ...]
    keypoints_from: Mapping[str, str | None]
    known_keypoints: tuple[str, ...]

    @property
    def uses_pose_head(self) -> bool:
        """Whether the pose head was copied; if not, it starts at random."""
        return not any(name in self.left for name in _POSE_ROWS)

    @property
    def uses_backbone(self) -> bool:
        """Whether the whole backbone was copied."""
        return not any(name.startswith("backbone.") for name in self.left)


def start_from_file(
    model: Poet, keypoints: Sequence[str], path: Path, keypoint_map: KeypointMap | None = None
) -> Transfer:
    """Copy what fits from a poetlab snapshot, a checkpoint in the published layout, or a torchvision ResNet.

    Args:
        model: Changed in place.
        keypoints: Names of the model's keypoints.
        path: The file; the published checkpoints predict COCO's 17 keypoints, a ResNet none.
        keypoint_map: Which pretrained keypoints to start from where names differ.

    Raises:
        SnapshotError: If the file cannot be read, holds what is not a number, nothing in it fits, or there is a map but
            no pose head for it.
        SkeletonError: If the map names a keypoint that the pretrained network does not know.
    """
    weights, known_keypoints = _read_weights(path)
    if not all(tensor.isfinite().all() for tensor in weights.values()):
        raise SnapshotError(f"{path}: holds what is not a number, so its training has diverged; use other weights")
    if keypoint_map and not known_keypoints:
        raise SnapshotError(
            f"{path}: these weights know no keypoints; leave out --keypoint-map ({keypoint_map.source})"
        )
    transfer = start_from_weights(
        model, match_keypoints(keypoints, known_keypoints, keypoint_map), weights, known_keypoints
    )
    parts = ("backbone.", "transformer.")
    if all(any(name.startswith(part) for name in transfer.left) for part in parts):
        raise SnapshotError(f"{path}: neither its backbone nor its transformer fits; train with its own --preset")
    if keypoint_map and not transfer.uses_pose_head:
        raise SnapshotError(
            f"{path}: its pose head does not fit, so {keypoint_map.source} cannot be followed; train with its own "
            "--preset, or leave out --keypoint-map"
        )
    return transfer


@torch.no_grad()
def start_from_weights(
    model: Poet,
    keypoints_from: Mapping[str, str | None],
    weights: Mapping[str, Tensor],
    known_keypoints: Sequence[str],
) -> Transfer:
    """Copy every tensor of equal name and shape, and the parts that fit of the pose head and the queries.

    Keypoints that start from none of the pretrained network's lie at the animal's center at first, with a visibility
    of 1/2. If the pose head does not fit at all, it keeps its own start.

    Args:
        model: Changed in place.
        keypoints_from: For each of the model's keypoints, in their order, the pretrained one to start from, or None.
        weights: The pretrained network's state dict.
        known_keypoints: Names of its keypoints.
    """
    taken: list[str] = []
    adapted: list[str] = []
    left: list[str] = []
    origins = tuple(keypoints_from.values())
    rows_fit = _fits_pose_head(weights, model, len(known_keypoints))
    for name, tensor in model.state_dict().items():
        source = weights.get(name)
        if source is None or (name in _POSE_ROWS and not rows_fit):
            left.append(name)
        elif name in _POSE_ROWS:
            tensor.copy_(copy_keypoint_rows(source, known_keypoints, origins))
            same = origins == tuple(known_keypoints)
            (taken if same else adapted).append(name)
        elif source.shape == tensor.shape:
            tensor.copy_(source)
            taken.append(name)
        elif name == "queries" and source.shape[1:] == tensor.shape[1:]:
            n_common = min(len(source), len(tensor))
            tensor[:n_common] = source[:n_common]
            adapted.append(name)
        else:
            left.append(name)
    used = dict(keypoints_from) if rows_fit else dict.fromkeys(keypoints_from)
    return Transfer(tuple(taken), tuple(adapted), tuple(left), used, tuple(known_keypoints))


def _read_weights(path: Path) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The tensors of a file under the names that `Poet` gives them, and the names of the keypoints they predict."""
    if not path.is_file():
        raise SnapshotError(f"{path}: there is no such file of weights; correct --pretrained, or give none")
    if path.suffix == ".safetensors":
        snapshot = load_snapshot(path)
        return dict(snapshot.weights), snapshot.skeleton.keypoints
    weights = load_published(path)
    if is_published_layout(weights):
        return from_published(weights), load_skeleton("coco-person").keypoints
    if is_torchvision_resnet(weights):
        return from_torchvision(weights), ()
    raise SnapshotError(f"{path}: neither a poetlab snapshot nor a published POET checkpoint nor a ResNet")


def _fits_pose_head(weights: Mapping[str, Tensor], model: Poet, n_known: int) -> bool:
    """Whether the pose head's last layer has one row a number of the known pose vector, and the model's other sizes."""
    own = model.state_dict()
    shapes = {name: (vector_size(n_known), *own[name].shape[1:]) for name in _POSE_ROWS}
    return all(name in weights and tuple(weights[name].shape) == shape for name, shape in shapes.items())
