"""The picture of a run: training losses solid, validation losses dashed, and AP over the epochs."""

from pathlib import Path
from typing import Any

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from poetlab.plots import metrics
from poetlab.plots.metrics import plot_metrics

PARTS = ("classes", "keypoints", "visibility", "centers", "offsets")


def row(epoch: int, *, trained: bool = True, validated: bool = True, also: tuple[str, ...] = ()) -> dict[str, Any]:
    """Made-up metrics; every part, figure and label set has numbers of its own."""
    training = {f"loss_{part}": 10.0 * number + epoch for number, part in enumerate(PARTS, start=1)}
    losses = {f"val_loss_{part}": 10.0 * number + epoch + 0.5 for number, part in enumerate(PARTS, start=1)}
    figures = {"val_AP": 0.1 * epoch, "val_AP50": 0.11 * epoch, "val_AR": 0.12 * epoch}
    beside = {f"{name}_AP": 0.9 - 0.1 * epoch - 0.01 * number for number, name in enumerate(also)}
    return {
        "epoch": epoch,
        **(training if trained else {}),
        **(losses | figures | beside if validated else {}),
    }


@pytest.fixture
def axes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Axes, Axes]:
    """The two axes of a run that starts with epoch 0, is validated every second epoch, and has two sets beside."""
    figures: list[Figure] = []
    monkeypatch.setattr(metrics, "save_figure", lambda figure, _path: figures.append(figure))
    also = ("coco", "val_AP")  # the second is an odd name of a label set, but a possible one
    rows = [row(0, trained=False, also=also), row(1, validated=False), row(2, also=also), row(3, validated=False)]
    plot_metrics(rows, tmp_path / "metrics.png", also=also)
    losses, precision = figures[0].axes
    return losses, precision


def points(line: Line2D) -> list[tuple[float, float]]:
    return [(float(x), pytest.approx(float(y))) for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)]  # type: ignore[misc, arg-type]


def test_training_losses_are_solid_and_validation_losses_dashed(axes: tuple[Axes, Axes]) -> None:
    lines = axes[0].get_lines()
    assert [line.get_linestyle() for line in lines] == ["-", "--"] * len(PARTS)
    for number, (training, validation) in enumerate(zip(lines[::2], lines[1::2], strict=True), start=1):
        assert training.get_label() == PARTS[number - 1]
        assert training.get_color() == validation.get_color()
        assert points(training) == [(epoch, 10 * number + epoch) for epoch in (1, 2, 3)]
        assert points(validation) == [(epoch, 10 * number + epoch + 0.5) for epoch in (0, 2)]
    assert len({line.get_color() for line in lines}) == len(PARTS)
    legend = axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [*PARTS, "training", "validation"]


def test_ap_is_drawn_over_the_epochs_and_that_of_label_sets_beside_dashed(axes: tuple[Axes, Axes]) -> None:
    by_label = {line.get_label(): line for line in axes[1].get_lines()}
    assert points(by_label["AP"]) == [(0, 0), (2, 0.2)]
    assert points(by_label["AP on coco"]) == [(0, 0.9), (2, 0.7)]
    assert points(by_label["AP on val_AP"]) == [(0, 0.89), (2, 0.69)]
    assert {label: line.get_linestyle() for label, line in by_label.items()} == {
        "AP at OKS 0.5": "-", "AP": "-", "AR": "-", "AP on coco": "--", "AP on val_AP": "--",
    }  # fmt: skip
    assert axes[1].get_ylim() == (0, 1)


@pytest.mark.parametrize("rows", [[row(0, trained=False)], [row(1)]], ids=["the start", "one epoch"])
def test_the_picture_is_written_from_the_first_row_on(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    plot_metrics(rows, tmp_path / "metrics.png")
    with Image.open(tmp_path / "metrics.png") as picture:
        assert picture.width > picture.height > 100
