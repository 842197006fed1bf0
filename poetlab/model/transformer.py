"""The encoder-decoder transformer of POET (DETR's: post-norm, positions added to queries and keys only).

Shapes: B images, S features of the map, Q queries, D features, H heads.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from poetlab.model.presets import ModelSettings, SwiftSettings

_FEW_KEYS = 64
"""Keys up to which attention is written out in training on a CPU, where the fused one's gradient is slow for few."""


class Attention(nn.Module):
    """Multi-head attention, (B, T, D) attending to (B, S, D)."""

    def __init__(self, n_features: int, n_heads: int, dropout: float) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.dropout = dropout
        self.query = nn.Linear(n_features, n_features)
        self.key = nn.Linear(n_features, n_features)
        self.value = nn.Linear(n_features, n_features)
        self.output = nn.Linear(n_features, n_features)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, valid: Tensor | None = None) -> Tensor:
        """Attend; `valid` (B, S), where given, is true at the keys that may be attended to, all if it is at none."""
        queries, keys, values = (
            self._split(part) for part in (self.query(query), self.key(key), self.value(value))
        )  # (B, H, T or S, D / H)
        dropout = self.dropout if self.training else 0.0
        mask = None if valid is None else (valid | ~valid.any(1, keepdim=True))[:, None, None, :]  # (B, 1, 1, S)
        if self.training and keys.device.type == "cpu" and keys.shape[2] <= _FEW_KEYS:
            likeness = queries @ keys.transpose(2, 3) / math.sqrt(keys.shape[3])  # (B, H, T, S)
            weights = (likeness if mask is None else likeness.masked_fill(~mask, -torch.inf)).softmax(-1)
            attended = F.dropout(weights, dropout) @ values
        else:
            attended = F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask, dropout_p=dropout)
        return self.output(attended.transpose(1, 2).flatten(2))  # (B, T, D)

    def _split(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, H, T, D / H)."""
        return x.unflatten(2, (self.n_heads, -1)).transpose(1, 2)


class FeedForward(nn.Sequential):
    """The two-layer perceptron of every transformer layer."""

    def __init__(self, settings: ModelSettings | SwiftSettings) -> None:
        super().__init__(
            nn.Linear(settings.n_features, settings.n_feedforward),
            nn.ReLU(inplace=True),
            nn.Dropout(settings.dropout),
            nn.Linear(settings.n_feedforward, settings.n_features),
        )


class EncoderLayer(nn.Module):
    """Features attend to each other."""

    def __init__(self, settings: ModelSettings | SwiftSettings) -> None:
        super().__init__()
        self.self_attention = Attention(settings.n_features, settings.n_heads, settings.dropout)
        self.feedforward = FeedForward(settings)
        self.norm1 = nn.LayerNorm(settings.n_features)
        self.norm2 = nn.LayerNorm(settings.n_features)
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, features: Tensor, position: Tensor, valid: Tensor | None) -> Tensor:
        """(B, S, D) -> (B, S, D)."""
        placed = features + position  # (B, S, D)
        x = self.norm1(features + self.dropout(self.self_attention(placed, placed, features, valid)))
        return self.norm2(x + self.dropout(self.feedforward(x)))


class DecoderLayer(nn.Module):
    """Queries attend to each other, then to the features."""

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.self_attention = Attention(settings.n_features, settings.n_heads, settings.dropout)
        self.cross_attention = Attention(settings.n_features, settings.n_heads, settings.dropout)
        self.feedforward = FeedForward(settings)
        self.norm1 = nn.LayerNorm(settings.n_features)
        self.norm2 = nn.LayerNorm(settings.n_features)
        self.norm3 = nn.LayerNorm(settings.n_features)
        self.dropout = nn.Dropout(settings.dropout)

    def forward(
        self, x: Tensor, query_position: Tensor, features: Tensor, placed_features: Tensor, valid: Tensor | None
    ) -> Tensor:
        """(B, Q, D) -> (B, Q, D); `placed_features` are the features with their position added."""
        placed = x + query_position  # (B, Q, D)
        x = self.norm1(x + self.dropout(self.self_attention(placed, placed, x)))
        attended = self.cross_attention(x + query_position, placed_features, features, valid)
        x = self.norm2(x + self.dropout(attended))
        return self.norm3(x + self.dropout(self.feedforward(x)))


class Transformer(nn.Module):
    """Features of an image to embeddings of the queries, after every decoder layer."""

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.encoder = nn.ModuleList(EncoderLayer(settings) for _ in range(settings.n_encoder_layers))
        self.decoder = nn.ModuleList(DecoderLayer(settings) for _ in range(settings.n_decoder_layers))
        self.norm = nn.LayerNorm(settings.n_features)
        self._initialize()

    def forward(self, features: Tensor, position: Tensor, queries: Tensor, valid: Tensor | None = None) -> Tensor:
        """Encode the features and decode the queries.

        Args:
            features: (B, S, D).
            position: (B or 1, S, D) position encoding of the features.
            queries: (Q, D) learned embeddings, the positions of the decoder's queries.
            valid: (B, S) true where a feature is not padding; None if none is.

        Returns:
            (n_decoder_layers, B, Q, D), normalized.
        """
        for encoder_layer in self.encoder:
            features = encoder_layer(features, position, valid)
        placed_features = features + position  # (B, S, D)
        query_position = queries.expand(len(features), -1, -1)  # (B, Q, D)
        x = torch.zeros_like(query_position)
        embeddings = []
        for decoder_layer in self.decoder:
            x = decoder_layer(x, query_position, features, placed_features, valid)
            embeddings.append(self.norm(x))
        return torch.stack(embeddings)

    def _initialize(self) -> None:
        """Xavier initialization, as in the published code.

        There, queries, keys and values are one matrix, hence the smaller range, and attention has no bias at first.
        """
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:
                is_input = any(part in name for part in ("query.", "key.", "value."))
                nn.init.xavier_uniform_(parameter, gain=2**-0.5 if is_input else 1.0)
            elif "attention." in name:
                nn.init.zeros_(parameter)
