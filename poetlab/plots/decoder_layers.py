"""COCO's figures after each decoder layer (paper Figure 8)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.ticker import MaxNLocator

from poetlab.plots.figure import new_figure, save_figure

_LINES = {"AP50": "AP at OKS 0.5", "AP75": "AP at OKS 0.75", "AP": "AP", "AR": "AR"}


def plot_decoder_layers(figures: Sequence[Mapping[str, float]], path: Path) -> None:
    """Draw how precision and recall grow with the decoder layers.

    Args:
        figures: COCO's figures after each layer, first layer first.
        path: PNG to write or replace.
    """
    figure = new_figure(width=5, height=3.6)
    axes = figure.subplots()
    layers = range(1, len(figures) + 1)
    for name, label in _LINES.items():
        axes.plot(layers, [after[name] for after in figures], label=label, marker=".")
    axes.set(xlabel="decoder layers", ylabel="precision, recall", ylim=(0, 1))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False)
    save_figure(figure, path)
