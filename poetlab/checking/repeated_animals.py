"""One animal labeled twice in one image."""

from collections.abc import Iterator

from poetlab.checking.agreement import relative_distance
from poetlab.checking.finding import Finding, Severity
from poetlab.checking.material import Animals, Material

_SAME = 0.05
"""Mean distance of the keypoints, as a part of the animal's size, up to which two animals are one."""
_FEWEST_KEYPOINTS = 3


def find_repeated_animals(material: Material) -> Iterator[Finding]:
    """Find animals whose keypoints lie on those of another animal of their image."""
    for animals in material.animals:
        yield from _find(animals)


def _find(animals: Animals) -> Iterator[Finding]:
    rows_by_image: dict[int, list[int]] = {}
    for row, number in enumerate(animals.image_numbers.tolist()):
        if animals.instance(row).n_labeled >= _FEWEST_KEYPOINTS:
            rows_by_image.setdefault(number, []).append(row)
    for rows in rows_by_image.values():
        for place, row in enumerate(rows):
            for other in rows[:place]:
                distance = _distance(animals, row, other)
                if distance <= _SAME:
                    yield Finding(
                        "repeated",
                        Severity.WARNING,
                        animals.place(row),
                        f"animals {animals.instance_numbers[other]} and {animals.instance_numbers[row]} of this image "
                        "have the same keypoints",
                        "remove one of them, if it is the same animal",
                        badness=2 - distance / _SAME,
                    )


def _distance(animals: Animals, row: int, other: int) -> float:
    both = (animals.keypoints[[row, other], :, 2] > 0).all(axis=0).sum()
    return relative_distance(animals.instance(row), animals.instance(other)) if both >= _FEWEST_KEYPOINTS else 1e9
