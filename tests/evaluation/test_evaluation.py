"""Figures on labeled images equal pycocotools, brute force and what is counted by hand."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from poetlab.data.image_size import ImageSizeSettings
from poetlab.errors import LabelError
from poetlab.evaluation.coco_figures import COCO_FIGURES, coco_figures
from poetlab.evaluation.evaluate import evaluate, score_predictions
from poetlab.evaluation.oks import object_keypoint_similarity
from poetlab.evaluation.report import KeypointError
from poetlab.inference import Predictor
from poetlab.labels.importing import import_labels
from poetlab.labels.label_set import LabeledImage, LabeledInstance, LabelSet, load_label_set
from poetlab.model.poet import Poet
from poetlab.model.pose_vector import PosePrediction, encode_vectors
from poetlab.model.presets import ModelSettings
from poetlab.poses import Instances
from poetlab.skeleton import Skeleton

NAN = float("nan")
SKELETON = Skeleton("mouse", ("nose", "tail"), sigmas=(0.05, 0.1))
UNLABELED = (NAN, NAN, 0)


def animal(*keypoints: tuple[float, float, float], area: float = 40.0**2, is_crowd: bool = False) -> LabeledInstance:
    return LabeledInstance(np.array(keypoints, dtype=float), (0.0, 0.0, 40.0, 40.0), area, is_crowd)


def image(*animals: LabeledInstance) -> LabeledImage:
    return LabeledImage("a.png", (100, 200), animals, "val")


def detections(*poses: tuple[list[tuple[float, float]], float]) -> Instances:
    """Instances of (keypoints, score)."""
    points = np.array([points for points, _ in poses], dtype=np.float32)
    keypoints = points.reshape(len(poses), SKELETON.n_keypoints, 2)
    return Instances(keypoints, np.ones(keypoints.shape[:2]), np.array([score for _, score in poses]))


def test_similarity_is_that_of_the_definition() -> None:
    random = np.random.default_rng(0)
    n, m, k = 4, 5, 6
    sigmas = random.uniform(0.02, 0.1, k)
    labels = np.dstack([random.uniform(0, 100, (m, k, 2)), random.integers(0, 3, (m, k))])
    labels[labels[..., 2] == 0, :2] = NAN
    labels[0] = [NAN, NAN, 0]
    predicted = labels[[1, 2, 3, 4], :, :2] + random.normal(0, 4, (n, k, 2))
    predicted[np.isnan(predicted)] = 50
    areas = random.uniform(500, 9000, m)
    found = object_keypoint_similarity(predicted, labels, areas, sigmas)
    for i in range(n):
        for j in range(m):
            terms = [
                math.exp(-((px - x) ** 2 + (py - y) ** 2) / (2 * areas[j] * (2 * sigma) ** 2))
                for (px, py), (x, y, v), sigma in zip(predicted[i], labels[j], sigmas, strict=True)
                if v > 0
            ]
            expected = sum(terms) / len(terms) if terms else 0.0
            assert found[i, j] == pytest.approx(expected, rel=1e-9, abs=1e-300)
    assert (found.diagonal(1) > 0.1).all()


def test_similarity_is_1_where_a_prediction_is_perfect() -> None:
    labels = np.array([[[10.0, 20, 2], [30, 20, 1]]])
    found = object_keypoint_similarity(labels[..., :2], labels, np.array([400.0]), SKELETON.sigmas)
    assert found.tolist() == [[1.0]]


def test_perfect_predictions_have_precision_and_recall_1() -> None:
    small, large = animal((10, 20, 2), (30, 20, 2)), animal((90, 20, 2), (150, 80, 1), area=100.0**2)
    found = detections(([(10, 20), (30, 20)], 0.9), ([(90, 20), (150, 80)], 0.8))
    figures = coco_figures([found, found], [image(small, large)] * 2, SKELETON)
    assert tuple(figures) == COCO_FIGURES
    assert list(figures.values()) == pytest.approx([1.0] * 10)


def test_without_detections_precision_and_recall_are_0() -> None:
    figures = coco_figures([detections()], [image(animal((10, 20, 2), (30, 20, 2)))], SKELETON)
    assert (figures["AP"], figures["AR"]) == (0, 0)


def test_without_animals_there_is_nothing_to_measure() -> None:
    found = detections(([(10, 20), (30, 20)], 0.9))
    unlabeled = animal(UNLABELED, UNLABELED)
    for nothing in (image(), image(unlabeled), image(replace(unlabeled, is_crowd=True))):
        assert all(math.isnan(value) for value in coco_figures([found], [nothing], SKELETON).values())


def test_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    coco_figures([detections()], [image(animal((10, 20, 2), (30, 20, 2)))], SKELETON)
    assert capsys.readouterr() == ("", "")


def test_half_of_the_animals_found_is_half_the_recall() -> None:
    found = detections(([(10, 20), (30, 20)], 0.9))
    two = image(animal((10, 20, 2), (30, 20, 2)), animal((110, 20, 2), (130, 20, 2)))
    figures = coco_figures([found], [two], SKELETON)
    assert figures["AR"] == pytest.approx(0.5)
    assert figures["AP"] == pytest.approx(51 / 101), "precision is 1 at 51 of COCO's 101 recall levels"


def test_an_ignored_animal_is_neither_missed_nor_extra() -> None:
    labeled, unlabeled = animal((110, 70, 2), (130, 70, 2)), animal(UNLABELED, UNLABELED)
    found = detections(([(20, 20), (21, 21)], 0.95), ([(110, 70), (130, 70)], 0.9))
    assert coco_figures([found], [image(labeled, unlabeled)], SKELETON)["AP"] == pytest.approx(1)
    assert coco_figures([found], [image(labeled)], SKELETON)["AP"] == pytest.approx(0.5)


def made_up_detections(label_set: LabelSet, seed: int) -> list[Instances]:
    """The labels with noise of many sizes, some left out, some twice, and false ones: more than 20 in some images."""
    random = np.random.default_rng(seed)
    n_keypoints = label_set.skeleton.n_keypoints
    predictions = []
    for number, labeled in enumerate(label_set.images):
        height, width = labeled.size
        poses = [random.uniform(0, 1, (n_keypoints, 2)) * [width, height] for _ in range(random.integers(0, 4))]
        if number % 10 == 0:
            poses += [random.uniform(0, 1, (n_keypoints, 2)) * [width, height] for _ in range(20)]
        for instance in labeled.instances:
            x, y, w, h = instance.bbox
            for _ in range(random.integers(0, 3)):
                middle = [x + w / 2, y + h / 2]
                points = np.where(instance.keypoints[:, 2:] > 0, instance.keypoints[:, :2], middle)
                noise = instance.area**0.5 * random.choice([0.003, 0.02, 0.05, 0.2])
                poses.append(points + random.normal(0, noise, points.shape))
        scores = np.sort(random.uniform(0, 1, len(poses)))[::-1].astype(np.float32)
        keypoints = np.array([poses[i] for i in random.permutation(len(poses))]).reshape(-1, n_keypoints, 2)
        predictions.append(Instances(keypoints.astype(np.float32), np.ones(keypoints.shape[:2]), scores))
    return predictions


def pycocotools_on_files(annotations: Path, results: Path) -> list[float]:
    """The ten figures as the documentation of pycocotools has them computed."""
    truth = COCO(annotations)
    evaluator = COCOeval(truth, truth.loadRes(str(results)), "keypoints")
    evaluator.evaluate()
    evaluator.accumulate()
    evaluator.summarize()
    return [float(value) for value in evaluator.stats]


@pytest.mark.shared_data
@pytest.mark.parametrize("seed", range(3))
def test_figures_are_those_of_pycocotools_on_the_original_files(shared_data: Path, tmp_path: Path, seed: int) -> None:
    annotations = shared_data / "coco_person" / "annotations.json"
    import_labels(annotations.parent, tmp_path, skeleton=None, name="coco", link=True)
    label_set = load_label_set(tmp_path / "coco")
    predictions = made_up_detections(label_set, seed)
    content = json.loads(annotations.read_text())
    assert {entry["iscrowd"] for entry in content["annotations"]} == {0, 1}
    assert any(entry["num_keypoints"] == 0 and not entry["iscrowd"] for entry in content["annotations"])
    ids = {entry["file_name"]: entry["id"] for entry in content["images"]}
    results = [
        {
            "image_id": ids[labeled.file_name],
            "category_id": 1,
            "keypoints": [value for x, y in pose.tolist() for value in (x, y, 1)],
            "score": float(score),
        }
        for labeled, found in zip(label_set.images, predictions, strict=True)
        for pose, score in zip(found.keypoints, found.scores, strict=True)
    ]
    (tmp_path / "results.json").write_text(json.dumps(results))
    expected = pycocotools_on_files(annotations, tmp_path / "results.json")
    assert len(set(expected)) > 5
    assert list(coco_figures(predictions, label_set.images, label_set.skeleton).values()) == expected


@pytest.fixture
def case() -> tuple[list[Instances], list[LabeledImage]]:
    """Two animals of which one is seen well, a crowd, an unlabeled one; an image without any; a missed one."""
    first = Instances(
        keypoints=np.array(
            [[[13, 14], [30, 11]], [[100, 52], [9, 9]], [[180, 90], [170, 90]], [[10, 10], [30, 10]]], float
        ),
        visibility=np.array([[0.9, 0.2], [0.4, 0.9], [1, 1], [1, 1]]),
        scores=np.array([0.9, 0.8, 0.5, 0.3]),
    )
    images = [
        image(
            animal((10, 10, 2), (30, 10, 1)),
            animal(UNLABELED, UNLABELED, is_crowd=True),
            animal((100, 50, 2), UNLABELED),
            animal(UNLABELED, UNLABELED),
        ),
        image(),
        image(animal((50, 50, 2), (60, 60, 2))),
    ]
    extra = detections(([(5, 5), (6, 6)], 0.7))
    missed = detections(([(50, 50), (60, 60)], 0.4))
    return [first, extra, missed], images


def test_errors_and_counts_are_those_counted_by_hand(case: tuple[list[Instances], list[LabeledImage]]) -> None:
    evaluation = score_predictions(*case, SKELETON, threshold=0.5, area_rule="as given")
    assert (evaluation.n_images, evaluation.n_animals, evaluation.n_detections) == (3, 3, 4)
    assert (evaluation.n_missed, evaluation.n_extra) == (1, 2)
    assert evaluation.count_error == pytest.approx((1 + 1 + 1) / 3)
    assert evaluation.keypoint_errors == (
        KeypointError("nose", 2, pytest.approx(3.5), pytest.approx(4.7)),
        KeypointError("tail", 1, pytest.approx(1.0), pytest.approx(1.0)),
        KeypointError("all", 3, pytest.approx(2.0), pytest.approx(4.4)),
    )
    assert evaluation.visibility_accuracy == pytest.approx(2 / 4)
    assert (evaluation.threshold, evaluation.area_rule) == (0.5, "as given")


def test_coco_figures_rank_all_detections_whatever_the_threshold(
    case: tuple[list[Instances], list[LabeledImage]],
) -> None:
    strict, generous = (score_predictions(*case, SKELETON, threshold, "") for threshold in (0.99, 0.0))
    assert strict.coco == pytest.approx(generous.coco, rel=0, nan_ok=True)
    assert (strict.n_detections, generous.n_detections) == (0, 6)
    assert generous.n_missed == 0


def test_each_animal_is_compared_with_the_detection_most_like_it() -> None:
    labeled = image(animal((10, 10, 2), (30, 10, 2)), animal((20, 10, 2), (40, 10, 2)))
    found = detections(([(21, 10), (41, 10)], 0.9), ([(10, 13), (30, 13)], 0.8), ([(90, 90), (95, 95)], 0.7))
    evaluation = score_predictions([found], [labeled], SKELETON, 0.5, "")
    assert evaluation.keypoint_errors[-1] == KeypointError("all", 4, pytest.approx(2.0), pytest.approx(3.0))
    assert (evaluation.n_missed, evaluation.n_extra) == (0, 1)


def test_figures_without_data_are_none_in_json() -> None:
    evaluation = score_predictions([detections()], [image()], SKELETON, 0.5, "")
    assert math.isnan(evaluation.coco["AP"])
    assert math.isnan(evaluation.visibility_accuracy)
    content = json.loads(json.dumps(evaluation.to_dict(), allow_nan=False))
    assert set(content["coco"].values()) == {None}
    assert content["visibility_accuracy"] is None
    assert content["keypoint_errors"][0] == {"keypoint": "nose", "n": 0, "median": None, "percentile_90": None}
    assert content["count_error"] == 0


def test_figures_with_data_survive_json(case: tuple[list[Instances], list[LabeledImage]]) -> None:
    evaluation = score_predictions(*case, SKELETON, 0.5, "as given")
    content = json.loads(json.dumps(evaluation.to_dict(), allow_nan=False))
    assert content["coco"]["AP"] == evaluation.coco["AP"]
    assert content["keypoint_errors"][2]["median"] == pytest.approx(2.0)
    assert content["area_rule"] == "as given"


UNITS = np.array([[1 / 4, 1 / 2], [7 / 8, 1 / 8]])
"""Where `predictor` says that the keypoints of the one animal in every image are."""


@pytest.fixture
def predictor() -> Predictor:
    """A network of one query that says the same of every image, in units of the image."""
    settings = ModelSettings(
        backbone="resnet18",
        n_queries=1,
        n_encoder_layers=1,
        n_decoder_layers=1,
        n_heads=2,
        n_features=8,
        n_feedforward=8,
    )
    model = Poet(settings, SKELETON.n_keypoints).eval()
    center = torch.tensor([0.5, 0.25])
    pose = PosePrediction(center, torch.from_numpy(UNITS).float() - center, torch.tensor([0.9, 0.2]))
    with torch.no_grad():
        model.pose_head[4].weight.zero_()
        model.pose_head[4].bias.copy_(encode_vectors(pose).logit())
        model.class_head.weight.zero_()
        model.class_head.bias.copy_(torch.tensor([0.1, 0.8, 0.1]).log())
    image_size = ImageSizeSettings(short_side=(32, 32), long_side=64)
    return Predictor(model, SKELETON, image_size, torch.device("cpu"), "test", {})


@pytest.fixture
def make_label_set(tmp_path: Path) -> Callable[..., LabelSet]:
    """A function that writes images of these sizes, with one animal where `predictor` sees it, but for a shift."""

    def make(name: str, sizes: list[tuple[int, int]], shift: float = 0.0) -> LabelSet:
        (tmp_path / name).mkdir()
        images = []
        for number, (height, width) in enumerate(sizes):
            Image.new("RGB", (width, height), (number, 0, 0)).save(tmp_path / name / f"{number}.png")
            points = UNITS * [width, height] - 0.5 + [shift, 0]
            keypoints = np.column_stack([points, [2, 1]])
            labeled = LabeledInstance(keypoints, (0.0, 0.0, float(width), float(height)), float(width * height))
            images.append(LabeledImage(f"{number}.png", (height, width), (labeled,), "val"))
        return LabelSet(name, SKELETON, tuple(images), f"rule of {name}", tmp_path / name)

    return make


def test_every_image_of_every_label_set_is_evaluated_at_its_own_size(
    predictor: Predictor, make_label_set: Callable[..., LabelSet]
) -> None:
    first = make_label_set("first", [(40, 60), (60, 40), (40, 60), (33, 47), (40, 60)])
    second = make_label_set("second", [(60, 40), (200, 90)])
    steps: list[tuple[int, int]] = []
    evaluation = evaluate(predictor, [first, second], batch_size=2, on_progress=lambda *step: steps.append(step))
    assert evaluation.coco["AP"] == pytest.approx(1)
    assert evaluation.keypoint_errors[-1].n == 14
    assert evaluation.keypoint_errors[-1].percentile_90 == pytest.approx(0, abs=1e-3)
    assert evaluation.visibility_accuracy == 1
    assert (evaluation.n_images, evaluation.n_animals, evaluation.n_detections) == (7, 7, 7)
    assert (evaluation.n_missed, evaluation.n_extra, evaluation.count_error) == (0, 0, 0)
    assert evaluation.area_rule == "rule of first; rule of second"
    assert steps == [(2, 7), (3, 7), (5, 7), (6, 7), (7, 7)]


def test_a_shift_of_the_labels_is_the_error(predictor: Predictor, make_label_set: Callable[..., LabelSet]) -> None:
    evaluation = evaluate(predictor, [make_label_set("a", [(40, 60), (60, 40)], shift=3.0)])
    for error in evaluation.keypoint_errors:
        assert (error.median, error.percentile_90) == (pytest.approx(3, abs=1e-3), pytest.approx(3, abs=1e-3))


def test_nothing_to_evaluate_is_an_error(predictor: Predictor, make_label_set: Callable[..., LabelSet]) -> None:
    for nothing in ([], [make_label_set("a", [])]):
        with pytest.raises(LabelError, match="no images to evaluate"):
            evaluate(predictor, nothing)


def test_a_missing_image_is_an_error_that_names_it(
    predictor: Predictor, make_label_set: Callable[..., LabelSet]
) -> None:
    label_set = make_label_set("a", [(40, 60), (40, 60)])
    (label_set.images_dir / "1.png").unlink()
    with pytest.raises(LabelError, match=r"1\.png: the image is missing"):
        evaluate(predictor, [label_set])
