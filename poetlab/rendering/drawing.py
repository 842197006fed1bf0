"""Poses to paint: keypoints as dots, edges as lines."""

from collections.abc import Sequence

import numpy as np

from poetlab.rendering.canvas import Canvas, Paint
from poetlab.rendering.colors import Color
from poetlab.rendering.labels import paint_labels
from poetlab.rendering.strokes import Strokes, cover
from poetlab.skeleton import Skeleton

_SMALLEST_DOT = 1.5
_DOTS_ACROSS_IMAGE = 130
_DOTS_ACROSS_ANIMAL = 30
_LINE_WIDTH = 0.3
"""Half of a line's, in radii of a dot."""
_THINNEST_LINE = 0.5


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
    channels = np.array(image.transpose(2, 0, 1), order="C")[None]
    canvas = Canvas.of_rgb((image.shape[0], image.shape[1]), colors)
    paints = paint_poses(keypoints[None], visibility[None], skeleton, canvas, 1)
    if labels is not None:
        paints += [paint_labels(keypoints[None], visibility[None], [labels], canvas)[1]]
    canvas.paint(channels, {1: paints})
    return np.ascontiguousarray(channels[0].transpose(1, 2, 0))


def paint_poses(
    keypoints: np.ndarray, visibility: np.ndarray, skeleton: Skeleton, canvas: Canvas, scale: int
) -> list[Paint]:
    """Poses as `draw_instances` describes them, for the planes of one scale.

    Args:
        keypoints: (images, n, k, 2) pixels (x, y).
        visibility: (images, n, k) probability that each keypoint can be seen.
        skeleton: Edges of the keypoint axis.
        canvas: What to paint on; its colors are those of the n instances.
        scale: Pixels from one sample of a plane to the next.
    """
    edges = np.array(skeleton.edge_indices, dtype=np.int64).reshape(-1, 2)
    dots = np.arange(skeleton.n_keypoints).repeat(2).reshape(-1, 2)  # a dot has no length
    radii = _dot_radii(keypoints, max(_SMALLEST_DOT, min(canvas.sizes[1]) / _DOTS_ACROSS_IMAGE))
    outlines = 0.35 * radii + 0.4
    return [
        _paint(keypoints, visibility, edges, np.maximum(_LINE_WIDTH * radii, _THINNEST_LINE), outlines, canvas, scale),
        _paint(keypoints, visibility, dots, radii, outlines, canvas, scale),
    ]


def _paint(
    keypoints: np.ndarray,
    visibility: np.ndarray,
    pairs: np.ndarray,
    radii: np.ndarray,
    outlines: np.ndarray,
    canvas: Canvas,
    scale: int,
) -> Paint:
    """Strokes between pairs of keypoints, of all instances of one image after those of another."""
    n_images, n, _ = visibility.shape
    strokes = Strokes(
        starts=keypoints[:, :, pairs[:, 0]].reshape(-1, 2),
        ends=keypoints[:, :, pairs[:, 1]].reshape(-1, 2),
        radii=radii.repeat(len(pairs)),
        outlines=outlines.repeat(len(pairs)),
        opacity=visibility[:, :, pairs].min(axis=-1).ravel(),
    )
    covered = cover(strokes, canvas.sizes[scale], scale)
    starts, colors = np.array([[canvas.n_values], [1]]) * np.indices((n_images, n)).reshape(2, -1).repeat(
        len(pairs), axis=1
    )
    return Paint(
        covered.places + starts.take(covered.strokes) if n_images > 1 else covered.places,
        colors.take(covered.strokes),
        covered.core,
        covered.strength,
        covered.core + covered.strength,
    )


def _dot_radii(keypoints: np.ndarray, largest: float) -> np.ndarray:
    """(images, n) radius of each instance's dots, which is smaller where the instance is small."""
    is_finite = np.isfinite(keypoints).all(axis=-1, keepdims=True)
    extent = np.where(is_finite, keypoints, -np.inf).max(axis=2) - np.where(is_finite, keypoints, np.inf).min(axis=2)
    return np.clip(extent.max(axis=-1, initial=0) / _DOTS_ACROSS_ANIMAL, _SMALLEST_DOT, largest)
