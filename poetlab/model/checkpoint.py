"""Snapshots: a network's weights with everything needed to use it, in one safetensors file.

The format holds tensors and text only, so that loading a snapshot cannot execute code.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile, is_zipfile

import torch
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from poetlab.errors import PoetlabError, SnapshotError
from poetlab.files import whole_file
from poetlab.model.network import Network, build_network
from poetlab.model.presets import ModelSettings, NetworkSettings, SwiftSettings
from poetlab.skeleton import Skeleton

FORMAT = "poetlab-snapshot-1"
_WEIGHTS = "weights."
_STATE = "state."
_SETTINGS: TypeAdapter[ModelSettings | SwiftSettings] = TypeAdapter(NetworkSettings)


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A network at one moment of its training.

    Attributes:
        settings: Sizes of the network.
        skeleton: The skeleton that it predicts.
        weights: Its state dict.
        facts: Everything else worth knowing, as JSON: input size, epoch, figures.
        state: Tensors that continuing the training needs, such as the optimizer's; empty in a `best` snapshot.
    """

    settings: ModelSettings | SwiftSettings
    skeleton: Skeleton
    weights: Mapping[str, Tensor]
    facts: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, Tensor] = field(default_factory=dict)

    def build_model(self) -> Network:
        """The network with these weights, in evaluation mode.

        Raises:
            SnapshotError: If the weights do not fit the settings and the skeleton.
        """
        model = build_network(self.settings, self.skeleton.n_keypoints)
        try:
            model.load_state_dict(dict(self.weights))
        except RuntimeError as error:
            raise SnapshotError("the snapshot's weights do not fit its own settings; the file is damaged") from error
        return model.eval()

    def with_decoder_layers(self, n_layers: int) -> "Snapshot":
        """The network with only its first decoder layers, without what continuing its training would need.

        Training supervises every decoder layer with the same heads, so each of these is a whole network.

        Args:
            n_layers: How many, from 1 to all that it has.

        Raises:
            SnapshotError: If it has fewer.
        """
        n_all = self.settings.n_decoder_layers
        if not 1 <= n_layers <= n_all:
            raise SnapshotError(
                f"a network of {n_all} decoder layers has no first {n_layers}; choose from 1 to {n_all}"
            )
        decoder = "decoder" if isinstance(self.settings, SwiftSettings) else "transformer.decoder"
        left_out = tuple(f"{decoder}.{number}." for number in range(n_layers, n_all))
        weights = {name: tensor for name, tensor in self.weights.items() if not name.startswith(left_out)}
        settings = self.settings.model_copy(update={"n_decoder_layers": n_layers})
        return Snapshot(settings, self.skeleton, weights, self.facts)


def save_snapshot(path: Path, snapshot: Snapshot) -> None:
    """Write a snapshot; the file appears whole or not at all.

    Raises:
        SnapshotError: If it cannot be written.
    """
    tensors = {_WEIGHTS + name: tensor for name, tensor in snapshot.weights.items()}
    tensors |= {_STATE + name: tensor for name, tensor in snapshot.state.items()}
    metadata = {
        "format": FORMAT,
        "settings": snapshot.settings.model_dump_json(),
        "skeleton": json.dumps(snapshot.skeleton.to_dict()),
        "facts": json.dumps(snapshot.facts),
    }
    try:
        with whole_file(path) as partial:
            partial.touch()  # with the user's own permissions, where safetensors would make it private
            save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, partial, metadata)
    except (OSError, SafetensorError) as error:
        raise SnapshotError(f"{path}: cannot be written ({error}); free some space or choose another folder") from error


def load_snapshot(path: Path) -> Snapshot:
    """Read a snapshot.

    Raises:
        SnapshotError: If the file is missing, cut short, or no poetlab snapshot.
    """
    if not path.is_file():
        raise SnapshotError(f"{path}: there is no such snapshot; train first, or name another")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except (SafetensorError, OSError) as error:
        raise SnapshotError(f"{path}: not a readable poetlab snapshot ({error}); was it copied whole?") from error
    if metadata.get("format") != FORMAT:
        raise SnapshotError(f"{path}: a safetensors file, but not a poetlab snapshot of format {FORMAT}")
    try:
        return Snapshot(
            settings=_SETTINGS.validate_python({"family": "poet"} | json.loads(metadata["settings"])),
            skeleton=Skeleton.from_dict(json.loads(metadata["skeleton"]), str(path)),
            weights=_with_prefix(tensors, _WEIGHTS),
            facts=json.loads(metadata["facts"]),
            state=_with_prefix(tensors, _STATE),
        )
    except (KeyError, ValueError, ValidationError, PoetlabError) as error:
        reason = " ".join(repr(error).split())  # pydantic writes several lines
        raise SnapshotError(f"{path}: the snapshot's description is damaged ({reason})") from error


def load_published(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a `torch.save` checkpoint under its "model" key, without executing code from it.

    The published checkpoints carry the training's command line beside the tensors, so `argparse.Namespace` is
    allowed: it only holds values, and these may be nothing but tensors and plain values in turn.

    Raises:
        SnapshotError: If the file is not such a checkpoint, is damaged, or holds anything but plain tensors and values.
    """
    _check_not_damaged(path)
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for damaged and for unsafe files
        raise SnapshotError(f"{path}: neither a poetlab snapshot nor a checkpoint of plain tensors") from error
    weights = content.get("model", content) if isinstance(content, dict) else None
    if not isinstance(weights, dict) or not all(_is_plain_tensor(tensor) for tensor in weights.values()):
        raise SnapshotError(f"{path}: holds no dictionary of plain tensors under 'model'")
    return weights


def _check_not_damaged(path: Path) -> None:
    """Compare the checksums in a zip file, which is what `torch.save` writes, with its content; torch does not."""
    try:
        if not is_zipfile(path):
            return
        with ZipFile(path) as file:
            is_damaged = file.testzip() is not None
    except (BadZipFile, OSError, ValueError, NotImplementedError, EOFError):
        is_damaged = True
    if is_damaged:
        raise SnapshotError(f"{path}: its content does not fit the checksums in it; was it copied whole?")


def _is_plain_tensor(value: Any) -> bool:
    """Whether this is numbers in memory, and neither sparse, nor quantized, nor complex, nor without its data."""
    is_dense = isinstance(value, Tensor) and value.layout == torch.strided and not value.is_quantized
    return is_dense and value.device.type == "cpu" and not value.is_complex()


def _with_prefix(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
