"""Starting a network from the weights of another one, for any skeleton."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from poetlab.errors import SnapshotError
from poetlab.model.backbone import from_torchvision, is_torchvision_resnet
from poetlab.model.checkpoint import load_published, load_snapshot
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
        adapted: Tensors of which a part was copied: the pose head by keypoint name, the queries by number.
        left: Tensors that keep their own start.
        keypoints_taken: Keypoints whose rows of the pose head were copied.
        keypoints_new: Keypoints that the pretrained network does not know.
    """

    taken: tuple[str, ...]
    adapted: tuple[str, ...]
    left: tuple[str, ...]
    keypoints_taken: tuple[str, ...]
    keypoints_new: tuple[str, ...]


def start_from_file(model: Poet, keypoints: Sequence[str], path: Path) -> Transfer:
    """Copy what fits from a poetlab snapshot, a checkpoint in the published layout, or a torchvision ResNet.

    Args:
        model: Changed in place.
        keypoints: Names of the model's keypoints.
        path: The file; the published checkpoints predict COCO's 17 keypoints, a ResNet none.

    Raises:
        SnapshotError: If the file cannot be read or nothing in it fits.
    """
    if not path.is_file():
        raise SnapshotError(f"{path}: there is no such file of weights; correct --pretrained, or give none")
    if path.suffix == ".safetensors":
        snapshot = load_snapshot(path)
        transfer = start_from_weights(model, keypoints, snapshot.weights, snapshot.skeleton.keypoints)
    else:
        weights = load_published(path)
        if is_published_layout(weights):
            pretrained_keypoints = load_skeleton("coco-person").keypoints
            transfer = start_from_weights(model, keypoints, from_published(weights), pretrained_keypoints)
        elif is_torchvision_resnet(weights):
            transfer = start_from_weights(model, keypoints, from_torchvision(weights), ())
        else:
            raise SnapshotError(f"{path}: neither a poetlab snapshot nor a published POET checkpoint nor a ResNet")
    parts = ("backbone.", "transformer.")
    if all(any(name.startswith(part) for name in transfer.left) for part in parts):
        raise SnapshotError(f"{path}: neither its backbone nor its transformer fits; train with its own --preset")
    return transfer


@torch.no_grad()
def start_from_weights(
    model: Poet, keypoints: Sequence[str], weights: Mapping[str, Tensor], pretrained_keypoints: Sequence[str]
) -> Transfer:
    """Copy every tensor of equal name and shape, and the parts that fit of the pose head and the queries.

    Args:
        model: Changed in place.
        keypoints: Names of the model's keypoints.
        weights: The pretrained network's state dict.
        pretrained_keypoints: Names of its keypoints.
    """
    taken: list[str] = []
    adapted: list[str] = []
    left: list[str] = []
    for name, tensor in model.state_dict().items():
        source = weights.get(name)
        if source is None:
            left.append(name)
        elif name in _POSE_ROWS and _fits_pose_head(source, tensor, len(pretrained_keypoints)):
            tensor.copy_(copy_keypoint_rows(source, pretrained_keypoints, tensor, keypoints))
            same = tuple(keypoints) == tuple(pretrained_keypoints)
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
    known = set(pretrained_keypoints) if _POSE_ROWS[0] in taken + adapted else set()
    return Transfer(
        tuple(taken),
        tuple(adapted),
        tuple(left),
        tuple(name for name in keypoints if name in known),
        tuple(name for name in keypoints if name not in known),
    )


def _fits_pose_head(source: Tensor, target: Tensor, n_keypoints: int) -> bool:
    """Whether `source` has one row a number of the pretrained pose vector and the target's other dimensions."""
    return len(source) == vector_size(n_keypoints) and source.shape[1:] == target.shape[1:]
