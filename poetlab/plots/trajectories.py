"""Where each individual went."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.patches import Rectangle

from poetlab.plots.figure import new_figure, save_figure
from poetlab.poses import Poses, visible_centers
from poetlab.rendering.colors import Color, individual_colors

_LONGEST_PATH = 20_000
"""Frames up to which paths are drawn as lines; those of longer videos would cover the picture."""
_CELLS = 200
"""Along the longer side of the picture, where it is shown how often an individual was in each place."""
_LONG_SIDE = 6.0
_LONG_SIDE_OF_PANEL = 4.5
_LEGEND_WIDTH = 1.6
_GROUND = (0.97, 0.97, 0.97)


def plot_trajectories(poses: Poses, path: Path) -> None:
    """Draw the path of each individual's center over the picture's extent, with a gap where it was not found.

    The center is the mean of the keypoints, weighted by how likely they can be seen. A ring is where an individual was
    seen first, a dot where last. Of more than 20,000 frames, a panel for each individual shows in how many frames it
    was in each place.

    Args:
        poses: Tracked poses.
        path: PNG to write or replace.
    """
    centers = visible_centers(poses.keypoints, poses.visibility).swapaxes(0, 1)
    if poses.n_frames <= _LONGEST_PATH:
        _plot_paths(centers, poses, path)
    else:
        _plot_places(centers, poses, path)


def _plot_paths(centers: np.ndarray, poses: Poses, path: Path) -> None:
    width, height = _inches(poses.size, _LONG_SIDE)
    figure = new_figure(width=width + _LEGEND_WIDTH, height=height + 0.5)
    axes = figure.subplots()
    for name, places, color in zip(poses.individuals, centers, individual_colors(len(centers)), strict=True):
        rgb = np.array(color) / 255
        is_found = np.isfinite(places).all(axis=1)
        axes.plot(*places.T, color=rgb, linewidth=0.9, alpha=0.85, solid_joinstyle="round")
        axes.plot(*places[_is_alone(is_found)].T, ".", color=rgb, markersize=1.5)
        ends = places[is_found][[0, -1]] if is_found.any() else np.full((2, 2), np.nan)
        axes.plot(*ends[0], "o", color=rgb, markerfacecolor="white", markersize=6)
        axes.plot(*ends[1], "o", color=rgb, markersize=6, label=name)
    _show_picture(axes, poses.size)
    axes.set(xlabel="x (px)", ylabel="y (px)")
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0), title="ring: start\ndot: end")
    save_figure(figure, path)


def _plot_places(centers: np.ndarray, poses: Poses, path: Path) -> None:
    n_columns = int(np.ceil(np.sqrt(len(centers))))
    n_rows = -(-len(centers) // n_columns)
    width, height = _inches(poses.size, _LONG_SIDE_OF_PANEL)
    figure = new_figure(width=n_columns * (width + 0.9) + 0.3, height=n_rows * (height + 0.4) + 0.3)
    panels = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False).ravel()
    for name, places, color, axes in zip(
        poses.individuals, centers, individual_colors(len(centers)), panels, strict=False
    ):
        counts, x, y = _counts(places, poses.size)
        shades = axes.pcolormesh(
            x, y, np.ma.masked_equal(counts, 0), cmap=_shades(color), norm=LogNorm(1, max(2, counts.max()))
        )
        figure.colorbar(shades, ax=axes, label="frames", pad=0.01, fraction=0.04)
        axes.set_title(name, loc="left", fontsize="medium")
        _show_picture(axes, poses.size)
    for axes in panels[len(centers) :]:
        axes.set_axis_off()
    figure.supxlabel("x (px)", fontsize="medium")
    figure.supylabel("y (px)", fontsize="medium")
    save_figure(figure, path)


def _counts(places: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How many (n, 2) places are in each cell of a picture of this (height, width), and the cells' limits."""
    cell = max(1.0, max(size) / _CELLS)
    shape = int(np.ceil(size[0] / cell)), int(np.ceil(size[1] / cell))
    column, row = np.floor((places[np.isfinite(places).all(axis=1)] + 0.5) / cell).astype(np.int64).T
    inside = (column >= 0) & (column < shape[1]) & (row >= 0) & (row < shape[0])
    numbers = row[inside] * shape[1] + column[inside]
    counts = np.bincount(numbers, minlength=shape[0] * shape[1]).reshape(shape)
    return counts, np.arange(shape[1] + 1) * cell - 0.5, np.arange(shape[0] + 1) * cell - 0.5


def _shades(color: Color) -> LinearSegmentedColormap:
    """From pale to the color to a dark shade of it."""
    full = np.array(color) / 255
    return LinearSegmentedColormap.from_list("places", [tuple(0.25 * full + 0.75), tuple(full), tuple(0.35 * full)])


def _show_picture(axes: Axes, size: tuple[int, int]) -> None:
    """Let the axes be a picture of this (height, width), y down."""
    height, width = size
    axes.add_patch(Rectangle((-0.5, -0.5), width, height, facecolor=_GROUND, edgecolor="0.7", linewidth=0.8, zorder=0))
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), aspect="equal")


def _inches(size: tuple[int, int], long_side: float) -> tuple[float, float]:
    """Width and height in inches of a picture of this (height, width)."""
    scale = long_side / max(size)
    return max(size[1] * scale, 2.5), max(size[0] * scale, 2.0)


def _is_alone(is_found: np.ndarray) -> np.ndarray:
    """Where a place has none before and after it, so that no line shows it."""
    padded = np.pad(is_found, 1)
    return is_found & ~padded[:-2] & ~padded[2:]
