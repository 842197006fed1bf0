"""What lines and dots cover, against distances from them."""

import numpy as np
import pytest

from poetlab.rendering.shape import Shape
from poetlab.rendering.strokes import Strokes, sketch

SIZE = (90, 120)


def covered(boxes: list[list[float]], widths: list[float], opacity: list[float], outline: float = 0) -> np.ndarray:
    """(2, height, width) cores and outlines of some strokes in a whole image, from 0 to 1."""
    strokes = Strokes(*(np.array(values, float)[None, None] for values in (boxes, widths, opacity)))
    shape = sketch(strokes, np.array([[outline]]), SIZE)[0][0].drawn()
    whole = np.zeros((2, *SIZE))
    if shape is not None:
        height, width = shape.core.shape
        assert shape.left % 2 == shape.top % 2 == height % 2 == width % 2 == 0
        part = whole[:, shape.top : shape.top + height, shape.left : shape.left + width]
        part[:] = np.stack([shape.core, shape.outline]) / 255.0
    return whole


def distance_to_line(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    places = np.indices(SIZE)[::-1].transpose(1, 2, 0)
    along = ((places - start) @ (end - start) / ((end - start) ** 2).sum()).clip(0, 1)
    return np.linalg.norm(places - start - along[..., None] * (end - start), axis=-1)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("width", [1.0, 3.5, 5.5, 7.5])
def test_a_line_covers_what_is_near_it(seed: int, width: float):
    start, end = np.random.default_rng(seed).uniform((-10, -10), (130, 100), (2, 2))
    core, _ = covered([[*start, *end]], [width], [1.0])
    distance = distance_to_line(start, end)
    assert (core[distance < width / 2 - 1] > 0.7).all()
    assert core[distance < width / 2 - 1].sum() >= 0.98 * (distance < width / 2 - 1).sum()
    assert (core[distance > width / 2 + 1.5] == 0).all()


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("radius", [1.5, 2.0, 3.3, 8.0])
def test_a_dot_is_as_large_as_asked_for(seed: int, radius: float):
    x, y = np.random.default_rng(seed).uniform(20, 70, 2)
    core, _ = covered([[x - radius, y - radius, x + radius, y + radius]], [0], [1.0])
    assert np.sqrt(core.sum() / np.pi) == pytest.approx(radius, abs=0.15)
    rows, columns = np.indices(SIZE)
    np.testing.assert_allclose([(columns * core).sum(), (rows * core).sum()] / core.sum(), [x, y], rtol=0, atol=0.1)


def test_an_outline_is_around_and_never_on_it():
    core, outline = covered([[40, 40, 80, 40]], [3.5], [1.0], outline=3)
    assert core[40, 60] == 1
    assert outline[40, 60] == 0
    assert outline[36, 60] == pytest.approx(0.6, abs=0.01)
    assert (outline[:30] == 0).all()
    assert (core + outline).max() <= 1


def test_later_strokes_hide_earlier_ones():
    for opacities in ([0.2, 0.8], [0.8, 0.2]):
        core, _ = covered([[20, 40, 100, 40], [60, 10, 60, 80]], [3.5, 3.5], opacities)
        np.testing.assert_allclose(core[[40, 40], [30, 60]], opacities, atol=0.01)


@pytest.mark.parametrize(
    ("box", "opacity"),
    [([np.nan, 5, 20, 20], 1.0), ([5, 5, 20, 20], 0.0), ([5, 5, 20, 20], np.nan), ([-90, -90, -20, -20], 1.0)],
    ids=str,
)
@pytest.mark.parametrize("width", [0, 3.5])
def test_nothing_is_drawn_where_there_is_nothing(box: list[float], opacity: float, width: float):
    assert not covered([box], [width], [opacity]).any()


def test_half_the_resolution_covers_as_much():
    core = np.random.default_rng(0).integers(0, 256, (40, 60), dtype=np.uint8)
    half = Shape.with_outline(6, 8, core, 2, 0.6).halved()
    assert (half.left, half.top, half.core.shape) == (3, 4, (20, 30))
    np.testing.assert_allclose(half.core, core.reshape(20, 2, 30, 2).mean(axis=(1, 3)), atol=1)
