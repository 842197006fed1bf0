"""POET put together as the published code is, of torch's and torchvision's own parts, to compare poetlab with.

Sequences come first and images second; attention computes its averaged weights, though nobody reads them; the
padding mask and the position encoding are computed in every call; nothing is folded. The names of its tensors are
those of a published checkpoint.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import get_model
from torchvision.models._utils import IntermediateLayerGetter
from torchvision.ops import FrozenBatchNorm2d

from poetlab.model.pose_vector import QueryClass, vector_size
from poetlab.model.position import sine_position_encoding
from poetlab.model.presets import ModelSettings


class PublishedModel(nn.Module):
    """(B, 3, H, W) -> class logits (L, B, Q, 3) and pose vectors (L, B, Q, 2 + 3 k), as `Poet` gives them."""

    def __init__(self, settings: ModelSettings, n_keypoints: int) -> None:
        super().__init__()
        resnet = get_model(settings.backbone, weights=None, norm_layer=FrozenBatchNorm2d)
        n_channels, width = resnet.fc.in_features, settings.n_features
        sizes = (width, settings.n_heads, settings.n_feedforward, settings.dropout)
        encoder = [EncoderLayer(*sizes) for _ in range(settings.n_encoder_layers)]
        decoder = [DecoderLayer(*sizes) for _ in range(settings.n_decoder_layers)]
        self.backbone = nn.ModuleList(
            [nn.ModuleDict({"body": IntermediateLayerGetter(resnet, return_layers={"layer4": "0"})})]
        )
        self.input_proj = nn.Conv2d(n_channels, width, kernel_size=1)
        self.query_embed = nn.Embedding(settings.n_queries, width)
        self.transformer = nn.ModuleDict(
            {
                "encoder": nn.ModuleDict({"layers": nn.ModuleList(encoder)}),
                "decoder": nn.ModuleDict({"layers": nn.ModuleList(decoder), "norm": nn.LayerNorm(width)}),
            }
        )
        self.class_embed = nn.Linear(width, len(QueryClass))
        linear = [nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, vector_size(n_keypoints))]
        self.kpt_embed = nn.ModuleDict({"layers": nn.ModuleList(linear)})

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Predict."""
        padded, padding = pad(images)
        maps = self.backbone[0]["body"](padded)["0"]
        padding = F.interpolate(padding[None].float(), size=maps.shape[-2:])[0].bool()  # (B, h, w)
        position = sine_position_encoding(~padding, self.input_proj.out_channels).transpose(0, 1)  # (h * w, B, D)
        padding = padding.flatten(1)
        features = self.input_proj(maps).flatten(2).permute(2, 0, 1)  # (h * w, B, D)
        for layer in self.transformer["encoder"]["layers"]:
            features = layer(features, position, padding)
        queries = self.query_embed.weight[:, None].repeat(1, len(images), 1)  # (Q, B, D)
        x = torch.zeros_like(queries)
        embeddings = []
        for layer in self.transformer["decoder"]["layers"]:
            x = layer(x, queries, features, position, padding)
            embeddings.append(self.transformer["decoder"]["norm"](x))
        y = torch.stack(embeddings).transpose(1, 2)  # (L, B, Q, D)
        first, second, last = self.kpt_embed["layers"]
        return self.class_embed(y), last(F.relu(second(F.relu(first(y))))).sigmoid()


class EncoderLayer(nn.TransformerEncoderLayer):
    """Torch's layer, with positions added to queries and keys."""

    def forward(self, features: Tensor, position: Tensor, padding: Tensor) -> Tensor:
        """(S, B, D) -> (S, B, D)."""
        placed = features + position
        attended = self.self_attn(placed, placed, features, key_padding_mask=padding)[0]
        features = self.norm1(features + self.dropout1(attended))
        y = self.linear2(self.dropout(F.relu(self.linear1(features))))
        return self.norm2(features + self.dropout2(y))


class DecoderLayer(nn.TransformerDecoderLayer):
    """Torch's layer, with positions added to queries and keys."""

    def forward(self, x: Tensor, queries: Tensor, features: Tensor, position: Tensor, padding: Tensor) -> Tensor:
        """(Q, B, D) -> (Q, B, D)."""
        placed = x + queries
        x = self.norm1(x + self.dropout1(self.self_attn(placed, placed, x)[0]))
        attended = self.multihead_attn(x + queries, features + position, features, key_padding_mask=padding)[0]
        x = self.norm2(x + self.dropout2(attended))
        y = self.linear2(self.dropout(F.relu(self.linear1(x))))
        return self.norm3(x + self.dropout3(y))


def pad(images: Tensor) -> tuple[Tensor, Tensor]:
    """The images copied into a batch that fits the largest, and where it is padding: nowhere, if all have one size."""
    padded = torch.zeros_like(images)
    padding = torch.ones(len(images), *images.shape[-2:], dtype=torch.bool, device=images.device)
    for image, target, mask in zip(images, padded, padding, strict=True):
        target[:, : image.shape[1], : image.shape[2]].copy_(image)
        mask[: image.shape[1], : image.shape[2]] = False
    return padded, padding


def randomize(model: PublishedModel) -> None:
    """Give the frozen norms statistics that differ from channel to channel and keep signals about as large."""
    for name, norm in model.named_modules():
        if isinstance(norm, FrozenBatchNorm2d):
            norm.running_mean.normal_(0, 0.1)
            norm.running_var.uniform_(0.8, 1.25)
            norm.weight.uniform_(0.2, 0.4) if name.endswith("bn3") else norm.weight.uniform_(0.8, 1.2)
            norm.bias.normal_(0, 0.1)
