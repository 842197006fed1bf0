"""Predicted visibility by what the label says (paper Figure 10)."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from poetlab.plots.figure import new_figure, save_figure
from poetlab.poses import SEEN


def plot_visibility(predicted: Mapping[str, np.ndarray], path: Path) -> None:
    """Draw the distribution of the predicted visibility of each kind of keypoint as a violin.

    Args:
        predicted: Kind of keypoint -> (n,) predicted visibility; a kind without keypoints has no violin.
        path: PNG to write or replace.
    """
    figure = new_figure(width=5.5, height=4)
    axes = figure.subplots()
    axes.axhline(SEEN, color="0.8", linewidth=0.8)
    positions = [place for place, values in enumerate(predicted.values()) if len(values)]
    values = [values for values in predicted.values() if len(values)]
    axes.violinplot(values, positions, widths=0.8, showmedians=True)
    labels = [f"{kind}\n{len(values):,} keypoints" for kind, values in predicted.items()]
    axes.set_xticks(range(len(predicted)), labels)
    axes.set(xlim=(-0.6, len(predicted) - 0.4), ylim=(-0.02, 1.02), xlabel="label", ylabel="predicted visibility")
    save_figure(figure, path)
