"""Fixed encodings of positions, by waves: where each feature of a map lies, and where the points of a pose do."""

import math
from typing import NamedTuple

import torch
from torch import Tensor


def sine_position_encoding(valid: Tensor, n_features: int, temperature: float = 10_000.0) -> Tensor:
    """Sines and cosines of the row and column of each feature, as DETR has them (arXiv 2005.12872, appendix A.4).

    Rows and columns are counted from 1 over the valid part of the map and scaled so that the last is 2 pi,
    so the encoding tells the place relative to the image whatever its size.

    Args:
        valid: (B, h, w) true where the feature map shows image and not padding.
        n_features: Features of the encoding, divisible by 4; the first half encodes rows.
        temperature: Ratio between the longest and the shortest wave.

    Returns:
        (B, h * w, n_features).
    """
    rows = valid.cumsum(1, dtype=torch.float32)  # (B, h, w)
    columns = valid.cumsum(2, dtype=torch.float32)
    rows = rows / (rows[:, -1:, :] + 1e-6) * 2 * math.pi
    columns = columns / (columns[:, :, -1:] + 1e-6) * 2 * math.pi
    encoding = torch.cat([_waves(rows, n_features // 2, temperature), _waves(columns, n_features // 2, temperature)], 3)
    return encoding.flatten(1, 2)  # (B, h, w, n_features) -> (B, h * w, n_features)


class MapPositions:
    """The position encodings of maps without padding; the latest is kept for the next map of its size.

    A network holds one of these. It is no part of the network's state: copies of the network and other devices
    compute their own when they need it.

    Args:
        n_features: Features of the encoding, divisible by 4.
    """

    def __init__(self, n_features: int) -> None:
        self.n_features = n_features
        self._latest: tuple[_Kind, Tensor] | None = None

    def __call__(self, maps: Tensor) -> Tensor:
        """The encoding (1, h * w, n_features) of maps (B, D, h, w), on their device and of their type."""
        kind = _Kind(maps.shape[-2:], maps.device, maps.dtype)
        if torch.compiler.is_exporting():  # tensors are mere signs then, of no use later
            return self._encoding(kind)
        if self._latest is None or self._latest[0] != kind:
            self._latest = kind, self._encoding(kind)
        return self._latest[1]

    def _encoding(self, kind: "_Kind") -> Tensor:
        # what is made in inference mode could take no part in training later
        with torch.inference_mode(False):  # noqa: FBT003 (torch.compile understands no keyword here)
            everywhere = torch.ones(1, *kind.size, dtype=torch.bool, device=kind.device)
            return sine_position_encoding(everywhere, self.n_features).to(kind.dtype)


class _Kind(NamedTuple):
    """All that the encoding of a map without padding depends on."""

    size: torch.Size
    device: torch.device
    dtype: torch.dtype


def waves(coordinates: Tensor, n_features: int) -> Tensor:
    """Sines and cosines of coordinates (..., 2) around 0, from slow to fast: (..., n_features)."""
    frequencies = math.pi * torch.logspace(-1, 2, n_features // 4, device=coordinates.device)
    angles = coordinates[..., None] * frequencies  # (..., 2, n_features / 4)
    return torch.cat([angles.sin(), angles.cos()], dim=-1).flatten(-2)


def _waves(positions: Tensor, n_waves: int, temperature: float) -> Tensor:
    """(B, h, w) -> (B, h, w, n_waves), sine and cosine in turn."""
    pair = torch.arange(n_waves // 2, dtype=torch.float32, device=positions.device)
    angles = positions[..., None] / temperature ** (2 * pair / n_waves)  # (B, h, w, n_waves / 2)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)
