"""The size at which the network sees an image."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from poetlab.data.image_size import ImageSizeSettings, input_size, seen_size

PAPER = ImageSizeSettings(short_side=(400, 800), long_side=1333)

sides = st.integers(32, 3000)
positions = st.floats(0, 1)


@pytest.mark.parametrize(
    ("size", "position", "expected"),
    [
        ((480, 640), 1.0, (800, 1067)),
        ((480, 640), 0.0, (400, 533)),
        ((480, 640), 0.5, (600, 800)),
        ((640, 480), 1.0, (1067, 800)),
        ((500, 1000), 1.0, (666, 1333)),  # the long side limits
        ((1000, 500), 1.0, (1333, 666)),
        ((300, 300), 1.0, (800, 800)),
    ],
)
def test_sizes_of_the_papers_range(size: tuple[int, int], position: float, expected: tuple[int, int]) -> None:
    assert input_size(size, PAPER, position) == expected


def test_the_upper_end_is_used_if_nothing_is_drawn() -> None:
    assert input_size((480, 640), PAPER) == input_size((480, 640), PAPER, 1.0)


@given(sides, sides, positions, st.integers(32, 2000))
def test_no_side_is_longer_than_the_limit(height: int, width: int, position: float, limit: int) -> None:
    image_size = ImageSizeSettings(short_side=(400, 800), long_side=limit)
    assert max(input_size((height, width), image_size, position)) <= limit


@given(sides, st.floats(1, 1333 / 800), positions)
def test_the_short_side_is_in_the_range_where_the_long_side_allows_it(
    short: int, shape: float, position: float
) -> None:
    found = min(input_size((short, int(short * shape)), PAPER, position))
    assert found == pytest.approx(400 + position * 400, abs=0.5 + 1e-6)


@given(sides, sides, positions)
def test_the_shape_is_kept_within_half_a_pixel(height: int, width: int, position: float) -> None:
    new_height, new_width = input_size((height, width), PAPER, position)
    scale = max(new_height, new_width) / max(height, width)
    tolerance = 0.5 + 0.5 * min(height, width) / max(height, width) + 1e-6
    assert new_height == pytest.approx(height * scale, abs=max(1, tolerance))
    assert new_width == pytest.approx(width * scale, abs=max(1, tolerance))


@given(sides, sides, st.integers(256, 1333))
def test_the_range_survives_the_limit_of_the_long_side(height: int, width: int, limit: int) -> None:
    image_size = ImageSizeSettings(short_side=(400, 800), long_side=limit)
    smallest = max(input_size((height, width), image_size, 0.0))
    largest = max(input_size((height, width), image_size, 1.0))
    assert smallest == pytest.approx(largest / 2, abs=0.75)


@given(sides, sides, positions, positions)
def test_a_higher_position_is_never_smaller(height: int, width: int, a: float, b: float) -> None:
    low, high = (input_size((height, width), ImageSizeSettings(), position) for position in sorted((a, b)))
    assert low[0] <= high[0]
    assert low[1] <= high[1]


def test_an_extreme_shape_keeps_at_least_a_pixel() -> None:
    assert input_size((1, 3000), ImageSizeSettings(long_side=64), 0.0) == (1, 32)


letterboxes = st.tuples(st.integers(1, 40), st.integers(1, 40)).map(lambda cells: (cells[0] * 32, cells[1] * 32))


@given(sides, sides, letterboxes, positions)
def test_an_image_just_fits_into_its_letterbox(
    height: int, width: int, letterbox: tuple[int, int], position: float
) -> None:
    image_size = ImageSizeSettings(letterbox=letterbox)
    found = input_size((height, width), image_size, position)
    rest = [whole - part for whole, part in zip(letterbox, found, strict=True)]
    assert min(rest) == 0
    scale = min(letterbox[0] / height, letterbox[1] / width)
    assert found == (
        pytest.approx(max(1, height * scale), abs=0.5 + 1e-6),
        pytest.approx(max(1, width * scale), abs=0.5 + 1e-6),
    )


@given(sides, sides, letterboxes)
def test_the_network_sees_the_image_at_the_top_left_of_its_letterbox(
    height: int, width: int, letterbox: tuple[int, int]
) -> None:
    image_size = ImageSizeSettings(letterbox=letterbox)
    size = (height, width)
    scaled, seen = input_size(size, image_size), seen_size(size, image_size)
    for side, scaled_side, seen_side, whole in zip(size, scaled, seen, letterbox, strict=True):
        assert seen_side >= side
        assert side / seen_side == pytest.approx(scaled_side / whole, abs=1e-12)


@given(sides, sides)
def test_without_a_letterbox_the_network_sees_the_image_alone(height: int, width: int) -> None:
    assert seen_size((height, width), ImageSizeSettings()) == (height, width)


@pytest.mark.parametrize(
    "wrong",
    [
        {"short_side": (800, 400)},
        {"short_side": (8, 400)},
        {"long_side": 16},
        {"size": 9},
        {"letterbox": (320, 300)},
        {"letterbox": (0, 320)},
        {"letterbox": (-32, 320)},
        {"letterbox": (320,)},
    ],
)
def test_impossible_and_unknown_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ImageSizeSettings.model_validate(wrong)


def test_settings_survive_json() -> None:
    for image_size in (PAPER, ImageSizeSettings(letterbox=(320, 256))):
        assert ImageSizeSettings.model_validate_json(image_size.model_dump_json()) == image_size
