"""Poses to paint: keypoints as dots, edges as lines."""

from collections.abc import Sequence

import numpy as np

from poetlab.rendering.canvas import Canvas
from poetlab.rendering.colors import Color
from poetlab.rendering.labels import label_shapes
from poetlab.rendering.strokes import Sketch, Strokes, sketch
from poetlab.skeleton import Skeleton

_SMALLEST_DOT = 1.5
_DOTS_ACROSS_IMAGE = 130
_DOTS_ACROSS_ANIMAL = 30
_LINE_WIDTH = 0.6
"""In radii of a dot."""
_THINNEST_LINE = 1.0


def draw_instances(
    image: np.ndarray,
    keypoints: np.ndarray,
    visibility: np.ndarray,
    skeleton: Skeleton,
    colors: Sequence[Color],
    *,
    labels: Sequence[str] | None = None,
) -> np.ndarray:
    """Draw poses: keypoints as dots and edges as lines, the fainter the less likely they can be seen.

    Lines and dots grow with the image and are thinner on small animals.

    Args:
        image: (height, width, 3) uint8 RGB.
        keypoints: (n, k, 2) pixels (x, y); those that are not finite are left out.
        visibility: (n, k) probability that each keypoint can be seen; it is the opacity of its dot. A line has that of
            its fainter end.
        skeleton: Names and edges of the keypoint axis.
        colors: n colors, one an instance (see `individual_colors`).
        labels: n texts to write above the instances.

    Returns:
        A new image of the same shape and type.
    """
    drawn, size = image.copy(order="C"), (image.shape[0], image.shape[1])
    canvas = Canvas.of_rgb(size, colors)
    shapes = [one.drawn() for one in sketch_poses(keypoints[None], visibility[None], skeleton, size)[0]]
    texts = [] if labels is None else label_shapes(keypoints[None], visibility[None], [labels], size)[0]
    for some in (shapes, texts):
        for number, shape in enumerate(some):
            canvas.paint(drawn, shape, number)
    return drawn


def sketch_poses(
    keypoints: np.ndarray,
    visibility: np.ndarray,
    skeleton: Skeleton,
    size: tuple[int, int],
    *,
    trails: Strokes | None = None,
) -> list[list[Sketch]]:
    """Poses as `draw_instances` describes them, ready to be drawn.

    Args:
        keypoints: (images, n, k, 2) pixels (x, y).
        visibility: (images, n, k) probability that each keypoint can be seen.
        skeleton: Edges of the keypoint axis.
        size: (height, width) of the images in pixels.
        trails: Of (images, n, ...), to draw under the poses.

    Returns:
        A sketch for each of the n poses of each image.
    """
    radii = _dot_radii(keypoints, max(_SMALLEST_DOT, min(size) / _DOTS_ACROSS_IMAGE))
    strokes = _pose_strokes(keypoints, visibility, skeleton, radii)
    return sketch(trails.under(strokes) if trails else strokes, 0.35 * radii + 0.4, size)


def _pose_strokes(keypoints: np.ndarray, visibility: np.ndarray, skeleton: Skeleton, radii: np.ndarray) -> Strokes:
    """(images, n, edges and keypoints): the fainter first, so that what is hardly there hides nothing."""
    edges = np.array(skeleton.edge_indices, dtype=np.int64).reshape(-1, 2)
    radii = radii[..., None]
    lines = Strokes(
        keypoints[:, :, edges].reshape(*radii.shape[:2], len(edges), 4),
        np.maximum(_LINE_WIDTH * radii, _THINNEST_LINE).repeat(len(edges), axis=2),
        visibility[:, :, edges].min(axis=-1),
    )
    reach = np.concatenate([-radii, -radii, radii, radii], axis=2)[:, :, None]
    dots = Strokes(np.tile(keypoints, 2) + reach, np.zeros_like(visibility), visibility)
    strokes = lines.under(dots)
    order = strokes.opacity.argsort(axis=2, kind="stable")
    boxes = np.take_along_axis(strokes.boxes, order[..., None], axis=2)
    return Strokes(boxes, *(np.take_along_axis(values, order, axis=2) for values in strokes[1:]))


def _dot_radii(keypoints: np.ndarray, largest: float) -> np.ndarray:
    """(images, n) radius of each instance's dots, which is smaller where the instance is small."""
    is_finite = np.isfinite(keypoints).all(axis=-1, keepdims=True)
    extent = np.where(is_finite, keypoints, -np.inf).max(axis=2) - np.where(is_finite, keypoints, np.inf).min(axis=2)
    return np.clip(extent.max(axis=-1, initial=0) / _DOTS_ACROSS_ANIMAL, _SMALLEST_DOT, largest)
