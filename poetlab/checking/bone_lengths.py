"""Bones that are far longer than on the other animals: one of their ends is not where it belongs.

Only too long ones are looked for. Seen from an angle any bone gets short, but none gets longer than it is.
"""

from collections.abc import Iterator

import numpy as np

from poetlab.checking.finding import Finding, Severity
from poetlab.checking.material import Animals, Material
from poetlab.checking.proportions import measure_proportions
from poetlab.checking.robust import spread_above

FEWEST = 15
"""Animals on which a bone is measured, from which on it is known how long it usually is."""
_SPREADS = 6
_SMALLEST_SPREAD = 0.08
_SMALLEST_RATIO = 1.75
_FEWEST_PIXELS = 5
"""Less than this is a click that is not precise, on a small animal."""


def find_impossible_bones(material: Material) -> Iterator[Finding]:
    """Find animals with bones that are at least 1.75 times too long, and more than six times the usual spread.

    Length is judged by the animal's other bones, and the spread by the other animals of the label set.
    """
    for animals in material.animals:
        yield from _find(animals)


def _find(animals: Animals) -> Iterator[Finding]:
    measured = measure_proportions(animals.label_set.skeleton, animals.positions)
    residuals = np.log(np.maximum(measured.lengths, 1e-9) / measured.expected)
    limit = np.maximum(_SPREADS * np.fmax(spread_above(residuals), _SMALLEST_SPREAD), np.log(_SMALLEST_RATIO))
    too_long = (residuals > limit) & (measured.lengths - measured.expected > _FEWEST_PIXELS)
    too_long &= np.isfinite(residuals).sum(axis=0) >= FEWEST
    for row in np.flatnonzero(too_long.any(axis=1)).tolist():
        numbers = np.flatnonzero(too_long[row])
        worst = numbers[(residuals[row] / limit)[numbers].argmax()]
        start, end = animals.names(measured.bones[worst].tolist())
        length, expected = measured.lengths[row, worst], measured.expected[row, worst]
        more = f", and {len(numbers) - 1} more too long" if len(numbers) > 1 else ""
        blamed = _blame(measured.bones[numbers])
        yield Finding(
            "bones",
            Severity.WARNING,
            animals.place(row, blamed),
            f"{start} to {end}: {length:.0f} pixels, {length / expected:.1f} times what fits the animal{more}",
            f"see whether {' or '.join(animals.names(blamed))} lies elsewhere",
            badness=float(residuals[row, worst] / limit[worst]),
        )


def _blame(bones: np.ndarray) -> list[int]:
    """The keypoint that most of some (b, 2) bones share; both ends of a single bone."""
    keypoints, counts = np.unique(bones, return_counts=True)
    return keypoints[counts == counts.max()].tolist() if counts.max() > 1 else sorted(bones.ravel().tolist())
