"""Errors, centers, visibility and counts equal what is counted by hand."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from poetlab.evaluation.center_error import CenterError, relative_center_offsets
from poetlab.evaluation.evaluate import score_predictions
from poetlab.evaluation.keypoint_error import KeypointError
from poetlab.evaluation.predicting import PredictedImage
from poetlab.evaluation.visibility import VisibilityFigures, visibility_by_label
from poetlab.poses import Instances
from poetlab.skeleton import Skeleton

Make = Callable[..., Any]
"""A fixture that makes animals, images, detections or predictions."""

UNLABELED = (float("nan"), float("nan"), 0)


@pytest.fixture
def case(animal: Make, image: Make, detections: Make, predicted: Make) -> list[PredictedImage]:
    """Two animals of which one is seen well, a crowd, an unlabeled one; an image without any; a missed one."""
    first = Instances(
        keypoints=np.array(
            [[[13, 14], [30, 11]], [[100, 52], [9, 9]], [[180, 90], [170, 90]], [[10, 10], [30, 10]]], float
        ),
        visibility=np.array([[0.9, 0.2], [0.4, 0.9], [1, 1], [1, 1]]),
        scores=np.array([0.9, 0.8, 0.5, 0.3]),
        centers=np.array([[12, 9], [97, 54], [0, 0], [0, 0]], float),
    )
    images = [
        image(
            animal((10, 10, 2), (30, 10, 1), bbox=(5, 5, 40, 10)),
            animal(UNLABELED, UNLABELED, is_crowd=True),
            animal((100, 50, 2), UNLABELED, bbox=(80, 40, 30, 20)),
            animal(UNLABELED, UNLABELED),
        ),
        image(),
        image(animal((50, 50, 2), (60, 60, 2))),
    ]
    return predicted([first, detections(([(5, 5), (6, 6)], 0.7)), detections(([(50, 50), (60, 60)], 0.4))], images)


def test_errors_and_counts(case: list[PredictedImage], mouse: Skeleton) -> None:
    evaluation = score_predictions(case, mouse, threshold=0.5)
    assert (evaluation.n_images, evaluation.n_animals, evaluation.n_detections) == (3, 3, 4)
    assert (evaluation.n_missed, evaluation.n_extra) == (1, 2)
    assert evaluation.recall == pytest.approx(2 / 3)
    assert evaluation.count_error == pytest.approx((1 + 1 + 1) / 3)
    assert evaluation.keypoint_errors == (
        KeypointError("nose", 2, pytest.approx(3.5), pytest.approx(4.7)),
        KeypointError("tail", 1, pytest.approx(1.0), pytest.approx(1.0)),
        KeypointError("all", 3, pytest.approx(2.0), pytest.approx(4.4)),
    )
    assert evaluation.threshold == 0.5


def test_what_scales_oks_is_said(case: list[PredictedImage], mouse: Skeleton) -> None:
    evaluation = score_predictions(case, mouse)
    assert evaluation.area_rule == "as given in the file"
    assert evaluation.sigma_rule == "the skeleton's own, 0.05 to 0.1"
    assert evaluation.sigmas == {"nose": 0.05, "tail": 0.1}
    assert evaluation.most_detections == 20


def test_centers_are_compared_with_the_mean_of_the_visible_keypoints(
    case: list[PredictedImage], mouse: Skeleton
) -> None:
    evaluation = score_predictions(case, mouse)
    offsets = [(2 / 40, -1 / 10), (-3 / 30, 4 / 20)]  # an occluded keypoint is not visible
    np.testing.assert_allclose(relative_center_offsets(evaluation.matched), offsets)
    five = np.hypot(3, 4)
    near = np.hypot(2, 1)
    assert evaluation.center_error == CenterError(
        n=2,
        median_x=pytest.approx((0.05 + 0.1) / 2),
        median_y=pytest.approx((0.1 + 0.2) / 2),
        median=pytest.approx((near + five) / 2),
        percentile_90=pytest.approx(near + 0.9 * (five - near)),
    )


def test_the_center_of_several_visible_keypoints_is_their_mean(
    mouse: Skeleton, animal: Make, image: Make, detections: Make, predicted: Make
) -> None:
    found = replace(detections(([(10, 20), (30, 20)], 0.9)), centers=np.array([[21.0, 20.0]]))
    labeled = animal((10, 20, 2), (30, 20, 2), bbox=(0, 0, 50, 0))  # a box without a height
    (offset,) = relative_center_offsets(score_predictions(predicted([found], [image(labeled)]), mouse).matched)
    assert offset.tolist() == [1 / 50, 0]


def test_an_animal_without_visible_keypoints_has_no_center(
    mouse: Skeleton, animal: Make, image: Make, detections: Make, predicted: Make
) -> None:
    found = replace(detections(([(10, 20), (30, 20)], 0.9)), centers=np.array([[20.0, 20.0]]))
    evaluation = score_predictions(predicted([found], [image(animal((10, 20, 1), (30, 20, 1)))]), mouse)
    assert (evaluation.n_missed, evaluation.center_error.n) == (0, 0)
    assert math.isnan(evaluation.center_error.median)


def test_predictions_without_centers_have_no_center_error(
    mouse: Skeleton, animal: Make, image: Make, detections: Make, predicted: Make
) -> None:
    found = detections(([(10, 20), (30, 20)], 0.9))
    assert found.centers is None
    evaluation = score_predictions(predicted([found], [image(animal((10, 20, 2), (30, 20, 2)))]), mouse)
    assert (len(evaluation.matched), evaluation.center_error.n) == (1, 0)


def test_visibility_is_counted_by_label(case: list[PredictedImage], mouse: Skeleton) -> None:
    evaluation = score_predictions(case, mouse)
    assert evaluation.visibility == VisibilityFigures(
        n_visible=2, n_occluded=1, n_unlabeled=1, visible_seen=1 / 2, not_visible_unseen=1 / 2, accuracy=2 / 4
    )
    assert evaluation.visibility.n_not_visible == 2
    by_label = {kind: values.tolist() for kind, values in visibility_by_label(evaluation.matched).items()}
    assert by_label == {"visible": [0.9, 0.4], "occluded": [0.2], "unlabeled": [0.9]}


def test_visibility_at_the_limit_is_seen(
    mouse: Skeleton, animal: Make, image: Make, detections: Make, predicted: Make
) -> None:
    found = replace(detections(([(10, 20), (30, 20)], 0.9)), visibility=np.array([[0.5, 0.5]]))
    figures = score_predictions(predicted([found], [image(animal((10, 20, 2), (30, 20, 1)))]), mouse).visibility
    assert (figures.visible_seen, figures.not_visible_unseen) == (1, 0)


def test_coco_figures_rank_all_detections_whatever_the_threshold(case: list[PredictedImage], mouse: Skeleton) -> None:
    strict, generous = (score_predictions(case, mouse, threshold) for threshold in (0.99, 0.0))
    assert strict.coco == pytest.approx(generous.coco, rel=0, nan_ok=True)
    assert (strict.n_detections, generous.n_detections) == (0, 6)
    assert generous.n_missed == 0


def test_each_animal_is_compared_with_the_detection_most_like_it(
    mouse: Skeleton, animal: Make, image: Make, detections: Make, predicted: Make
) -> None:
    labeled = image(animal((10, 10, 2), (30, 10, 2)), animal((20, 10, 2), (40, 10, 2)))
    found = detections(([(21, 10), (41, 10)], 0.9), ([(10, 13), (30, 13)], 0.8), ([(90, 90), (95, 95)], 0.7))
    evaluation = score_predictions(predicted([found], [labeled]), mouse)
    assert evaluation.keypoint_errors[-1] == KeypointError("all", 4, pytest.approx(2.0), pytest.approx(3.0))
    assert (evaluation.n_missed, evaluation.n_extra) == (0, 1)


def test_several_label_sets_are_measured_together_and_each_alone(
    mouse: Skeleton, animal: Make, image: Make, detections: Make, predicted: Make
) -> None:
    labeled = image(animal((10, 20, 2), (30, 20, 2)))
    right, wrong = detections(([(10, 20), (30, 20)], 0.9)), detections(([(90, 90), (95, 95)], 0.8))
    one, two = predicted([right], [labeled], "one", "rule 1"), predicted([wrong], [labeled], "two", "rule 2")
    evaluation = score_predictions([*one, *two], mouse)
    assert evaluation.coco["AR"] == 0.5
    assert {name: figures["AR"] for name, figures in evaluation.coco_by_label_set.items()} == {"one": 1, "two": 0}
    assert evaluation.area_rule == "rule 1; rule 2"
    assert score_predictions(one, mouse).coco_by_label_set == {}


def test_figures_without_data_are_none_in_json(mouse: Skeleton, image: Make, detections: Make, predicted: Make) -> None:
    evaluation = score_predictions(predicted([detections()], [image()]), mouse)
    assert math.isnan(evaluation.coco["AP"])
    assert math.isnan(evaluation.visibility.accuracy)
    content = json.loads(json.dumps(evaluation.to_dict(), allow_nan=False))
    assert set(content["coco"].values()) == {None}
    assert content["visibility"]["accuracy"] is None
    assert content["center_error"] == dict.fromkeys(("median_x", "median_y", "median", "percentile_90")) | {"n": 0}
    assert content["keypoint_errors"][0] == {"keypoint": "nose", "n": 0, "median": None, "percentile_90": None}
    assert content["count_error"] == 0
    assert (content["recall"], content["score_ranking"], content["calibration"]["error"]) == (None, None, None)
    assert (content["calibration"]["n"], content["calibration"]["bins"]) == (0, [])
    assert not {"matched", "coco_by_label_set", "coco_by_decoder_layer"} & set(content)


def test_figures_with_data_survive_json(case: list[PredictedImage], mouse: Skeleton) -> None:
    evaluation = score_predictions(case, mouse)
    content = json.loads(json.dumps(evaluation.to_dict(), allow_nan=False))
    assert content["coco"]["AP"] == evaluation.coco["AP"]
    assert content["keypoint_errors"][2]["median"] == pytest.approx(2.0)
    assert content["visibility"]["n_visible"] == 2
    assert content["center_error"]["n"] == 2
    assert (content["area_rule"], content["sigmas"]["tail"]) == ("as given in the file", 0.1)
