"""Starting a network from the weights of another one, for any skeleton."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from poetlab.errors import SnapshotError
from poetlab.model.backbone import from_torchvision
from poetlab.model.checkpoint import load_published, load_snapshot
from poetlab.model.keypoint_map import KeypointMap, match_keypoints
from poetlab.model.network import Network
from poetlab.model.pose_vector import copy_keypoint_rows, vector_size
from poetlab.model.published import from_published, is_published_layout
from poetlab.model.swift import Swift
from poetlab.skeleton import load_skeleton

_POSE_ROWS = ("pose_head.4.weight", "pose_head.4.bias")
"""What a faithful network has for each keypoint: rows of its pose head."""

_EMBEDDINGS = "keypoints"
"""What a swift network has for each keypoint: an embedding."""

_KEYPOINT_ROWS = (*_POSE_ROWS, _EMBEDDINGS)

_SWIFT_PREFIXES = {"transformer.encoder.": "encoder.", "transformer.decoder.": "decoder."}
"""Parts of a faithful network and what a swift one calls them."""

_COUNTER = ".num_batches_tracked"
"""Batch norms that can learn count batches; those that cannot do not, and nothing depends on it."""


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
        """Whether what is each keypoint's own was copied; if not, it starts at random."""
        return not any(name in self.left for name in _KEYPOINT_ROWS)

    @property
    def uses_backbone(self) -> bool:
        """Whether the whole backbone was copied."""
        return not any(name.startswith("backbone.") for name in self.left)


def start_from_file(
    model: Network, keypoints: Sequence[str], path: Path, keypoint_map: KeypointMap | None = None
) -> Transfer:
    """Copy what fits from a poetlab snapshot, a checkpoint in the published layout, or a torchvision model.

    Args:
        model: Changed in place.
        keypoints: Names of the model's keypoints.
        path: The file; the published checkpoints predict COCO's 17 keypoints, a backbone none.
        keypoint_map: Which pretrained keypoints to start from where names differ.

    Raises:
        SnapshotError: If the file cannot be read, holds what is not a number, nothing in it fits, or there is a map but
            no pose head for it.
        SkeletonError: If the map names a keypoint that the pretrained network does not know.
    """
    weights, known_keypoints = _read_weights(path, model)
    if not all(tensor.isfinite().all() for tensor in weights.values()):
        raise SnapshotError(f"{path}: holds what is not a number, so its training has diverged; use other weights")
    if keypoint_map and not known_keypoints:
        raise SnapshotError(
            f"{path}: these weights know no keypoints; leave out --keypoint-map ({keypoint_map.source})"
        )
    transfer = start_from_weights(
        model, match_keypoints(keypoints, known_keypoints, keypoint_map), weights, known_keypoints
    )
    parts = ("backbone.", "encoder." if isinstance(model, Swift) else "transformer.")
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
    model: Network,
    keypoints_from: Mapping[str, str | None],
    weights: Mapping[str, Tensor],
    known_keypoints: Sequence[str],
) -> Transfer:
    """Copy every tensor of equal name and shape, and the parts that fit of what each keypoint and query has.

    In a faithful network, keypoints that start from none of the pretrained network's lie at the animal's center at
    first, with a visibility of 1/2; in a swift one their embeddings keep their own start. If nothing of the keypoints
    fits, all of them do.

    Args:
        model: Changed in place.
        keypoints_from: For each of the model's keypoints, in their order, the pretrained one to start from, or None.
        weights: The pretrained network's state dict.
        known_keypoints: Names of its keypoints.
    """
    taken: list[str] = []
    adapted: list[str] = []
    left: list[str] = []
    own = model.state_dict()
    if isinstance(model, Swift):
        weights = _with_swift_names(weights)
    rows = _adapted_rows(own, keypoints_from, weights, known_keypoints)
    for name, tensor in own.items():
        source = rows.get(name) if name in _KEYPOINT_ROWS else weights.get(name)
        if source is None:
            if not name.endswith(_COUNTER):
                left.append(name)
        elif source.shape == tensor.shape:
            tensor.copy_(source)
            same = name not in rows or tuple(keypoints_from.values()) == tuple(known_keypoints)
            (taken if same else adapted).append(name)
        elif name == "queries" and source.shape[1:] == tensor.shape[1:]:
            n_common = min(len(source), len(tensor))
            tensor[:n_common] = source[:n_common]
            adapted.append(name)
        else:
            left.append(name)
    used = dict(keypoints_from) if rows else dict.fromkeys(keypoints_from)
    return Transfer(tuple(taken), tuple(adapted), tuple(left), used, tuple(known_keypoints))


def _adapted_rows(
    own: Mapping[str, Tensor],
    keypoints_from: Mapping[str, str | None],
    weights: Mapping[str, Tensor],
    known_keypoints: Sequence[str],
) -> dict[str, Tensor]:
    """What a network has for each keypoint, made of a pretrained network's; nothing if that does not fit.

    A new embedding keeps its own start, since several of zeros could not be told apart.
    """
    origins = tuple(keypoints_from.values())
    if _EMBEDDINGS in own:
        source = weights.get(_EMBEDDINGS)
        if source is None or source.shape != (len(known_keypoints), *own[_EMBEDDINGS].shape[1:]):
            return {}
        by_name = dict(zip(known_keypoints, source, strict=True))
        new = zip(origins, own[_EMBEDDINGS], strict=True)
        return {_EMBEDDINGS: torch.stack([start if origin is None else by_name[origin] for origin, start in new])}
    shapes = {name: (vector_size(len(known_keypoints)), *own[name].shape[1:]) for name in _POSE_ROWS}
    if not all(name in weights and tuple(weights[name].shape) == shape for name, shape in shapes.items()):
        return {}
    return {name: copy_keypoint_rows(weights[name], known_keypoints, origins) for name in _POSE_ROWS}


def _with_swift_names(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of either family under the names that `Swift` gives them."""
    renamed = {}
    for name, tensor in weights.items():
        prefix = next((prefix for prefix in _SWIFT_PREFIXES if name.startswith(prefix)), "")
        renamed[_SWIFT_PREFIXES.get(prefix, "") + name.removeprefix(prefix)] = tensor
    return renamed


def _read_weights(path: Path, model: Network) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The tensors of a file under poetlab's names, those of `Poet`, and the names of the keypoints they predict."""
    if not path.is_file():
        raise SnapshotError(f"{path}: there is no such file of weights; correct --pretrained, or give none")
    if path.suffix == ".safetensors":
        snapshot = load_snapshot(path)
        return dict(snapshot.weights), snapshot.skeleton.keypoints
    weights = load_published(path)
    if is_published_layout(weights):
        return from_published(weights), load_skeleton("coco-person").keypoints
    if of_backbone := from_torchvision(weights, model.backbone):
        return of_backbone, ()
    raise SnapshotError(
        f"{path}: neither a poetlab snapshot nor a published POET checkpoint nor the weights of "
        f"a {model.settings.backbone}, which is this network's backbone"
    )
