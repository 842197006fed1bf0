"""Pictures of numbers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from poetlab.files import whole_file


def plot_metrics(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw the loss parts and the validation AP of a training run over its epochs.

    Args:
        rows: One mapping an epoch, as in `metrics.csv`: `epoch`, `loss_*`, and `val_AP*` where validated.
        path: PNG to write or replace.
    """
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
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
    for axes in (losses, precision):
        axes.spines[["top", "right"]].set_visible(False)
    with whole_file(path) as partial:
        figure.savefig(partial, format="png", dpi=150)
