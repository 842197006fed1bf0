"""Poses drawn onto images and videos."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from poetlab.errors import VideoError
from poetlab.poses import SEEN, Poses
from poetlab.skeleton import Skeleton
from poetlab.video.reading import open_video
from poetlab.video.writing import VideoWriter

logger = logging.getLogger(__name__)

Color = tuple[int, int, int]

PALETTE: tuple[Color, ...] = (
    (86, 180, 233),
    (230, 159, 0),
    (0, 158, 115),
    (240, 228, 66),
    (204, 121, 167),
    (213, 94, 0),
    (0, 114, 178),
)
"""Okabe and Ito's colors, which people of every color vision tell apart (https://jfly.uni-koeln.de/color/)."""


_OVERSAMPLING = 3
"""Odd, so that a pixel's center is also the center of one of the small pixels."""
_FAINT = 0.45
_OUTLINE_OPACITY = 0.6
_OUTLINE_COLOR = (0, 0, 0)


def individual_colors(n: int) -> tuple[Color, ...]:
    """`n` different colors: the palette, then the palette again in ever paler shades."""
    n_rounds = -(-n // len(PALETTE))
    return tuple(
        tuple(round(channel + (255 - channel) * 0.8 * (i // len(PALETTE)) / n_rounds) for channel in color)  # type: ignore[misc]
        for i, color in ((i, PALETTE[i % len(PALETTE)]) for i in range(n))
    )


def draw_instances(
    image: np.ndarray,
    keypoints: np.ndarray,
    visibility: np.ndarray,
    skeleton: Skeleton,
    colors: Sequence[Color],
    *,
    labels: Sequence[str] | None = None,
) -> np.ndarray:
    """Draw poses: edges as lines, visible keypoints as dots, others as rings with faint edges.

    Lines and dots grow with the image and are thinner on small animals.

    Args:
        image: (height, width, 3) uint8 RGB.
        keypoints: (n, k, 2) pixels (x, y); those that are not finite are left out.
        visibility: (n, k) probability that each keypoint can be seen.
        skeleton: Names and edges of the keypoint axis.
        colors: n colors, one an instance (see `individual_colors`).
        labels: n texts to write above the instances.

    Returns:
        A new image of the same shape and type.
    """
    canvas = Image.fromarray(image)  # copies
    for points, visible, color in zip(keypoints.astype(float), visibility >= SEEN, colors, strict=True):
        _draw_pose(canvas, points, visible, skeleton, color)
    for points, label, color in zip(keypoints, labels or (), colors, strict=labels is not None):
        _write_label(canvas, points, label, color)
    return np.array(canvas)


def render_video(
    video_path: str | Path,
    poses: Poses,
    output_path: str | Path,
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write the frames of a video that there are poses of again, with the poses drawn on them, at the video's speed.

    Individuals carry their name and score where they are tracked, else their score alone.

    Args:
        video_path: The video that the poses are of.
        poses: Its poses.
        output_path: The mp4 file to write.
        on_progress: Called after each frame with the numbers of frames done and in all.

    Raises:
        VideoError: If the video cannot be read, is not of the poses' size, or the output cannot be written.
    """
    colors = individual_colors(len(poses.individuals))
    rows = {frame: row for row, frame in enumerate(poses.frames.tolist())}
    step = np.diff(poses.frames).min(initial=poses.frames[-1] + 1 - poses.frames[0])  # frames that one stands for
    n_read = 0
    with open_video(video_path) as video:
        if video.size != poses.size:
            raise VideoError(f"{video_path}: has frames of {video.size}, the poses {poses.size}; choose their video")
        with VideoWriter(output_path, video.size, video.fps / step) as writer:
            for frame in video.frames(min(rows), max(rows) + 1):
                if frame.index not in rows:
                    continue
                writer.write(_draw_frame(frame.image, poses, rows[frame.index], colors))
                n_read += 1
                if on_progress:
                    on_progress(n_read, poses.n_frames)
    if n_read < poses.n_frames:
        logger.warning("%s has %d frames, but there are poses of %d", video_path, n_read, poses.n_frames)


def _draw_frame(image: np.ndarray, poses: Poses, index: int, colors: Sequence[Color]) -> np.ndarray:
    present = np.flatnonzero(np.isfinite(poses.keypoints[index]).all(axis=-1).any(axis=-1)).tolist()
    scores = [f"{poses.scores[index, i]:.2f}" for i in present]
    names = [f"{poses.individuals[i]} " if poses.tracked else "" for i in present]
    return draw_instances(
        image,
        poses.keypoints[index, present],
        poses.visibility[index, present],
        poses.skeleton,
        [colors[i] for i in present],
        labels=[name + score for name, score in zip(names, scores, strict=True)],
    )


def _draw_pose(canvas: Image.Image, points: np.ndarray, visible: np.ndarray, skeleton: Skeleton, color: Color) -> None:
    """Draw one pose: first at several times the size of its part of the image, for smooth lines, then scaled down."""
    finite = np.isfinite(points).all(axis=1)
    if not finite.any():
        return
    extent = np.ptp(points[finite], axis=0).max()
    radius = max(1.5, min(min(canvas.size) / 130, extent / 30))
    box = _region(points[finite], 3 * radius, canvas.size)
    if box is None:
        return
    scaled = np.full_like(points, np.nan)
    scaled[finite] = np.round((points[finite] + 0.5 - box[:2]) * _OVERSAMPLING - 0.5)
    strokes = _Strokes(scaled, visible, skeleton, radius * _OVERSAMPLING)
    size = (box[2] - box[0]) * _OVERSAMPLING, (box[3] - box[1]) * _OVERSAMPLING
    for draw in (strokes.draw_edges, strokes.draw_keypoints):
        for layer_color, halo, opacity in ((_OUTLINE_COLOR, 0.35 * radius + 0.4, _OUTLINE_OPACITY), (color, 0.0, 1.0)):
            mask = Image.new("L", size)
            draw(ImageDraw.Draw(mask), halo * _OVERSAMPLING, opacity)
            canvas.paste(layer_color, box[:2], mask.reduce(_OVERSAMPLING))


@dataclass(frozen=True, eq=False)
class _Strokes:
    """The lines and dots of one pose, drawn as opacity; `halo` widens them on all sides for an outline.

    Attributes:
        points: (k, 2) where to draw, NaN if missing.
        visible: (k,) whether a dot is solid.
        skeleton: Edges of the keypoint axis.
        radius: Of a dot.
    """

    points: np.ndarray
    visible: np.ndarray
    skeleton: Skeleton
    radius: float

    def draw_edges(self, draw: ImageDraw.ImageDraw, halo: float, opacity: float) -> None:
        """Lines between present keypoints, fainter where one of them is not visible."""
        for edge in sorted(map(list, self.skeleton.edge_indices), key=lambda edge: self.visible[edge].all()):
            if np.isfinite(self.points[edge]).all():
                strength = opacity if self.visible[edge].all() else opacity * _FAINT
                width = round(0.6 * self.radius + 2 * halo)
                draw.line([tuple(point) for point in self.points[edge]], fill=round(255 * strength), width=width)

    def draw_keypoints(self, draw: ImageDraw.ImageDraw, halo: float, opacity: float) -> None:
        """Dots at visible keypoints, rings at others."""
        for point, is_visible in zip(self.points, self.visible, strict=True):
            if np.isfinite(point).all():
                draw.circle(tuple(point), round(self.radius + halo), fill=round(255 * opacity))
                if not is_visible:
                    draw.circle(tuple(point), round(max(0.0, 0.5 * self.radius - halo)), fill=0)


def _region(points: np.ndarray, margin: float, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """(left, top, right, bottom) of the part of an image that points and a margin cover; None if there is none."""
    left, top = np.clip(np.floor(points.min(axis=0) - margin), 0, size).astype(int).tolist()
    right, bottom = np.clip(np.ceil(points.max(axis=0) + margin) + 1, 0, size).astype(int).tolist()
    return (left, top, right, bottom) if left < right and top < bottom else None


def _write_label(canvas: Image.Image, points: np.ndarray, label: str, color: Color) -> None:
    """Write centered above the topmost keypoint, or as near to it as the image allows."""
    finite = points[np.isfinite(points).all(axis=1)]
    if not label or not len(finite):
        return
    font = _font(max(10, min(canvas.size) // 32))
    draw = ImageDraw.Draw(canvas)
    _, _, width, height = draw.textbbox((0, 0), label, font=font)
    top = finite[finite[:, 1].argmin()] - (width / 2, 1.5 * height)
    x, y = np.clip(top, 1, np.maximum(np.subtract(canvas.size, (width + 1, height + 1)), 1))
    draw.text((x, y), label, font=font, fill=color, stroke_width=max(1, height // 8), stroke_fill=(0, 0, 0))


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
