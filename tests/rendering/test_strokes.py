"""Lines and dots against painting them pixel by pixel."""

import numpy as np
import pytest

from poetlab.rendering.canvas import Canvas, Paint
from poetlab.rendering.strokes import Strokes, cover

SIZE = (60, 80)
COLOR = (200, 100, 40)


def random_strokes(seed: int) -> tuple[Strokes, Strokes]:
    """Lines of every direction, and dots, some of which leave the picture."""
    rng = np.random.default_rng(seed)
    n = 6
    ends = rng.uniform(-15, 95, (2, n, 2))
    ends[1, 0] = ends[0, 0] + (12, 0)
    ends[1, 1] = ends[0, 1] + (0, -9)
    lines = Strokes(*ends, rng.uniform(0.5, 3, n), rng.uniform(0, 2, n), rng.uniform(0, 1, n))
    points = rng.uniform(-5, 85, (n, 2))
    return lines, Strokes(points, points, np.full(n, 3.3), np.full(n, 1.2), rng.uniform(0, 1, n))


def paint(canvas: Canvas, image: np.ndarray, *strokes: Strokes) -> None:
    paints = []
    for some in strokes:
        _, places, core, strength = cover(some, SIZE)
        paints.append(Paint(places, np.zeros_like(places), core, strength, core + strength))
    channels = np.array(image.transpose(2, 0, 1), order="C")[None]
    canvas.paint(channels, {1: paints})
    image[:] = channels[0].transpose(1, 2, 0)


def painted_by_pixels(image: np.ndarray, lines: Strokes, dots: Strokes) -> np.ndarray:
    """Each pixel by the stroke that covers it most, by plain loops over strokes."""
    y, x = np.indices(SIZE).astype(float)
    strongest, painted = np.zeros(SIZE), image.astype(float)
    covers = [
        *(covered_by(distance_to_line(a, b, x, y), *rest) for a, b, *rest in zip(*vars(lines).values(), strict=True)),
        *(
            covered_by(np.hypot(x - point[0], y - point[1]), *rest)
            for point, _, *rest in zip(*vars(dots).values(), strict=True)
        ),
    ]
    for core, strength in covers:
        wins = core + strength > strongest
        strongest[wins] = (core + strength)[wins]
        blended = image * (1 - strength[..., None]) + core[..., None] * np.array(COLOR)
        painted[wins] = blended[wins]
    return painted


def covered_by(distance: np.ndarray, radius: float, outline: float, opacity: float) -> tuple[np.ndarray, np.ndarray]:
    core = np.clip(radius + 0.5 - distance, 0, 1) * opacity
    outer = np.clip(radius + outline + 0.5 - distance, 0, 1) * opacity
    return core, core + 0.6 * (outer - core)


def distance_to_line(a: np.ndarray, b: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """From a line cut off at the pixels of its ends, along the axis on which it is longer."""
    (dx, dy), length = b - a, np.hypot(*(b - a))
    along, low, high = (x, a[0], b[0]) if abs(dx) >= abs(dy) else (y, a[1], b[1])
    distance = np.abs((x - a[0]) * dy - (y - a[1]) * dx) / length
    distance[(along < np.rint(min(low, high))) | (along > np.rint(max(low, high)))] = np.inf
    return distance


@pytest.mark.parametrize("seed", range(20))
def test_painting_equals_painting_pixel_by_pixel(seed: int):
    image = np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    lines, dots = random_strokes(seed)
    expected = painted_by_pixels(image, lines, dots)
    paint(Canvas.of_rgb(SIZE, [COLOR]), image, lines, dots)
    assert np.abs(image - expected).max() <= 1


def test_a_canvas_forgets_earlier_images():
    lines, dots = random_strokes(1)
    canvas = Canvas.of_rgb(SIZE, [COLOR])
    images = [np.full((*SIZE, 3), 90, np.uint8) for _ in range(3)]
    paint(canvas, images[0], lines, dots)
    paint(canvas, images[1], *random_strokes(2))
    paint(canvas, images[2], lines, dots)
    assert (images[0] != 90).any()
    np.testing.assert_array_equal(images[0], images[2])


def test_planes_of_half_the_size_are_covered_as_much():
    points = np.array([[30.0, 20.5]]), np.array([[50.0, 40.5]])
    for ends in (points, (points[0], points[0])):
        strokes = Strokes(*ends, np.full(1, 6.0), np.full(1, 2.0), np.ones(1))
        whole, half = cover(strokes, SIZE), cover(strokes, (30, 40), 2)
        assert half.core.sum() * 4 == pytest.approx(whole.core.sum(), rel=0.05)
        for sums, width, scale in ((whole, 80, 1), (half, 40, 2)):
            y, x = np.divmod(sums.places, width)
            center = np.array([(x * sums.core).sum(), (y * sums.core).sum()]) / sums.core.sum() * scale
            center[1] += (scale - 1) / 2
            np.testing.assert_allclose(center, (ends[0][0] + ends[1][0]) / 2, atol=0.1)
