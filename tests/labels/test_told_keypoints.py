"""What label sets of different keypoints tell of each."""

import numpy as np
import pytest

from poetlab.labels.label_set import LabeledImage, LabeledInstance, LabelSet
from poetlab.labels.told_keypoints import told_keypoints
from poetlab.skeleton import Skeleton

KEYPOINTS = ("nose", "tail", "ear")


def label_set(tmp_path: object, *visibilities: tuple[int, int, int]) -> LabelSet:
    instances = [
        LabeledInstance(np.array([(5.0, 5.0, v) if v else (np.nan, np.nan, 0) for v in each]), (0, 0, 9, 9), 81.0)
        for each in visibilities
    ]
    images = tuple(LabeledImage(f"{n}.png", (48, 64), (one,), "train") for n, one in enumerate(instances))
    return LabelSet("mice", Skeleton("mouse", KEYPOINTS), images, "given", tmp_path)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sets", "told"),
    [
        ([[(2, 2, 2)]], [(True, True, True)]),
        ([[(2, 0, 2), (0, 2, 2)]], [(True, True, True)]),
        ([[(2, 0, 2)]], [(True, True, True)]),
        ([[(2, 0, 2)], [(2, 2, 0)]], [(True, False, True), (True, True, False)]),
        ([[(2, 0, 2)], [(1, 0, 0)]], [(True, True, True), (True, True, False)]),
        ([[(2, 2, 2)], []], [(True, True, True), (False, False, False)]),
    ],
    ids=["all", "missing in one image", "nowhere", "each has another", "one and nowhere", "no animal"],
)
def test_a_missing_keypoint_tells_nothing_where_only_other_sets_have_it(
    tmp_path: object, sets: list[list[tuple[int, int, int]]], told: list[tuple[bool, bool, bool]]
) -> None:
    found = told_keypoints([label_set(tmp_path, *each) for each in sets])
    assert [tuple(each.tolist()) for each in found] == told
