"""What all pictures have in common: their look, and that they appear whole."""

from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from poetlab.files import whole_file


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of this size in inches; it needs no screen."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, or replace an older one, with the frame of its axes open at the top and right."""
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    with whole_file(path) as partial:
        figure.savefig(partial, format="png", dpi=150)
