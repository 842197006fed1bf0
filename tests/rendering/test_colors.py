"""A color for every individual."""

import pytest

from poetlab.rendering.colors import PALETTE, individual_colors


@pytest.mark.parametrize("n", [0, 1, 7, 8, 25, 60])
def test_every_individual_has_its_own_color(n: int):
    colors = individual_colors(n)
    assert len(set(colors)) == n
    assert colors[:7] == PALETTE[:n]
    assert all(0 <= channel <= 255 for color in colors for channel in color)
