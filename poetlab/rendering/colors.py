"""A color for every individual."""

Color = tuple[int, int, int]

PALETTE: tuple[Color, ...] = (
    (86, 180, 233),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (213, 94, 0),
    (0, 114, 178),
    (240, 228, 66),
)
"""Okabe and Ito's colors, which people of every color vision tell apart (https://jfly.uni-koeln.de/color/).

Yellow is last, because it is hard to see on the white of a plot.
"""


def individual_colors(n: int) -> tuple[Color, ...]:
    """`n` different colors: the palette, then the palette again in ever paler shades."""
    n_rounds = -(-n // len(PALETTE))
    return tuple(
        tuple(round(channel + (255 - channel) * 0.8 * (i // len(PALETTE)) / n_rounds) for channel in color)  # type: ignore[misc]
        for i, color in ((i, PALETTE[i % len(PALETTE)]) for i in range(n))
    )
