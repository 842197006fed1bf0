"""A training run over its epochs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from poetlab.plots.figure import new_figure, save_figure


def plot_metrics(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw the loss parts and the validation AP of a training run over its epochs.

    Args:
        rows: One mapping an epoch, as in `metrics.csv`: `epoch`, `loss_*`, and `val_AP*` where validated.
        path: PNG to write or replace.
    """
    figure = new_figure(width=9, height=3.6)
    losses, precision = figure.subplots(1, 2)
    epochs = [row["epoch"] for row in rows]
    for name in [name for name in rows[-1] if name.startswith("loss_")]:
        losses.plot(epochs, [row[name] for row in rows], label=name.removeprefix("loss_"))
    losses.set(xlabel="epoch", ylabel="training loss (last decoder layer)", yscale="log")
    losses.legend(frameon=False)
    validated = [row for row in rows if "val_AP" in row]
    for name, label in (("val_AP50", "AP at OKS 0.5"), ("val_AP", "AP"), ("val_AR", "AR")):
        precision.plot([row["epoch"] for row in validated], [row[name] for row in validated], label=label, marker=".")
    precision.set(xlabel="epoch", ylabel="validation", ylim=(0, 1))
    precision.legend(frameon=False)
    save_figure(figure, path)
