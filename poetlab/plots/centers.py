"""Predicted centers against labeled ones (paper Figure 9b)."""

from pathlib import Path

import numpy as np

from poetlab.plots.figure import new_figure, save_figure


def plot_centers(offsets: np.ndarray, path: Path) -> None:
    """Draw where predicted centers lie, seen from the labeled ones.

    Args:
        offsets: (n, 2) from the labeled center to the predicted one, in widths and heights of the animal's box.
        path: PNG to write or replace.
    """
    figure = new_figure(width=4.5, height=4.5)
    axes = figure.subplots()
    axes.axhline(0, color="0.8", linewidth=0.8)
    axes.axvline(0, color="0.8", linewidth=0.8)
    axes.scatter(offsets[:, 0], offsets[:, 1], s=8, alpha=0.4, linewidths=0)
    reach = 1.1 * max(0.1, float(np.abs(offsets).max()))
    axes.set(
        title=f"predicted minus labeled center, {len(offsets)} animals",
        xlabel="x, in widths of the box",
        ylabel="y, in heights of the box",
        xlim=(-reach, reach),
        ylim=(reach, -reach),  # as in the image, y points down
        aspect="equal",
    )
    save_figure(figure, path)
