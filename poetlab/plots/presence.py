"""When each individual was found."""

from pathlib import Path

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from poetlab.plots.figure import new_figure, save_figure
from poetlab.plots.time_axis import time_axis
from poetlab.poses import Poses
from poetlab.rendering.colors import individual_colors
from poetlab.results.joins import Joins

_ABSENT = (0.93, 0.93, 0.93)
_BAR_HEIGHT = 0.7


def plot_presence(poses: Poses, path: Path, joins: Joins | None = None) -> None:
    """Draw a bar over time for each individual, colored where it was found, and the part of all frames that is.

    Joins are triangles above the bars.
    Of long videos, the colors are the paler the fewer of some successive frames have the individual.

    Args:
        poses: Tracked poses.
        path: PNG to write or replace.
        joins: Where animals could be switched.
    """
    n = len(poses.individuals)
    figure = new_figure(width=10, height=1.0 + 0.35 * n)
    axes = figure.subplots()
    time = time_axis(poses.times)
    is_found = poses.scores > 0
    parts = time.means(is_found.astype(np.float32))
    labels = [f"{name}  {part:.1%}" for name, part in zip(poses.individuals, is_found.mean(axis=0), strict=True)]
    for number, color in enumerate(individual_colors(n)):
        colors = LinearSegmentedColormap.from_list("presence", [_ABSENT, tuple(np.array(color) / 255)])
        bar = number + np.array([-0.5, 0.5]) * _BAR_HEIGHT
        axes.pcolormesh(time.edges, bar, parts[None, :, number], vmin=0, vmax=1, cmap=colors)
    if joins is not None:
        rows = np.searchsorted(poses.frames, joins.first_frames)
        axes.plot(
            np.interp(rows, time.first_rows, time.edges[:-1]),
            joins.individuals - _BAR_HEIGHT / 2,
            "v",
            color="black",
            markersize=3,
        )
    axes.set_yticks(range(n), labels)
    axes.tick_params(axis="y", length=0)
    axes.set(ylim=(n - 0.5, -0.5))
    time.label(axes)
    save_figure(figure, path)
