"""POET: a set of poses from an image in one pass (arXiv 2103.12115, Figure 2)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from poetlab.model.backbone import Backbone
from poetlab.model.pose_vector import PosePrediction, QueryClass, decode_vectors, scores_from_logits, vector_size
from poetlab.model.position import MapPositions, sine_position_encoding
from poetlab.model.presets import ModelSettings
from poetlab.model.transformer import Transformer


@dataclass(frozen=True)
class PoetOutput:
    """What the network says of a batch, after each of its L decoder layers.

    Attributes:
        class_logits: (L, B, Q, 3) in the order of `QueryClass`.
        pose_vectors: (L, B, Q, 2 + 3 k) in (0, 1); see `pose_vector`.
    """

    class_logits: Tensor
    pose_vectors: Tensor

    @property
    def poses(self) -> PosePrediction:
        """The decoded pose vectors, with leading dimensions (L, B, Q)."""
        return decode_vectors(self.pose_vectors)

    @property
    def scores(self) -> Tensor:
        """(L, B, Q) the larger probability of the two classes of animals."""
        return scores_from_logits(self.class_logits)

    def is_finite(self) -> bool:
        """Whether all of it are numbers."""
        return bool(self.class_logits.isfinite().all() and self.pose_vectors.isfinite().all())

    def of_layers(self, n_layers: int) -> "PoetOutput":
        """What the network with only its first `n_layers` decoder layers says."""
        return PoetOutput(self.class_logits[:n_layers], self.pose_vectors[:n_layers])


class Poet(nn.Module):
    """The pose estimation transformer.

    Args:
        settings: Sizes of the network.
        n_keypoints: Number of keypoints k of the skeleton.
    """

    def __init__(self, settings: ModelSettings, n_keypoints: int) -> None:
        super().__init__()
        n_features = settings.n_features
        self.settings = settings
        self.n_keypoints = n_keypoints
        self.backbone = Backbone(settings)
        self.input_projection = nn.Conv2d(self.backbone.n_channels, n_features, kernel_size=1)
        self.map_positions = MapPositions(n_features)
        self.queries = nn.Parameter(torch.randn(settings.n_queries, n_features))
        self.transformer = Transformer(settings)
        self.class_head = nn.Linear(n_features, len(QueryClass))
        self.pose_head = nn.Sequential(
            nn.Linear(n_features, n_features),
            nn.ReLU(),
            nn.Linear(n_features, n_features),
            nn.ReLU(),
            nn.Linear(n_features, vector_size(n_keypoints)),
        )

    def forward(self, images: Tensor, padding: Tensor | None = None) -> PoetOutput:
        """Predict the poses in a batch of images.

        Args:
            images: (B, 3, H, W), normalized with ImageNet's mean and standard deviation.
            padding: (B, H, W) true where an image was padded; None if no image was.
        """
        maps = self.input_projection(self.backbone(images))  # (B, D, h, w)
        features = maps.flatten(2).transpose(1, 2)  # (B, h * w, D)
        if padding is None:
            valid = None
            position = self.map_positions(maps)  # (1, h * w, D)
        else:
            shrunk = nn.functional.interpolate((~padding)[:, None].float(), size=maps.shape[-2:])[:, 0].bool()
            valid = shrunk.flatten(1)  # (B, h * w)
            position = sine_position_encoding(shrunk, features.shape[-1]).to(features.dtype)  # (B, h * w, D)
        embeddings = self.transformer(features, position, self.queries, valid)  # (L, B, Q, D)
        return PoetOutput(self.class_head(embeddings).float(), self.pose_head(embeddings).float().sigmoid())
