"""Keypoints and boxes that lie outside their image."""

from collections.abc import Iterator

import numpy as np

from poetlab.checking.finding import Finding, Severity
from poetlab.checking.material import Animals, Material

_ROOM = 0.5
"""Pixels beyond the center of the first one that are still in the image."""


def find_points_outside(material: Material) -> Iterator[Finding]:
    """Find labeled keypoints outside their images, and animals whose box does not touch the image.

    An image reaches from -0.5 to its width or height, as at import: tools differ by half a pixel.
    """
    for animals in material.animals:
        yield from _find(animals)


def _find(animals: Animals) -> Iterator[Finding]:
    sizes = np.array([image.size for image in animals.label_set.images]).reshape(-1, 2)[animals.image_numbers, ::-1]
    beyond = np.maximum(-_ROOM - animals.positions, animals.positions - sizes[:, None]).max(axis=-1)
    for row in np.flatnonzero((beyond > 0).any(axis=1)).tolist():
        outside = np.flatnonzero(beyond[row] > 0).tolist()
        names = ", ".join(animals.names(outside))
        height, width = animals.image(row).size
        yield Finding(
            "outside",
            Severity.ERROR,
            animals.place(row, outside),
            f"{names}: up to {np.nanmax(beyond[row]):.0f} pixels outside the image of {width} x {height}",
            "move them into the image, or set their visibility to 0",
            badness=1 + float(np.nanmax(beyond[row])) / max(width, height),
        )
