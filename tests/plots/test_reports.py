"""The pictures of an evaluation show its numbers."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from poetlab.plots import centers, decoder_layers, reliability, visibility


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are saved, which are then written as ever."""
    figures: list[Figure] = []
    for module in (centers, decoder_layers, reliability, visibility):

        def save(figure: Figure, path: Path, write: Callable[[Figure, Path], None] = module.save_figure) -> None:
            figures.append(figure)
            write(figure, path)

        monkeypatch.setattr(module, "save_figure", save)
    return figures


def check_image(path: Path) -> None:
    with Image.open(path) as image:
        image.load()
        assert (image.format, min(image.size) > 300) == ("PNG", True)
    assert list(path.parent.iterdir()) == [path]


def test_every_center_is_a_point_in_view(drawn: list[Figure], tmp_path: Path) -> None:
    offsets = np.array([[0.1, -0.2], [0.0, 0.0], [-0.7, 0.4]])
    centers.plot_centers(offsets, tmp_path / "a.png")
    check_image(tmp_path / "a.png")
    (axes,) = drawn[0].axes
    np.testing.assert_array_equal(axes.collections[0].get_offsets(), offsets)
    assert axes.get_xlim() == pytest.approx((-0.77, 0.77))
    assert axes.get_ylim() == pytest.approx((0.77, -0.77)), "y points down"
    assert "3 animals" in axes.get_title()


def test_a_perfect_center_can_be_drawn(tmp_path: Path) -> None:
    centers.plot_centers(np.zeros((1, 2)), tmp_path / "a.png")
    check_image(tmp_path / "a.png")


def test_every_kind_of_keypoint_has_a_violin_over_its_count(drawn: list[Figure], tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    predicted = {
        "visible": random.uniform(0.4, 1, 1200),
        "occluded": np.empty(0),
        "unlabeled": random.uniform(0, 1, 90),
    }
    visibility.plot_visibility(predicted, tmp_path / "a.png")
    check_image(tmp_path / "a.png")
    (axes,) = drawn[0].axes
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["visible\n1,200 keypoints", "occluded\n0 keypoints", "unlabeled\n90 keypoints"]
    medians = {round(float(x)): y for (x, y), _ in axes.collections[-1].get_segments() for x in [x + 0.2]}
    assert medians == {
        0: pytest.approx(np.median(predicted["visible"])),
        2: pytest.approx(np.median(predicted["unlabeled"])),
    }


@pytest.mark.parametrize("values", [[0.5], [0.9, 0.9], [0.0, 1.0]])
def test_few_or_equal_values_can_be_drawn(values: list[float], tmp_path: Path) -> None:
    visibility.plot_visibility({"visible": np.array(values, np.float32), "occluded": np.empty(0)}, tmp_path / "a.png")
    check_image(tmp_path / "a.png")


def test_every_decoder_layer_is_a_point_of_each_line(drawn: list[Figure], tmp_path: Path) -> None:
    figures = [{"AP": 0.1 * n, "AP50": 0.2 * n, "AP75": float("nan"), "AR": 0.15 * n} for n in range(1, 5)]
    decoder_layers.plot_decoder_layers(figures, tmp_path / "a.png")
    check_image(tmp_path / "a.png")
    (axes,) = drawn[0].axes
    lines = {str(line.get_label()): line.get_xydata() for line in axes.lines}
    np.testing.assert_allclose(lines["AP"], [[1, 0.1], [2, 0.2], [3, 0.3], [4, 0.4]])
    assert set(lines) == {"AP", "AR", "AP at OKS 0.5", "AP at OKS 0.75"}
    assert all(tick == round(tick) for tick in axes.get_xticks())


def test_every_bin_is_a_point_over_what_chance_would_do(drawn: list[Figure], tmp_path: Path) -> None:
    predicted, visible, chance = np.array([0.3, 0.6, 0.99]), np.array([0.5, 0.6, 1.0]), np.array([0.1, 0.05, 0.01])
    reliability.plot_reliability(predicted, visible, chance, "96 keypoints", tmp_path / "a.png")
    check_image(tmp_path / "a.png")
    (axes,) = drawn[0].axes
    diagonal, points = axes.lines
    np.testing.assert_array_equal(diagonal.get_xydata(), [[0, 0], [1, 1]])
    np.testing.assert_array_equal(points.get_xydata(), np.column_stack([predicted, visible]))
    bars = np.array([[low, high] for (_, low), (_, high) in axes.collections[0].get_segments()])
    np.testing.assert_allclose(bars, [[0.104, 0.496], [0.502, 0.698], [0.9704, 1]])
    assert axes.get_title() == "96 keypoints"
