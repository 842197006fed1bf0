"""Keypoints by name become arrays, and animals by their order."""

import numpy as np
import pytest

from poetlab.errors import LabelError
from poetlab.labels.named_keypoints import KeypointNames, divide_into_animals
from poetlab.labels.source_labels import SourceImage, SourceInstance


def test_names_get_places_as_they_come_up() -> None:
    names = KeypointNames()
    names.add(["nose"])
    first = SourceInstance(names.array({"tail": (1, 2, 2)}))
    second = SourceInstance(names.array({"ear": (3, 4, 1), "nose": (5, 6, 2)}))
    assert names.names == ("nose", "tail", "ear")
    images = [SourceImage("a.png", instances=[first]), SourceImage("b.png", instances=[second])]
    names.complete(images)
    np.testing.assert_array_equal(first.keypoints, [[0, 0, 0], [1, 2, 2], [0, 0, 0]])
    np.testing.assert_array_equal(second.keypoints, [[5, 6, 2], [0, 0, 0], [3, 4, 1]])
    assert names.named(second.keypoints) == {"nose", "ear"}
    names.drop({"tail"}, images)
    assert names.names == ("nose", "ear")
    np.testing.assert_array_equal(first.keypoints, np.zeros((2, 3)))
    np.testing.assert_array_equal(second.keypoints, [[5, 6, 2], [3, 4, 1]])


def test_more_names_than_any_animal_has_are_refused() -> None:
    names = KeypointNames()
    with pytest.raises(LabelError, match="has more than 1000 names of keypoints, such as 'n1000'"):
        names.add(f"n{number}" for number in range(2000))


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        ("", []),
        ("a", [range(1)]),
        ("ab", [range(2)]),
        ("abab", [range(2), range(2, 4)]),
        ("abcabcabc", [range(3), range(3, 6), range(6, 9)]),
        ("aa", None),
        ("abba", None),
        ("aabb", None),
        ("aba", None),
        ("abcabd", None),
    ],
)
def test_only_a_clear_order_divides(names: str, parts: list[range] | None) -> None:
    assert divide_into_animals(list(names)) == parts
