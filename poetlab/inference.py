"""Poses of images, by a trained network."""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms.v2 import functional as transform

from poetlab.data.image_size import ImageSizeSettings, input_size, seen_size
from poetlab.device import computes_in_bfloat16
from poetlab.model.backbone import normalize_images
from poetlab.model.checkpoint import Snapshot
from poetlab.model.folding import folded_copy
from poetlab.model.network import Network, NetworkOutput
from poetlab.model.pose_vector import unit_to_pixels
from poetlab.poses import Instances
from poetlab.skeleton import Skeleton


@dataclass(frozen=True, eq=False)
class Predictor:
    """A network ready to predict poses in full frames.

    Attributes:
        model: The network, on `device`, in evaluation mode; fastest as a `folded_copy`.
        skeleton: What it predicts.
        image_size: At which size it sees a frame.
        device: Where it computes.
        name: What to call it in results.
        facts: What the snapshot says about itself.
    """

    model: Network
    skeleton: Skeleton
    image_size: ImageSizeSettings
    device: torch.device
    name: str
    facts: dict[str, Any]

    @classmethod
    def from_snapshot(cls, snapshot: Snapshot, device: torch.device, name: str) -> "Predictor":
        """The network of a snapshot on a device."""
        image_size = ImageSizeSettings.model_validate(snapshot.facts.get("image_size", {}))
        model = folded_copy(snapshot.build_model().to(device))
        return cls(model, snapshot.skeleton, image_size, device, name, dict(snapshot.facts))

    def predict(self, frames: Tensor) -> list[Instances]:
        """Every query's pose in each frame, highest score first.

        Args:
            frames: (B, 3, H, W) uint8, RGB, full frames of one size, on any device.

        Returns:
            For each frame, as many instances as the network has queries, in pixels of the full frame.
        """
        return self.instances(self.run(frames), (frames.shape[2], frames.shape[3]))

    def resized(self, frames: Tensor) -> Tensor:
        """Frames at the size at which the network sees them, in their letterbox; those that are stay as they are.

        Args:
            frames: As for `predict`.
        """
        size = input_size((frames.shape[2], frames.shape[3]), self.image_size)
        scaled = transform.resize(frames, list(size), antialias=True)
        if self.image_size.letterbox is None or self.image_size.letterbox == size:
            return scaled
        height, width = self.image_size.letterbox
        return F.pad(scaled, (0, width - size[1], 0, height - size[0]))

    @torch.inference_mode()
    def run(self, frames: Tensor) -> NetworkOutput:
        """What the network says of frames.

        On a GPU this returns before the result is computed; `instances` waits for it.

        Args:
            frames: As for `predict`, or `resized` before.

        Returns:
            The output, on `device`.
        """
        images = self.resized(frames.to(self.device, non_blocking=True))
        with torch.autocast(self.device.type, torch.bfloat16, enabled=computes_in_bfloat16(self.device)):
            return self.model(normalize_images(images))

    @torch.inference_mode()
    def instances(self, output: NetworkOutput, size: tuple[int, int]) -> list[Instances]:
        """The poses after the last decoder layer, as `predict` returns them.

        Args:
            output: Of `run`.
            size: (height, width) of the full frames.
        """
        poses = output.poses
        seen = seen_size(size, self.image_size)
        scores, order = output.scores[-1].sort(dim=1, descending=True, stable=True)
        image = torch.arange(len(order), device=order.device)[:, None]
        keypoints = unit_to_pixels(poses.keypoints[-1], seen)[image, order].cpu().numpy()  # (B, Q, k, 2)
        visibility = poses.visibility[-1][image, order].cpu().numpy()  # (B, Q, k)
        centers = unit_to_pixels(poses.centers[-1], seen)[image, order].cpu().numpy()  # (B, Q, 2)
        by_image = zip(keypoints, visibility, scores.cpu().numpy(), centers, strict=True)
        return [Instances(*parts) for parts in by_image]
