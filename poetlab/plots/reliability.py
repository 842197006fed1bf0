"""Predicted visibility against the part of keypoints that is visible: a reliability diagram."""

from pathlib import Path

import numpy as np

from poetlab.plots.figure import new_figure, save_figure

_DEVIATIONS = 1.96
"""Standard deviations of chance within which 95% of the points of a calibrated network lie, about."""


def plot_reliability(predicted: np.ndarray, visible: np.ndarray, chance: np.ndarray, title: str, path: Path) -> None:
    """Draw a point a bin of keypoints; a network whose visibility is a probability has them on the diagonal.

    Gray bars show how far from the diagonal chance alone would put 95% of the points of such a network.

    Args:
        predicted: (n,) mean predicted visibility of the keypoints in each bin, in rising order.
        visible: (n,) fraction of them that is labeled as visible.
        chance: (n,) standard deviation of that fraction if the predictions were true probabilities.
        title: What to write above.
        path: PNG to write or replace.
    """
    figure = new_figure(width=4.5, height=4.5)
    axes = figure.subplots()
    low, high = (np.clip(predicted + side * _DEVIATIONS * chance, 0, 1) for side in (-1, 1))
    axes.plot([0, 1], [0, 1], color="0.8", linewidth=0.8)
    axes.vlines(predicted, low, high, color="0.85", linewidth=4)
    axes.plot(predicted, visible, marker="o", markersize=4)
    axes.set(
        title=title,
        xlabel="predicted visibility",
        ylabel="fraction labeled as visible",
        xlim=(-0.02, 1.02),
        ylim=(-0.02, 1.02),
        aspect="equal",
    )
    save_figure(figure, path)
