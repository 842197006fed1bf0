"""Keypoints that a tool lists by name, in any order and some of them missing: names become places in an array."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from poetlab.errors import LabelError
from poetlab.labels.source_labels import SourceImage

_MAX_NAMES = 1000
"""More than any animal needs, and few enough that every animal's array stays small."""


class KeypointNames:
    """Gives each name a place, in the order in which the names first come up.

    Attributes:
        names: The names so far, in their order.
    """

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names so far, in their order."""
        return tuple(self._places)

    def add(self, names: Iterable[str]) -> None:
        """Give the names that have no place the next ones.

        Raises:
            LabelError: If there are more than any animal needs.
        """
        for name in names:
            if self._places.setdefault(name, len(self._places)) == _MAX_NAMES:
                raise LabelError(f"has more than {_MAX_NAMES} names of keypoints, such as '{name}'; label with fewer")

    def array(self, points: Mapping[str, tuple[float, float, int]]) -> np.ndarray:
        """(k, 3) x, y, visibility of points by name; a name that is missing has visibility 0.

        k is the number of names known so far; `complete` brings all arrays to the same.

        Raises:
            LabelError: If there are more names than any animal needs.
        """
        self.add(points)
        keypoints = np.zeros((len(self._places), 3))
        for name, point in points.items():
            keypoints[self._places[name]] = point
        return keypoints

    def named(self, keypoints: np.ndarray) -> set[str]:
        """The names of the labeled points of an array."""
        return {name for name, (_, _, visibility) in zip(self._places, keypoints, strict=False) if visibility}

    def complete(self, images: Iterable[SourceImage]) -> None:
        """Give every instance of the images as many keypoints as there are names by now."""
        for image in images:
            for instance in image.instances:
                n_missing = len(self._places) - len(instance.keypoints)
                instance.keypoints = np.pad(instance.keypoints, ((0, n_missing), (0, 0)))

    def drop(self, names: Iterable[str], images: Iterable[SourceImage]) -> None:
        """Forget names, also in the instances of the images, which are complete."""
        kept = [name for name in self._places if name not in set(names)]
        places = [self._places[name] for name in kept]
        for image in images:
            for instance in image.instances:
                instance.keypoints = instance.keypoints[places]
        self._places = {name: place for place, name in enumerate(kept)}


def divide_into_animals(names: Sequence[str]) -> list[range] | None:
    """Which keypoints make one animal, where nothing but their order tells.

    They are one animal's if no name repeats. If names repeat, they are several animals' if the same names stand in the
    same order again and again (nose, tail, nose, tail); otherwise nobody knows.

    Args:
        names: The keypoints' names, in the order in which they were placed.

    Returns:
        The places of each animal's keypoints, or None where nobody knows.
    """
    if not names:
        return []
    if len(names) > 1 and len(set(names)) == 1:
        return None  # as likely the points of one animal, all called "point"
    n_animals = max(Counter(names).values())
    n_each, rest = divmod(len(names), n_animals)
    first = names[:n_each]
    if rest or len(set(first)) != n_each or list(names) != list(first) * n_animals:
        return None
    return [range(start, start + n_each) for start in range(0, len(names), n_each)]
