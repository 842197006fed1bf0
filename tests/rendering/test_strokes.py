"""Lines and dots against painting them pixel by pixel."""

import numpy as np
import pytest

from poetlab.rendering.strokes import Dots, Lines, Painter

SIZE = (60, 80)
COLOR = (200, 100, 40)


def random_strokes(seed: int) -> tuple[Lines, Dots]:
    """Strokes of every direction, some of which leave the picture."""
    rng = np.random.default_rng(seed)
    n = 6
    ends = rng.uniform(-15, 95, (2, n, 2))
    ends[1, 0] = ends[0, 0] + (12, 0)
    ends[1, 1] = ends[0, 1] + (0, -9)
    lines = Lines(*ends, rng.uniform(0.5, 3, n), rng.uniform(0, 2, n), rng.uniform(0, 1, n))
    return lines, Dots(rng.uniform(-5, 85, (n, 2)), 3.3, 1.2, rng.uniform(0, 1, n))


def painted_by_pixels(image: np.ndarray, lines: Lines, dots: Dots) -> np.ndarray:
    """Each pixel by the stroke that covers it most, by plain loops over strokes."""
    y, x = np.indices(SIZE).astype(float)
    strongest, painted = np.zeros(SIZE), image.astype(float)
    covers = [
        *(cover(distance_to_line(a, b, x, y), *rest) for a, b, *rest in zip(*vars(lines).values(), strict=True)),
        *(
            cover(np.hypot(x - point[0], y - point[1]), dots.radius, dots.outline, opacity)
            for point, opacity in zip(dots.points, dots.opacity, strict=True)
        ),
    ]
    for core, strength in covers:
        wins = core + strength > strongest
        strongest[wins] = (core + strength)[wins]
        blended = image * (1 - strength[..., None]) + core[..., None] * np.array(COLOR)
        painted[wins] = blended[wins]
    return painted


def cover(distance: np.ndarray, radius: float, outline: float, opacity: float) -> tuple[np.ndarray, np.ndarray]:
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
    Painter(SIZE).paint(image, COLOR, lines, dots)
    assert np.abs(image - expected).max() <= 1


def test_a_painter_forgets_earlier_images():
    lines, dots = random_strokes(1)
    painter = Painter(SIZE)
    images = [np.full((*SIZE, 3), 90, np.uint8) for _ in range(3)]
    painter.paint(images[0], COLOR, lines, dots)
    painter.paint(images[1], COLOR, *random_strokes(2))
    painter.paint(images[2], COLOR, lines, dots)
    assert (images[0] != 90).any()
    np.testing.assert_array_equal(images[0], images[2])
