"""Swift: POET's set of poses, learned from few images (docs/models.md tells what differs from the paper, and why).

One pass, one decoder, one matching: no grouping and no suppression of duplicates. From top to bottom: maps of the image
at four strides; a point map, which can be asked what lies where; queries that start at the peaks of centers; a decoder
in which each query is one token for the animal and one for each keypoint, which look at the maps where they believe to
be, and move.

Shapes: B images, H x W pixels, L decoder layers, Q queries, k keypoints, D features, P = 1 + k points of an animal: its
center, then its keypoints. Positions inside the network are pixels of its input from the input's outer edge.
"""

import math
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from poetlab.model.pose_vector import PosePrediction
from poetlab.model.position import MapPositions, waves
from poetlab.model.presets import SwiftSettings
from poetlab.model.pyramid import Fusion, conv3x3, feature_backbone
from poetlab.model.transformer import Attention, EncoderLayer, FeedForward

STRIDES = (4, 8, 16, 32)
FINE_STRIDE, FIELD_STRIDE = 4, 8

_FIELD_UNIT = 32.0
"""Pixels of the input that one unit of the pose field stands for."""

_CENTER_UNIT = 128.0
"""Pixels of the input that one unit of a center's place stands for."""

_SMALLEST_POSE = 2.0
"""Pixels that a pose counts as large at least, where steps are in units of its size."""

_RARE = -3.0
"""The logit of a point and of an animal with which training starts."""


@dataclass(frozen=True)
class Points:
    """What the maps say of every place by themselves; training teaches the features by it.

    Attributes:
        logits: (B, P, h, w) whether this point of an animal lies here, at stride 4.
        shifts: (B, P, h, w, 2) from here to the nearest such point, in cells of stride 4.
        field: (B, h', w', k, 2) from here to the keypoints of the animal that is here, in pixels, at stride 8.
    """

    logits: Tensor
    shifts: Tensor
    field: Tensor


@dataclass(frozen=True)
class SwiftOutput:
    """What the network says of a batch, after each of its L decoder layers.

    Attributes:
        size: (H, W) of the images.
        centers: (L, B, Q, 2) in image units.
        offsets: (L, B, Q, k, 2) from the center, in image units.
        visibility_logits: (L, B, Q, k) of the probability that a keypoint is visible.
        presence_logits: (L, B, Q) of the probability that there is an animal.
        oks_logits: (L, B, Q) of the OKS that the pose is expected to have.
        points: What the maps say; only in training.
        guided: The same for queries that started at given places; None without such.
    """

    size: tuple[int, int]
    centers: Tensor
    offsets: Tensor
    visibility_logits: Tensor
    presence_logits: Tensor
    oks_logits: Tensor
    points: Points | None = None
    guided: "SwiftOutput | None" = None

    @property
    def poses(self) -> PosePrediction:
        """The poses, with leading dimensions (L, B, Q)."""
        return PosePrediction(self.centers, self.offsets, self.visibility_logits.sigmoid())

    @property
    def scores(self) -> Tensor:
        """(L, B, Q) the geometric mean of the probability of an animal and of the OKS that its pose then has.

        It ranks as their product does, the OKS to expect, and is as high as either where they agree.
        """
        return (self.presence_logits.sigmoid() * self.oks_logits.sigmoid()).sqrt()

    def of_layers(self, n_layers: int) -> "SwiftOutput":
        """What the network with only its first `n_layers` decoder layers says."""
        centers, offsets, visibility, presence, oks = (part[:n_layers] for part in self._predictions())
        return SwiftOutput(self.size, centers, offsets, visibility, presence, oks)

    def is_finite(self) -> bool:
        """Whether all of it are numbers."""
        return all(bool(part.isfinite().all()) for part in self._predictions())

    def _predictions(self) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        return self.centers, self.offsets, self.visibility_logits, self.presence_logits, self.oks_logits


