"""A network's second look at a few frames: how far its decoder's layers disagree, and what it makes of the image."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from poetlab.analysis.batches import automatic_batch_size
from poetlab.analysis.prediction import FittingPredictor
from poetlab.analysis.selection import Crop
from poetlab.data.image_size import seen_size
from poetlab.errors import VideoError
from poetlab.model.network import Network, NetworkOutput
from poetlab.model.pose_vector import unit_to_pixels
from poetlab.model.swift import Swift
from poetlab.poses import SEEN
from poetlab.video.reading import Frame, VideoFile


@dataclass(frozen=True, eq=False)
class Look:
    """What a network says of n frames.

    Attributes:
        disagreement: (n,) as `layer_disagreement` has it.
        features: (n, D) what the encoder makes of the image, in the mean over all places.
    """

    disagreement: np.ndarray
    features: np.ndarray


def look_at_frames(
    predictor: FittingPredictor,
    video: VideoFile,
    frames: Sequence[int],
    *,
    crop: Crop | None,
    threshold: float,
    on_frames: Callable[[int], None],
) -> Look:
    """Run a network on some frames of a video.

    Args:
        predictor: The network.
        video: The video.
        frames: Numbers of the frames, rising.
        crop: The part of each frame that the network sees; None for all of it.
        threshold: Score from which a query is an animal.
        on_frames: Called with the number of frames that were just looked at.

    Raises:
        VideoError: If the video has no such frame.
        DeviceError: If memory does not hold what one frame takes.
    """
    size = (crop.height, crop.width) if crop else video.size
    disagreement, features = [], []
    with encoder_features(predictor.network.model) as seen:
        for batch in _batches(video, frames, automatic_batch_size(predictor.network.device, size)):
            images = [torch.from_numpy(crop.cut(frame.image) if crop else frame.image) for frame in batch]
            outputs = predictor.run(torch.stack(images).permute(0, 3, 1, 2))
            limits = seen_size(size, predictor.network.image_size)
            disagreement += [layer_disagreement(output, limits, threshold) for output in outputs]
            features += seen[-len(outputs) :]  # before these may be some of a batch that memory did not hold
            seen.clear()
            on_frames(len(batch))
    return Look(np.concatenate(disagreement), torch.cat(features).numpy())


def layer_disagreement(output: NetworkOutput, size: tuple[float, float], threshold: float) -> np.ndarray:
    """How far the decoder's layers are from agreeing on where the animals' keypoints are.

    Each layer corrects the one before. Where they have much to correct, the image is not like those that the network
    has learned. (The last layer's step alone says less: it is as small where a pose is wrong as where it is right.)

    Args:
        output: What the network says of B images.
        size: (height, width) that the network's units are of, in pixels.
        threshold: Score from which a query is an animal.

    Returns:
        (B,) how far the earlier layers' poses are from the last one's, in the mean of layers and animals: the root of
        the mean square over the keypoints that the network takes to be seen, in lengths of the animal (the diagonal of
        the box around it). NaN where there is no animal, and for a network of one layer.
    """
    keypoints = unit_to_pixels(output.poses.keypoints, size)  # (L, B, Q, k, 2)
    earlier, last = keypoints[:-1], keypoints[-1]
    lengths = (last.amax(dim=2) - last.amin(dim=2)).norm(dim=-1).clamp(min=1)  # (B, Q)
    seen = output.poses.visibility[-1] >= SEEN  # (B, Q, k)
    squared = (last - earlier).square().sum(-1) * seen
    apart = (squared.sum(-1) / seen.sum(-1).clamp(min=1)).sqrt().mean(dim=0) / lengths  # (B, Q)
    found = output.scores[-1] >= threshold
    return torch.where(found, apart, torch.nan).nanmean(dim=1).float().cpu().numpy()


@contextmanager
def encoder_features(model: Network) -> Iterator[list[Tensor]]:
    """Collect what the encoder makes of each batch while the block runs: (B, D), the mean over all places.

    Args:
        model: The network, whose passes fill the list.
    """
    seen: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: object, features: Tensor) -> None:
        places = features.flatten(2).transpose(1, 2) if features.ndim == 4 else features  # (B, S, D)
        seen.append(places.float().mean(dim=1).cpu())

    encoder = model.encoder if isinstance(model, Swift) else model.transformer.encoder
    handle = (encoder[-1] if len(encoder) else model.input_projection).register_forward_hook(keep)
    try:
        yield seen
    finally:
        handle.remove()


def _batches(video: VideoFile, frames: Sequence[int], batch_size: int) -> Iterator[list[Frame]]:
    n_found = 0
    waiting: list[Frame] = []
    for frame in video.pick(frames):
        n_found += 1
        waiting.append(frame)
        if len(waiting) == batch_size or n_found == len(frames):
            yield waiting
            waiting = []
    if n_found < len(frames):
        raise VideoError(f"{video.path}: ends before frame {max(frames)}; is it the video of these results?")
