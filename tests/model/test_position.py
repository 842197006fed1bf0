"""The position encoding is DETR's, written here as plain loops."""

import math

import pytest
import torch

from poetlab.model.poet import Poet
from poetlab.model.position import MapPositions, sine_position_encoding
from poetlab.model.presets import ModelSettings


def reference(valid: torch.Tensor, n_features: int, temperature: float) -> torch.Tensor:
    """DETR's formula (arXiv 2005.12872, appendix A.4, normalized), one number at a time."""
    n_images, height, width = valid.shape
    half = n_features // 2
    encoding = torch.zeros(n_images, height * width, n_features, dtype=torch.float64)
    for b in range(n_images):
        for y in range(height):
            for x in range(width):
                row = sum(bool(valid[b, i, x]) for i in range(y + 1))
                column = sum(bool(valid[b, y, j]) for j in range(x + 1))
                last_row = sum(bool(valid[b, i, x]) for i in range(height))
                last_column = sum(bool(valid[b, y, j]) for j in range(width))
                for axis, (place, last) in enumerate([(row, last_row), (column, last_column)]):
                    scaled = place / (last + 1e-6) * 2 * math.pi
                    for i in range(half):
                        angle = scaled / temperature ** (2 * (i // 2) / half)
                        encoding[b, y * width + x, axis * half + i] = math.cos(angle) if i % 2 else math.sin(angle)
    return encoding


def rectangle(shape: tuple[int, int], size: tuple[int, int]) -> torch.Tensor:
    """A map of `shape` of which the top-left `size` is valid."""
    valid = torch.zeros(1, *shape, dtype=torch.bool)
    valid[:, : size[0], : size[1]] = True
    return valid


@pytest.mark.parametrize("n_features", [4, 8, 20])
def test_the_encoding_is_the_formula(n_features: int) -> None:
    valid = torch.cat([rectangle((3, 5), size) for size in [(3, 5), (2, 5), (3, 1), (1, 2)]])
    found = sine_position_encoding(valid, n_features)
    assert found.shape == (4, 15, n_features)
    torch.testing.assert_close(found.double(), reference(valid, n_features, 10_000.0), atol=1e-5, rtol=0)


def test_the_temperature_is_that_of_the_formula() -> None:
    valid = rectangle((2, 3), (2, 3))
    expected = reference(valid, 8, 20.0)
    torch.testing.assert_close(sine_position_encoding(valid, 8, temperature=20.0).double(), expected, atol=1e-5, rtol=0)


def test_padding_does_not_move_the_places_of_an_image() -> None:
    alone = sine_position_encoding(rectangle((3, 4), (3, 4)), 8).unflatten(1, (3, 4))
    padded = sine_position_encoding(rectangle((5, 9), (3, 4)), 8).unflatten(1, (5, 9))
    torch.testing.assert_close(padded[:, :3, :4], alone, atol=0, rtol=0)


def test_every_place_has_its_own_encoding() -> None:
    encoding = sine_position_encoding(rectangle((6, 7), (6, 7)), 16)[0]
    assert len(torch.unique((encoding * 1e4).round(), dim=0)) == 42


def test_maps_without_padding_have_the_encoding_of_all_valid() -> None:
    positions = MapPositions(8)
    for shape in [(3, 5), (3, 5), (5, 3), (3, 5), (1, 1)]:
        found = positions(torch.zeros(2, 6, *shape))
        expected = sine_position_encoding(torch.ones(1, *shape, dtype=torch.bool), 8)
        torch.testing.assert_close(found, expected, atol=0, rtol=0)


def test_the_encoding_is_kept_for_maps_of_one_kind() -> None:
    positions = MapPositions(8)
    first = positions(torch.zeros(1, 6, 3, 5))
    assert positions(torch.zeros(4, 6, 3, 5)) is first
    assert positions(torch.zeros(1, 6, 5, 3)) is not first


def test_the_encoding_follows_the_type_and_the_device_of_the_maps() -> None:
    positions = MapPositions(8)
    maps = torch.zeros(1, 6, 3, 5)
    single = positions(maps)
    half = positions(maps.bfloat16())
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half, single.bfloat16(), atol=0, rtol=0)
    assert positions(maps.to("meta")).device.type == "meta"
    assert positions(maps).device.type == "cpu"


def test_an_encoding_made_in_inference_mode_can_be_trained_with() -> None:
    positions = MapPositions(8)
    maps = torch.zeros(1, 8, 3, 5)
    with torch.inference_mode():
        kept = positions(maps)
    assert positions(maps) is kept
    scale = torch.ones(8, requires_grad=True)
    (scale * positions(maps)).sum().backward()  # saves the encoding, which an inference tensor forbids
    torch.testing.assert_close(scale.grad, kept.sum(dim=(0, 1)))


def test_encodings_are_no_part_of_a_networks_state(tiny_settings: ModelSettings) -> None:
    model = Poet(tiny_settings, n_keypoints=3).eval()
    names = list(model.state_dict())
    with torch.inference_mode():
        model(torch.zeros(1, 3, 32, 64))
    assert list(model.state_dict()) == names
    assert not any("position" in name for name in names)
