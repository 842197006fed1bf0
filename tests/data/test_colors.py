"""Changes of colors, compared with their definitions pixel by pixel."""

import numpy as np
import pytest
import torch

from poetlab.data.colors import Colors, change_colors, draw_colors

LUMA = np.array([0.299, 0.587, 0.114])


@pytest.fixture
def image() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(40, 180, (3, 9, 11), dtype=np.uint8))


def expected(image: torch.Tensor, colors: Colors) -> np.ndarray:
    """(3, H, W): saturation, contrast, brightness and gamma one after the other."""
    values = image.double().numpy()
    luma = np.tensordot(LUMA, values, 1)
    saturated = luma + colors.saturation * (values - luma)
    contrasted = luma.mean() + colors.contrast * (saturated - luma.mean())
    return 255 * (np.clip(colors.brightness * contrasted, 0, 255) / 255) ** colors.gamma


@pytest.mark.parametrize(
    "colors",
    [
        Colors(brightness=1.3),
        Colors(brightness=0.6),
        Colors(contrast=1.4),
        Colors(contrast=0.5),
        Colors(saturation=1.5),
        Colors(saturation=0),
        Colors(gamma=0.7),
        Colors(gamma=1.4),
        Colors(1.1, 0.8, 1.2, 0.9),
        Colors(1.9, 1.9, 1.9, 1.1),
    ],
)
def test_colors_change_as_defined(image: torch.Tensor, colors: Colors) -> None:
    found = change_colors(image, colors)
    assert found.dtype == torch.uint8
    assert found.shape == image.shape
    np.testing.assert_allclose(found.numpy(), expected(image, colors), atol=2.5)


def test_nothing_changes_where_nothing_is_to(image: torch.Tensor) -> None:
    assert torch.equal(change_colors(image, Colors()), image)
    assert draw_colors(0.0, np.random.default_rng(0)) == Colors()


def test_the_argument_is_not_changed(image: torch.Tensor) -> None:
    before = image.clone()
    change_colors(image, Colors(brightness=0.5))
    assert torch.equal(image, before)


def test_changes_reach_their_ranges() -> None:
    drawn = [draw_colors(0.2, np.random.default_rng(seed)) for seed in range(300)]
    for name in ("brightness", "contrast", "saturation"):
        values = [getattr(colors, name) for colors in drawn]
        assert 0.8 <= min(values) < 0.81
        assert 1.19 < max(values) <= 1.2
    gammas = np.log([colors.gamma for colors in drawn])
    assert -0.2 <= gammas.min() < -0.19
    assert 0.19 < gammas.max() <= 0.2
