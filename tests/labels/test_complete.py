"""Completing one instance: points that cannot be true, missing boxes and areas."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from poetlab.errors import LabelError
from poetlab.labels.complete import area_rule, complete_instance, keypoint_bbox
from poetlab.labels.source_labels import LeftOut, SourceInstance

SIZE = (48, 64)
POINTS = np.array([[10, 20, 2], [30, 24, 1], [99, 99, 0]], dtype=np.float64)
SQUARE = [[2, 2, 12, 2, 12, 7, 2, 7]]


def complete(instance: SourceInstance, left_out: LeftOut | None = None):
    order = np.arange(len(instance.keypoints))
    return complete_instance(instance, order, SIZE, "a.png", left_out or LeftOut())


@pytest.mark.parametrize(
    ("bbox", "area", "mask", "expected_bbox", "expected_area", "source"),
    [
        ((1, 2, 30, 40), 7.0, SQUARE, (1, 2, 30, 40), 7, "given"),
        ((1, 2, 30, 40), None, SQUARE, (1, 2, 30, 40), 50, "mask"),
        (None, 7.0, SQUARE, (2, 2, 10, 5), 7, "given"),
        (None, None, SQUARE, (2, 2, 10, 5), 50, "mask"),
        ((1, 2, 30, 40), None, None, (1, 2, 30, 40), 1200, "bbox"),
        ((1, 2, 30, 40), None, [[]], (1, 2, 30, 40), 1200, "bbox"),
        (None, 7.0, None, (10, 20, 20, 4), 7, "given"),
        (None, None, None, (10, 20, 20, 4), 80, "keypoints"),
        (None, None, [[]], (10, 20, 20, 4), 80, "keypoints"),
        (None, None, {"size": [4, 4], "counts": [5, 2, 9]}, (1, 1, 1, 2), 2, "mask"),
    ],
)
def test_boxes_and_areas_come_from_the_best_there_is(
    bbox, area, mask, expected_bbox, expected_area: float, source: str
) -> None:
    instance, found = complete(SourceInstance(POINTS, bbox, area, segmentation=mask))
    assert (instance.bbox, instance.area, found) == (expected_bbox, expected_area, source)
    assert instance.segmentation == mask


def test_an_instance_with_nothing_at_all_is_left_out() -> None:
    left_out = LeftOut()
    assert complete(SourceInstance(np.zeros((3, 3))), left_out) is None
    assert left_out.summary() == {"animal without labeled keypoints, box and mask": (1, ("a.png",))}


def test_an_instance_with_only_a_mask_is_kept() -> None:
    instance, source = complete(SourceInstance(np.zeros((3, 3)), segmentation=SQUARE, is_crowd=True, individual="Mia"))
    assert (instance.bbox, source, instance.n_labeled) == ((2, 2, 10, 5), "mask", 0)
    assert (instance.is_crowd, instance.individual) == (True, "Mia")


def test_a_malformed_mask_matters_only_where_it_is_needed() -> None:
    complete(SourceInstance(POINTS, (1, 2, 3, 4), 5.0, segmentation=[[1, 2, 3]]))
    with pytest.raises(LabelError, match=r"a\.png: an animal's mask is malformed"):
        complete(SourceInstance(POINTS, (1, 2, 3, 4), segmentation=[[1, 2, 3]]))


def test_keypoints_come_in_the_order_of_the_skeleton() -> None:
    source = SourceInstance(POINTS.copy(), (1, 2, 3, 4), 5.0)
    instance, _ = complete_instance(source, np.array([2, 0, 1]), SIZE, "a.png", LeftOut())
    np.testing.assert_array_equal(instance.keypoints, [[np.nan, np.nan, 0], [10, 20, 2], [30, 24, 1]])
    np.testing.assert_array_equal(source.keypoints, POINTS)


def test_points_that_are_not_numbers_become_unlabeled_and_are_counted() -> None:
    bad = np.array([[np.nan, 5, 2], [5, np.inf, 1], [5, 5, np.nan], [np.nan, np.nan, 0], [5, 6, 2]])
    left_out = LeftOut()
    instance, _ = complete(SourceInstance(bad), left_out)
    assert instance.keypoints[:, 2].tolist() == [0, 0, 0, 0, 2]
    assert np.isnan(instance.keypoints[:4, :2]).all()
    assert left_out.summary() == {"keypoint whose position is not a number": (3, ("a.png",))}


@pytest.mark.parametrize(
    ("x", "y", "is_inside"),
    [
        (0, 0, True),
        (-0.5, -0.5, True),
        (64, 48, True),
        (-0.6, 5, False),
        (5, -0.6, False),
        (64.1, 5, False),
        (5, 48.1, False),
        (1e300, 5, False),
    ],
)
def test_points_outside_the_image_become_unlabeled_and_are_counted(x: float, y: float, is_inside: bool) -> None:
    left_out = LeftOut()
    instance, _ = complete(SourceInstance(np.array([[x, y, 1], [5, 5, 2]])), left_out)
    if is_inside:
        assert instance.keypoints[0].tolist() == [x, y, 1]
        assert left_out.summary() == {}
    else:
        np.testing.assert_array_equal(instance.keypoints[0], [np.nan, np.nan, 0])
        assert left_out.summary() == {"keypoint outside its image": (1, ("a.png",))}


def test_the_box_of_points_does_not_reach_for_those_outside() -> None:
    instance, _ = complete(SourceInstance(np.array([[10, 10, 2], [20, 30, 2], [500, 500, 2]])))
    assert instance.bbox == (10, 10, 10, 20)


@given(keypoints=arrays(np.float64, (5, 3), elements=st.integers(0, 50)))
def test_the_box_around_keypoints_holds_them_and_has_an_area(keypoints: np.ndarray) -> None:
    keypoints[:, 2] = keypoints[:, 2] % 3
    bbox = keypoint_bbox(keypoints)
    labeled = keypoints[keypoints[:, 2] > 0]
    if len(labeled) == 0:
        assert bbox is None
        return
    x, y, width, height = bbox
    low, high = labeled[:, :2].min(axis=0), labeled[:, :2].max(axis=0)
    assert (width, height) == tuple(np.maximum(high - low, 1))
    np.testing.assert_allclose([x + width / 2, y + height / 2], (low + high) / 2)


def test_the_area_rule_is_a_sentence() -> None:
    assert area_rule(Counter(given=3), "as given in the file") == "as given in the file"
    assert area_rule(Counter(mask=3), "as given in the file") == "area of the mask"
    mixed = area_rule(Counter(given=1, keypoints=3), "as given in the file")
    assert mixed == (
        "area of the box around the labeled keypoints (3 of 4 animals), as given in the file (1 of 4 animals)"
    )