class Swift(nn.Module):
    """The network of the swift family.

    Args:
        settings: Sizes of the network.
        n_keypoints: Number of keypoints k of the skeleton. Only `keypoints` depends on it, one embedding each.
    """

    def __init__(self, settings: SwiftSettings, n_keypoints: int) -> None:
        super().__init__()
        n_features, n_fine = settings.n_features, settings.n_fine_features
        self.settings = settings
        self.n_keypoints = n_keypoints
        strides = [stride for stride in STRIDES if stride <= settings.coarsest_stride]
        self.backbone, n_channels = feature_backbone(settings.backbone, strides)
        self.input_projection = nn.Conv2d(n_channels[-1], n_features, kernel_size=1)
        self.map_positions = MapPositions(n_features)
        self.encoder = nn.ModuleList(EncoderLayer(settings) for _ in range(settings.n_encoder_layers))
        self.fusion = nn.ModuleDict(
            {
                str(stride): Fusion(n_in, n_features, n_fine if stride == FINE_STRIDE else n_features)
                for stride, n_in in zip(strides[:-1], n_channels[:-1], strict=True)
            }
        )
        self.instance = nn.Parameter(torch.randn(n_features) / 2)
        self.keypoints = nn.Parameter(torch.randn(n_keypoints, n_features) / 2)
        self.point_map = PointMap(settings)
        self.pose_field = PoseField(n_features)
        self.content = nn.Linear(n_features, n_features)
        self.place = nn.Sequential(nn.Linear(n_features, n_features), nn.ReLU(), nn.Linear(n_features, n_features))
        self.decoder = nn.ModuleList(DecoderLayer(settings) for _ in range(settings.n_decoder_layers))
        self.to(memory_format=torch.channels_last)  # in which convolutions are faster

    def forward(self, images: Tensor, guides: Tensor | None = None) -> SwiftOutput:
        """Predict the poses in a batch of images.

        Args:
            images: (B, 3, H, W), normalized with ImageNet's mean and standard deviation; sides are multiples of 32.
            guides: (B, G, 2) in image units: places where further queries start, unseen by the others; NaN in images
                that have fewer. Near true centers they teach the decoder from the first step on, when peaks are still
                anywhere (as in DN-DETR, https://arxiv.org/abs/2203.01305).
        """
        size = (images.shape[2], images.shape[3])
        maps4, maps8, maps16 = self.maps(images)
        answers = self.point_map(maps4)  # (B, 3 F, H / 4, W / 4)
        keys = self.point_map.keys(self.embeddings)  # (P, F)
        field = self.pose_field(maps8)  # (B, D, H / 8, W / 8)
        asked = keys if self.training else keys[:1]  # to start queries, centers are enough
        logits, shifts = self.point_map.compare_everywhere(answers, asked)
        scene = Scene(answers, keys, (maps4, maps8, maps16), field, size)
        output = self.decode(strongest_centers(logits[:, 0], shifts[:, 0], self.settings.n_queries), scene)
        if not self.training:
            return output
        everywhere = self.pose_field.read(field.permute(0, 2, 3, 1), self.keypoints)  # (B, H / 8, W / 8, k, 2)
        guided = None
        if guides is not None:
            given = guides.isfinite().all(-1)  # (B, G)
            starts = guides.nan_to_num() * guides.new_tensor([size[1], size[0]])
            guided = self.decode(starts, scene, None if given.all() else given)
        return replace(output, points=Points(logits, shifts, everywhere), guided=guided)

    @property
    def embeddings(self) -> Tensor:
        """(P, D) of an animal's points: the animal itself, then its keypoints."""
        return torch.cat([self.instance[None], self.keypoints])

    def maps(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The feature maps at strides 4, 8 and 16, each with what the coarser ones know."""
        stages = self.backbone(images)
        coarsest: int = self.settings.coarsest_stride
        coarse = self.input_projection(stages[str(coarsest)])  # (B, D, h, w)
        features, position = coarse.flatten(2).transpose(1, 2), self.map_positions(coarse)  # (B, h w, D)
        for encoder_layer in self.encoder:
            features = encoder_layer(features, position, None)
        maps = {coarsest: features.transpose(1, 2).unflatten(2, coarse.shape[2:])}
        for stride in reversed([stride for stride in STRIDES if stride < coarsest]):
            maps[stride] = self.fusion[str(stride)](stages[str(stride)], maps[2 * stride])
        return maps[4], maps[8], maps[16]

    def decode(self, starts: Tensor, scene: "Scene", valid: Tensor | None = None) -> SwiftOutput:
        """Queries from places (B, N, 2) in pixels, moved to animals by each decoder layer; unseen if not `valid`."""
        content = sample(scene.field, starts, scene.size)  # (B, N, D)
        centers, offsets = starts, self.pose_field.read(content, self.keypoints).detach()  # (B, N, k, 2)
        tokens = self.embeddings + self.content(content)[:, :, None]  # (B, N, P, D)
        layers = []
        for layer in self.decoder:
            scale = offsets.norm(dim=-1).mean(-1).clamp(min=_SMALLEST_POSE)[..., None]  # (B, N, 1): size of the pose
            places = torch.cat([centers[:, :, None], centers[:, :, None] + offsets], dim=2)  # (B, N, P, 2)
            shape = torch.cat([centers[:, :, None] / _CENTER_UNIT, offsets / scale[..., None]], dim=2)  # (B, N, P, 2)
            position = self.embeddings + self.place(waves(shape, tokens.shape[-1]))  # (B, N, P, D)
            tokens, found = layer(tokens, position, scene.look(places, scale), valid)
            center_steps, offset_steps, *logits = found
            centers, offsets = centers + center_steps * scale, offsets + offset_steps * scale[..., None]
            layers.append((centers, offsets, *logits))
            centers, offsets = centers.detach(), offsets.detach()
        all_centers, all_offsets, visibility, presence, oks = map(torch.stack, zip(*layers, strict=True))
        width_height = all_centers.new_tensor([scene.size[1], scene.size[0]])
        return SwiftOutput(
            scene.size, all_centers / width_height, all_offsets / width_height, visibility, presence, oks
        )


@dataclass(frozen=True)
class Scene:
    """What the decoder can look at.

    Attributes:
        answers: (B, 3 F, H / 4, W / 4) of the point map.
        keys: (P, F) with which it is asked.
        maps: (B, C, h, w) each, features at several strides.
        field: (B, D, H / 8, W / 8) of the pose field.
        size: (H, W) of the images.
    """

    answers: Tensor
    keys: Tensor
    maps: tuple[Tensor, ...]
    field: Tensor
    size: tuple[int, int]

    def look(self, places: Tensor, scale: Tensor) -> Tensor:
        """What lies at the points of poses: features, and what the point map says of each token's own point.

        Args:
            places: (B, N, P, 2) in pixels.
            scale: (B, N, 1) size of each pose in pixels.

        Returns:
            (B, N, P, C + `N_HINTS`) for C features of all maps.
        """
        shape, there = places.shape[1:3], places.flatten(1, 2)  # (N, P) and (B, N P, 2)
        features = torch.cat([sample(each, there, self.size) for each in self.maps], dim=-1)  # (B, N P, C)
        answers = sample(self.answers, there, self.size).detach().unflatten(2, (3, -1))  # (B, N P, 3, F)
        logits, shifts = PointMap.compare(answers.unflatten(1, shape), self.keys.detach()).split([1, 2], dim=-1)
        hints = [logits, logits.sigmoid(), shifts, shifts * FINE_STRIDE / scale[..., None]]  # N_HINTS numbers
        return torch.cat([features.unflatten(1, shape), *hints], dim=-1)


N_HINTS = 6
"""Numbers that the point map tells a token: a logit, its probability, and the way in cells and in sizes of the pose."""


class PointMap(nn.Module):
    """What lies where at stride 4, for any point of an animal: asked with the point's key, each place answers.

    The answer is three scaled dot products of key and place: the logit that the point is here, and the way to it in
    cells. Keys come from embeddings, so the map serves any skeleton.
    """

    def __init__(self, settings: SwiftSettings) -> None:
        super().__init__()
        self.mix = conv3x3(settings.n_fine_features)
        self.answers = nn.Conv2d(settings.n_fine_features, 3 * settings.n_key_features, kernel_size=1)
        self.keys = nn.Linear(settings.n_features, settings.n_key_features)

    def forward(self, fine: Tensor) -> Tensor:
        """The map (B, 3 F, h, w) from features (B, C, h, w)."""
        return self.answers(self.mix(fine)).float()

    @staticmethod
    def compare(answers: Tensor, keys: Tensor) -> Tensor:
        """Ask each place (..., P, 3, F), or (..., 1, 3, F), for its point by keys (P, F): (..., P, 3)."""
        asked = (answers * keys[:, None].to(answers.dtype)).sum(-1) / math.sqrt(keys.shape[-1])
        return asked + asked.new_tensor([_RARE, 0.0, 0.0])

    @staticmethod
    def compare_everywhere(answers: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        """Ask the whole map (B, 3 F, h, w) for each point: logits (B, P, h, w) and shifts (B, P, h, w, 2)."""
        keys = keys.to(answers.dtype) / math.sqrt(keys.shape[-1])
        with torch.autocast(answers.device.type, enabled=False):  # in 16 bits, many neighbors would be equally high
            asked = torch.einsum("bafhw,pf->abphw", answers.unflatten(1, (3, -1)), keys)  # (3, B, P, h, w)
        return asked[0] + _RARE, asked[1:].movedim(0, -1)


class PoseField(nn.Module):
    """From every place at stride 8, the way to each keypoint of the animal that is there: the pose to start from."""

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *conv3x3(n_features), nn.Conv2d(n_features, n_features, kernel_size=1), nn.ReLU(inplace=True)
        )
        self.ways = nn.Linear(n_features, 2 * n_features)

    def forward(self, maps: Tensor) -> Tensor:
        """The field's features, (B, D, h, w) -> (B, D, h, w)."""
        return self.features(maps)

    def read(self, features: Tensor, keypoints: Tensor) -> Tensor:
        """The ways (..., k, 2), in pixels, from places with features (..., D) to keypoints with embeddings (k, D)."""
        ways = self.ways(features).unflatten(-1, (2, -1))  # (..., 2, D)
        unit = _FIELD_UNIT / math.sqrt(keypoints.shape[1])
        return (ways @ keypoints.T.to(ways.dtype)).transpose(-1, -2).float() * unit


class DecoderLayer(nn.Module):
    """Tokens look at the maps, then attend to those of their own pose, and animals to each other.

    `self_attention`, `feedforward` and the norms after them are those of POET's decoder layer; looking takes the place
    of its cross attention.
    """

    def __init__(self, settings: SwiftSettings) -> None:
        super().__init__()
        n_features = settings.n_features
        n_seen = 2 * n_features + settings.n_fine_features + N_HINTS
        self.looking = nn.Linear(n_seen, n_features)
        self.within_pose = Attention(n_features, settings.n_heads, settings.dropout)
        self.self_attention = Attention(n_features, settings.n_heads, settings.dropout)
        self.feedforward = FeedForward(settings)
        self.norm_looking = nn.LayerNorm(n_features)
        self.norm_pose = nn.LayerNorm(n_features)
        self.norm1 = nn.LayerNorm(n_features)
        self.norm3 = nn.LayerNorm(n_features)
        self.heads = Heads(n_features)

    def forward(
        self, tokens: Tensor, position: Tensor, seen: Tensor, valid: Tensor | None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Tokens (B, N, P, D), with positions (B, N, P, D) and what they see (B, N, P, C), to tokens and `Heads`."""
        tokens = self.norm_looking(tokens + self.looking(seen))
        poses, placed = tokens.flatten(0, 1), (tokens + position).flatten(0, 1)  # (B N, P, D)
        tokens = self.norm_pose(poses + self.within_pose(placed, placed, poses)).view_as(tokens)
        animals = tokens[:, :, 0]  # (B, N, D)
        placed = animals + position[:, :, 0]
        animals = self.norm1(animals + self.self_attention(placed, placed, animals, valid))
        tokens = torch.cat([animals[:, :, None], tokens[:, :, 1:]], dim=2)
        tokens = self.norm3(tokens + self.feedforward(tokens))
        return tokens, self.heads(tokens)


class Heads(nn.Module):
    """What a decoder layer concludes from its tokens."""

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.center_step = _step_head(n_features)
        self.offset_step = _step_head(n_features)
        self.visibility = nn.Linear(n_features, 1)
        self.presence = nn.Linear(n_features, 1)
        self.oks = nn.Linear(n_features, 1)
        nn.init.constant_(self.presence.bias, _RARE)

    def forward(self, tokens: Tensor) -> tuple[Tensor, ...]:
        """Tokens (B, N, P, D) to what moves and describes their poses.

        Returns:
            Steps of the centers (B, N, 2) and of the offsets (B, N, k, 2) in sizes of the pose, then logits: of
            visibility (B, N, k), presence (B, N) and expected OKS (B, N).
        """
        animal, keypoints = tokens[:, :, 0], tokens[:, :, 1:]
        return (
            self.center_step(animal).float(),
            self.offset_step(keypoints).float(),
            self.visibility(keypoints)[..., 0].float(),
            self.presence(animal)[..., 0].float(),
            self.oks(animal)[..., 0].float(),
        )


def strongest_centers(logits: Tensor, shifts: Tensor, n_queries: int) -> Tensor:
    """The places (B, Q, 2), in pixels, where queries start: the highest peaks of centers, then the highest other cells.

    Peaks spread the queries over the animals; nothing is suppressed later. Fewer than Q only if there are fewer cells.

    Args:
        logits: (B, h, w) whether a center lies in a cell of stride 4.
        shifts: (B, h, w, 2) from the cell's middle to the center, in cells.
        n_queries: Q.
    """
    width = logits.shape[2]
    logits = (logits * 1024).round()  # so that errors of rounding, which vary with the batch, do not rank like cells
    is_peak = logits == F.max_pool2d(logits, kernel_size=3, stride=1, padding=1)
    below_all = logits - (logits.amax((1, 2), keepdim=True) - logits.amin((1, 2), keepdim=True) + 1)
    ranked = torch.where(is_peak, logits, below_all).flatten(1)  # (B, h w)
    best = ranked.topk(min(n_queries, ranked.shape[1]), dim=1).indices  # (B, Q)
    cells = torch.stack([best % width, best // width], dim=-1) + 0.5  # (B, Q, 2)
    shift = shifts.flatten(1, 2).gather(1, best[..., None].expand(-1, -1, 2))
    return ((cells + shift) * FINE_STRIDE).detach()


def sample(maps: Tensor, places: Tensor, size: tuple[int, int]) -> Tensor:
    """What maps (B, C, h, w) of an input of this size say at places (B, N, 2) in pixels: (B, N, C), bilinear."""
    grid = places / places.new_tensor([size[1], size[0]]) * 2 - 1
    found = F.grid_sample(maps.float(), grid[:, :, None].float(), align_corners=False, padding_mode="border")
    return found[..., 0].transpose(1, 2)


def _step_head(n_features: int) -> nn.Sequential:
    """A head whose first steps are 0."""
    last = nn.Linear(n_features, 2)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(n_features, n_features), nn.ReLU(inplace=True), last)
