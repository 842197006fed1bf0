"""A network is measured on images of any size, and each is predicted once."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from poetlab.errors import LabelError, SnapshotError
from poetlab.evaluation.evaluate import evaluate, score_predictions
from poetlab.evaluation.predicting import predict_images
from poetlab.inference import Predictor
from poetlab.labels.label_set import LabelSet
from poetlab.model.checkpoint import Snapshot
from poetlab.model.poet import Poet

MakeLabelSet = Callable[..., LabelSet]


def test_every_image_of_every_label_set_is_evaluated_at_its_own_size(
    predictor: Predictor, make_label_set: MakeLabelSet
) -> None:
    first = make_label_set("first", [(40, 60), (60, 40), (40, 60), (33, 47), (40, 60)])
    second = make_label_set("second", [(60, 40), (200, 90)])
    steps: list[tuple[int, int]] = []
    evaluation = evaluate(predictor, [first, second], batch_size=2, on_progress=lambda *step: steps.append(step))
    assert evaluation.coco["AP"] == pytest.approx(1)
    assert evaluation.keypoint_errors[-1].n == 14
    assert evaluation.keypoint_errors[-1].percentile_90 == pytest.approx(0, abs=1e-3)
    assert evaluation.visibility.accuracy == 1
    assert (evaluation.n_images, evaluation.n_animals, evaluation.n_detections) == (7, 7, 7)
    assert (evaluation.n_missed, evaluation.n_extra, evaluation.count_error) == (0, 0, 0)
    assert evaluation.area_rule == "rule of first; rule of second"
    assert steps == [(2, 7), (3, 7), (5, 7), (6, 7), (7, 7)]


def test_the_predicted_center_is_that_of_the_network(predictor: Predictor, make_label_set: MakeLabelSet) -> None:
    (image,) = predict_images(predictor, [make_label_set("a", [(40, 60)])])
    assert image.instances.centers is not None
    np.testing.assert_allclose(image.instances.centers, [[0.5 * 60 - 0.5, 0.25 * 40 - 0.5]], rtol=1e-5)
    error = score_predictions([image], predictor.skeleton).center_error
    assert error.n == 1
    assert (error.median_x, error.median_y) == (pytest.approx(1 / 4), pytest.approx(1 / 4)), "the nose alone is visible"


def test_a_shift_of_the_labels_is_the_error(predictor: Predictor, make_label_set: MakeLabelSet) -> None:
    evaluation = evaluate(predictor, [make_label_set("a", [(40, 60), (60, 40)], shift=3.0)])
    for error in evaluation.keypoint_errors:
        assert (error.median, error.percentile_90) == (pytest.approx(3, abs=1e-3), pytest.approx(3, abs=1e-3))


def test_predictions_come_by_label_set_and_id(predictor: Predictor, make_label_set: MakeLabelSet) -> None:
    sizes = [(40, 60), (60, 40), (40, 60)]
    first, second = make_label_set("first", sizes, image_ids=[9, 7, 8]), make_label_set("second", sizes)
    predicted = predict_images(predictor, [first, second])
    places = [(each.label_set.name, each.image_id, each.image.file_name) for each in predicted]
    assert places == [
        ("first", 7, "1.png"),
        ("first", 8, "2.png"),
        ("first", 9, "0.png"),
        ("second", 1, "0.png"),
        ("second", 2, "1.png"),
        ("second", 3, "2.png"),
    ]
    for each in predicted:
        np.testing.assert_allclose(each.instances.keypoints[0], each.image.instances[0].keypoints[:, :2], atol=1e-3)


@pytest.fixture
def layered(predictor: Predictor) -> Predictor:
    """`predictor`, whose decoder layers differ: each says something else of where the nose is."""
    torch.manual_seed(0)
    with torch.no_grad():
        predictor.model.pose_head[4].weight[2:4].normal_(std=0.1)
    return predictor


def test_each_decoder_layer_is_measured_as_the_network_that_ends_with_it(
    layered: Predictor, make_label_set: MakeLabelSet
) -> None:
    label_set = make_label_set("a", [(40, 60), (60, 40), (40, 60), (80, 80)])
    model = layered.model
    whole = Snapshot(model.settings, layered.skeleton, model.state_dict())
    predicted = predict_images(layered, [label_set], every_layer=True)
    figures = score_predictions(predicted, layered.skeleton, every_layer=True).coco_by_decoder_layer
    assert len(figures) == model.settings.n_decoder_layers == 3
    noses = []
    for number in (1, 2, 3):
        alone = replace(layered, model=whole.with_decoder_layers(number).build_model())
        for expected, each in zip(predict_images(alone, [label_set]), predicted, strict=True):
            found = each.by_layer[number - 1]
            np.testing.assert_allclose(found.keypoints, expected.instances.keypoints, atol=1e-4)
            np.testing.assert_allclose(found.scores, expected.instances.scores, atol=1e-6)
        assert figures[number - 1] == pytest.approx(evaluate(alone, [label_set]).coco, nan_ok=True)
        noses.append(predicted[0].by_layer[number - 1].keypoints[0, 0])
    assert min(np.linalg.norm(noses[a] - noses[b]) for a, b in ((0, 1), (0, 2), (1, 2))) > 0.01


def test_all_layers_take_one_pass(
    layered: Predictor, make_label_set: MakeLabelSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_images = []
    forward = Poet.forward
    monkeypatch.setattr(
        Poet, "forward", lambda self, images, *rest: n_images.append(len(images)) or forward(self, images, *rest)
    )
    predict_images(layered, [make_label_set("a", [(40, 60)] * 3)], every_layer=True, batch_size=2)
    assert n_images == [2, 1]


def test_the_last_layer_is_the_network(layered: Predictor, make_label_set: MakeLabelSet) -> None:
    label_set = make_label_set("a", [(40, 60), (60, 40)])
    every = score_predictions(
        predict_images(layered, [label_set], every_layer=True), layered.skeleton, every_layer=True
    )
    alone = evaluate(layered, [label_set])
    assert every.coco_by_decoder_layer[-1] == pytest.approx(alone.coco, rel=0, nan_ok=True)
    assert every.coco == pytest.approx(alone.coco, rel=0, nan_ok=True)
    assert every.keypoint_errors == alone.keypoint_errors
    assert alone.coco_by_decoder_layer == ()


def test_nothing_to_evaluate_is_an_error(predictor: Predictor, make_label_set: MakeLabelSet) -> None:
    for nothing in ([], [make_label_set("a", [])]):
        with pytest.raises(LabelError, match="no images to evaluate"):
            evaluate(predictor, nothing)


def test_a_missing_image_is_an_error_that_names_it(predictor: Predictor, make_label_set: MakeLabelSet) -> None:
    label_set = make_label_set("a", [(40, 60), (40, 60)])
    (label_set.images_dir / "1.png").unlink()
    with pytest.raises(LabelError, match=r"1\.png: the image is missing"):
        evaluate(predictor, [label_set])


@pytest.mark.parametrize("head", ["pose_head.4.bias", "class_head.bias"])
def test_a_network_that_diverged_is_an_error(predictor: Predictor, make_label_set: MakeLabelSet, head: str) -> None:
    with torch.no_grad():
        predictor.model.get_parameter(head)[-1] = float("nan")
    with pytest.raises(SnapshotError, match="network test predicts what is not a number"):
        evaluate(predictor, [make_label_set("a", [(40, 60)])])
