"""The position encoding is DETR's, written here as plain loops."""

import math

import pytest
import torch

from poetlab.model.position import sine_position_encoding


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
