"""Poses drawn into an image."""

from collections.abc import Sequence

import numpy as np

from poetlab.poses import SEEN
from poetlab.rendering.colors import Color
from poetlab.rendering.labels import write_label
from poetlab.rendering.strokes import Dots, Lines, Painter
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
    drawn = np.array(image, order="C")
    drawer = PoseDrawer(skeleton, (drawn.shape[0], drawn.shape[1]))
    for points, visible, color in zip(keypoints, visibility, colors, strict=True):
        drawer.draw(drawn, points, visible, color)
    if labels is not None:
        write_labels(drawn, keypoints, visibility, labels, colors)
    return drawn


class PoseDrawer:
    """Draws poses of one skeleton into images of one size, as `draw_instances` describes.

    Args:
        skeleton: Edges of the keypoint axis.
        size: (height, width) of the images.
    """

    def __init__(self, skeleton: Skeleton, size: tuple[int, int]) -> None:
        self._edges = np.array(skeleton.edge_indices, dtype=np.int64).reshape(-1, 2)
        self._largest_dot = max(_SMALLEST_DOT, min(size) / _DOTS_ACROSS_IMAGE)
        self._painter = Painter(size)

    def draw(
        self, image: np.ndarray, keypoints: np.ndarray, visibility: np.ndarray, color: Color, trail: Lines | None = None
    ) -> None:
        """Draw one pose, and the trail behind it.

        Args:
            image: (height, width, 3) contiguous uint8 RGB, which is changed.
            keypoints: (k, 2) pixels (x, y).
            visibility: (k,) probability that each keypoint can be seen.
            color: Of dots and lines.
            trail: More lines, which lie beneath.
        """
        radius = self._dot_radius(keypoints)
        outline = 0.35 * radius + 0.4
        starts, ends = keypoints[self._edges[:, 0]], keypoints[self._edges[:, 1]]
        radii, outlines = np.full((2, len(starts)), [[max(_LINE_WIDTH * radius, _THINNEST_LINE)], [outline]])
        lines = Lines(starts, ends, radii, outlines, visibility[self._edges].min(axis=1))
        if trail is not None:
            lines = lines.and_also(trail)
        self._painter.paint(image, color, lines, Dots(keypoints, radius, outline, visibility))

    def _dot_radius(self, keypoints: np.ndarray) -> float:
        finite = keypoints[np.isfinite(keypoints).all(axis=1)]
        extent = float((finite.max(axis=0) - finite.min(axis=0)).max()) if len(finite) else 0.0
        return min(max(extent / _DOTS_ACROSS_ANIMAL, _SMALLEST_DOT), self._largest_dot)


def write_labels(
    image: np.ndarray, keypoints: np.ndarray, visibility: np.ndarray, labels: Sequence[str], colors: Sequence[Color]
) -> None:
    """Write a text above each pose's visible keypoints, or where there is none above all that it has.

    Args:
        image: (height, width, 3) uint8, which is changed.
        keypoints: (n, k, 2) pixels (x, y).
        visibility: (n, k) probability that each keypoint can be seen.
        labels: n texts.
        colors: n colors.
    """
    for points, visible, label, color in zip(keypoints, visibility >= SEEN, labels, colors, strict=True):
        is_finite = np.isfinite(points).all(axis=1)
        chosen = is_finite & visible if (is_finite & visible).any() else is_finite
        if label and chosen.any():
            write_label(image, points[chosen], label, color)
