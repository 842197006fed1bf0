"""The fixed position encoding that tells the encoder where each feature lies."""

import math

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


def _waves(positions: Tensor, n_waves: int, temperature: float) -> Tensor:
    """(B, h, w) -> (B, h, w, n_waves), sine and cosine in turn."""
    pair = torch.arange(n_waves // 2, dtype=torch.float32, device=positions.device)
    angles = positions[..., None] / temperature ** (2 * pair / n_waves)  # (B, h, w, n_waves / 2)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)
