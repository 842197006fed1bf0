"""A training run over its epochs (the paper's Figures 3, 5 and 12)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from poetlab.plots.figure import new_figure, save_figure

_PARTS = ("classes", "keypoints", "visibility", "centers", "offsets")
_FIGURES = (("AP50", "AP at OKS 0.5"), ("AP", "AP"), ("AR", "AR"))
_MOST_MARKED = 20
"""Points of a line up to which each is marked."""

_ABOVE: dict[str, Any] = {"frameon": False, "loc": "lower left", "bbox_to_anchor": (0, 1), "fontsize": "small"}
"""Legends stand above their axes, where no line runs."""


def plot_metrics(rows: Sequence[Mapping[str, Any]], path: Path, also: Sequence[str] = ()) -> None:
    """Draw the loss parts and the figures of a training run over its epochs.

    Training losses are solid and validation losses dashed; figures on validation images are solid, those on label
    sets beside them dashed.

    Args:
        rows: One mapping an epoch, as in `metrics.csv`: `epoch`, `loss_*`, and where validated `val_loss_*`, `val_AP*`
            and `<name>_AP` of each label set beside.
        path: PNG to write or replace.
        also: Names of the label sets measured beside the validation images.
    """
    figure = new_figure(width=9, height=4.2)
    losses, precision = figure.subplots(1, 2)
    for number, part in enumerate(_PARTS):
        _plot(losses, rows, f"loss_{part}", color=f"C{number}", label=part)
        _plot(losses, rows, f"val_loss_{part}", color=f"C{number}", linestyle="--")
    losses.set(xlabel="epoch", ylabel="loss (last decoder layer)", yscale="log")
    styles = [
        Line2D([], [], color="gray", label="training"),
        Line2D([], [], color="gray", linestyle="--", label="validation"),
    ]
    losses.legend(handles=[*losses.get_legend_handles_labels()[0], *styles], ncols=3, **_ABOVE)
    for name, label in _FIGURES:
        _plot(precision, rows, f"val_{name}", label=label)
    for name in also:
        _plot(precision, rows, f"{name}_AP", label=f"AP on {name}", linestyle="--")
    precision.set(xlabel="epoch", ylabel="validation", ylim=(0, 1))
    precision.legend(ncols=3, **_ABOVE)
    save_figure(figure, path)


def _plot(axes: Axes, rows: Sequence[Mapping[str, Any]], column: str, **style: Any) -> None:
    """One column over the epochs that have it."""
    known = [row for row in rows if column in row]
    if len(known) <= _MOST_MARKED:
        style["marker"] = "."
    axes.plot([row["epoch"] for row in known], [row[column] for row in known], **style)
