"""The written detections and the label set's annotations give pycocotools the same figures, to the last digit."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from poetlab.evaluation.evaluate import score_predictions
from poetlab.evaluation.predicting import PredictedImage
from poetlab.labels.importing import import_labels
from poetlab.labels.label_set import (
    ANNOTATIONS,
    LabeledImage,
    LabeledInstance,
    LabelSet,
    load_label_set,
    save_label_set,
)
from poetlab.poses import Instances
from poetlab.skeleton import Skeleton
from poetlab.workflow.evaluation_files import write_evaluation

Make = Callable[..., Any]
"""A fixture that makes animals, images or detections."""

Case = Sequence[tuple[LabeledImage, Instances]]

UNLABELED = (float("nan"), float("nan"), 0)
MOUSE = [(10.0, 20.0), (30.0, 20.0)]
FAR = [(180.0, 90.0), (190.0, 90.0)]


def pycocotools_on_files(annotations: Path, results: Path, sigmas: Sequence[float]) -> list[float | None]:
    """The ten figures as the documentation of pycocotools has them computed; None where it has none."""
    truth = COCO(annotations)
    evaluator = COCOeval(truth, truth.loadRes(str(results)), "keypoints")
    evaluator.params.kpt_oks_sigmas = np.array(sigmas)
    evaluator.params.maxDets = [20]
    evaluator.evaluate()
    evaluator.accumulate()
    evaluator.summarize()
    return [None if value == -1 else float(value) for value in evaluator.stats]


def reported(folder: Path, label_set: LabelSet, predictions: Sequence[Instances]) -> tuple[list[float | None], Path]:
    """The ten figures in the JSON that poetlab writes, and the detections that it writes beside it."""
    images = zip(label_set.image_ids, label_set.images, predictions, strict=True)
    places = sorted(images, key=lambda place: place[0])
    predicted = [PredictedImage(label_set, image_id, image, (found,)) for image_id, image, found in places]
    evaluation = score_predictions(predicted, label_set.skeleton)
    report = write_evaluation(folder, "evaluation_best_val", {}, evaluation, predicted)
    return list(json.loads(report.read_text())["coco"].values()), folder / "evaluation_best_val_detections.json"


@pytest.fixture
def figures(mouse: Skeleton, tmp_path: Path) -> Callable[[Case], list[float | None]]:
    """A function that gives the figures of a case, which are pycocotools' on the files of the case."""

    def figures_of(case: Case) -> list[float | None]:
        label_set = LabelSet("mice", mouse, tuple(image for image, _ in case), "as given in the file", tmp_path)
        save_label_set(label_set, tmp_path)
        found, detections = reported(tmp_path, load_label_set(tmp_path), [instances for _, instances in case])
        assert found == pycocotools_on_files(tmp_path / ANNOTATIONS, detections, mouse.sigmas)
        return found

    return figures_of


def test_crowds_and_animals_without_keypoints_are_ignored(
    figures: Make, animal: Make, image: Make, detections: Make
) -> None:
    crowd = animal(UNLABELED, UNLABELED, is_crowd=True, bbox=(100, 0, 100, 100))
    labeled_crowd = animal((150, 10, 2), (160, 10, 2), is_crowd=True, bbox=(140, 0, 30, 30))
    unlabeled = animal(UNLABELED, UNLABELED, bbox=(0, 50, 40, 40))
    labeled = animal((10, 20, 2), (30, 20, 1))
    in_the_crowd = [([(150.0, 50.0), (160.0, 50.0)], 0.9), ([(120.0, 50.0), (130.0, 50.0)], 0.85)]
    found = detections(*in_the_crowd, ([(150, 10), (160, 10)], 0.8), ([(20, 70), (30, 70)], 0.7), (MOUSE, 0.6))
    everything = figures([(image(crowd, labeled_crowd, unlabeled, labeled), found)])
    assert everything[0] == pytest.approx(1), "all wrong detections lie in what is ignored"
    assert figures([(image(labeled), found)])[0] == pytest.approx(0.2)


def test_medium_and_large_include_their_limits(figures: Make, animal: Make, image: Make, detections: Make) -> None:
    for area, n_ranges in ((32**2 - 1e-9, 0), (32**2, 1), (96**2 - 1e-9, 1), (96**2, 2), (96**2 + 1e-9, 1)):
        case = [(image(animal((10, 20, 2), (30, 20, 2), area=float(area))), detections((MOUSE, 0.9), (FAR, 0.8)))]
        ap, _, _, medium, large, *_ = figures(case)
        assert ap == pytest.approx(1)
        assert sum(value is not None for value in (medium, large)) == n_ranges


def test_an_unmatched_detection_counts_in_the_range_of_its_own_area(
    figures: Make, animal: Make, image: Make, detections: Make
) -> None:
    labeled = animal((10, 20, 2), (30, 20, 2), area=50.0**2)
    medium, large = [(100.0, 10.0), (150.0, 60.0)], [(60.0, 0.0), (160.0, 100.0)]
    _, _, _, of_medium, *_ = figures([(image(labeled), detections((medium, 0.95), (MOUSE, 0.9)))])
    assert of_medium == pytest.approx(0.5)
    _, _, _, of_medium, *_ = figures([(image(labeled), detections((large, 0.95), (MOUSE, 0.9)))])
    assert of_medium == pytest.approx(1)


@pytest.mark.parametrize(("n_better", "recall"), [(19, 1), (20, 0), (24, 0)])
def test_at_most_20_detections_an_image_count(
    figures: Make, animal: Make, image: Make, detections: Make, n_better: int, recall: int
) -> None:
    better = [(FAR, 0.9 - number / 100) for number in range(n_better)]
    found = figures([(image(animal((10, 20, 2), (30, 20, 2))), detections(*better, (MOUSE, 0.1)))])
    assert found[5] == recall


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_ties_in_one_image_rank_in_the_order_of_the_file(
    figures: Make, animal: Make, image: Make, detections: Make, order: tuple[int, int]
) -> None:
    poses = [(MOUSE, 0.5), (FAR, 0.5)]
    found = figures([(image(animal((10, 20, 2), (30, 20, 2))), detections(*(poses[number] for number in order)))])
    assert found[0] == pytest.approx((1, 0.5)[order[0]])


@pytest.mark.parametrize(("ids", "precision"), [((1, 2), 1), ((2, 1), 0.5), ((900, 5), 0.5)])
def test_ties_of_several_images_rank_by_id(
    figures: Make, animal: Make, image: Make, detections: Make, ids: tuple[int, int], precision: float
) -> None:
    right = image(animal((10, 20, 2), (30, 20, 2)), image_id=ids[0]), detections((MOUSE, 0.5))
    wrong = image(image_id=ids[1]), detections((FAR, 0.5))
    assert figures([right, wrong])[0] == pytest.approx(precision)


def test_images_without_animals_count_by_their_detections(
    figures: Make, animal: Make, image: Make, detections: Make
) -> None:
    labeled = image(animal((10, 20, 2), (30, 20, 2))), detections((MOUSE, 0.5))
    assert figures([labeled, (image(), detections((FAR, 0.4)))])[0] == pytest.approx(1)
    assert figures([labeled, (image(), detections((FAR, 0.6)))])[0] == pytest.approx(0.5)
    assert figures([(image(), detections((FAR, 0.6)))]) == [None] * 10


def test_images_without_detections_are_missed(figures: Make, animal: Make, image: Make, detections: Make) -> None:
    labeled = image(animal((10, 20, 2), (30, 20, 2)))
    assert figures([(labeled, detections((MOUSE, 0.5))), (labeled, detections())])[5] == pytest.approx(0.5)


def test_no_detection_at_all_is_an_empty_list(
    mouse: Skeleton, animal: Make, image: Make, detections: Make, tmp_path: Path
) -> None:
    label_set = LabelSet("mice", mouse, (image(animal((10, 20, 2), (30, 20, 2))),), "", tmp_path)
    found, results = reported(tmp_path, label_set, [detections()])
    assert json.loads(results.read_text()) == []  # which pycocotools itself cannot load
    assert found == [0, 0, 0, 0, None, 0, 0, 0, 0, None]


def test_detections_are_in_cocos_results_format(
    mouse: Skeleton, animal: Make, image: Make, detections: Make, tmp_path: Path
) -> None:
    found = replace(detections((MOUSE, 0.5)), visibility=np.array([[0.25, 0.75]]))
    label_set = LabelSet("mice", mouse, (image(animal((10, 20, 2), (30, 20, 2)), image_id=17),), "", tmp_path)
    _, results = reported(tmp_path, label_set, [found])
    keypoints = [10, 20, 0.25, 30, 20, 0.75]
    assert json.loads(results.read_text()) == [{"image_id": 17, "category_id": 1, "keypoints": keypoints, "score": 0.5}]


def test_each_of_several_label_sets_has_its_own_detections(
    mouse: Skeleton, animal: Make, image: Make, detections: Make, tmp_path: Path
) -> None:
    labeled = image(animal((10, 20, 2), (30, 20, 2)))
    predicted = []
    for name, pose in (("one", MOUSE), ("two", FAR)):
        label_set = LabelSet(name, mouse, (labeled,), "", tmp_path)
        save_label_set(label_set, tmp_path / name)
        predicted.append(PredictedImage(label_set, 1, labeled, (detections((pose, 0.5)),)))
    report = write_evaluation(tmp_path, "e", {}, score_predictions(predicted, mouse), predicted)
    by_label_set = json.loads(report.read_text())["coco_by_label_set"]
    for name, recall in (("one", 1), ("two", 0)):
        figures = pycocotools_on_files(
            tmp_path / name / ANNOTATIONS, tmp_path / f"e_{name}_detections.json", mouse.sigmas
        )
        assert list(by_label_set[name].values()) == figures
        assert figures[5] == recall


def test_a_picture_of_an_earlier_evaluation_goes_if_there_is_nothing_to_draw(
    mouse: Skeleton, animal: Make, image: Make, detections: Make, tmp_path: Path
) -> None:
    label_set = LabelSet("mice", mouse, (), "", tmp_path)
    left = []
    for labeled in (image(animal((10, 20, 2), (30, 20, 2))), image()):
        predicted = [PredictedImage(label_set, 1, labeled, (detections((MOUSE, 0.5)),) * 2)]
        write_evaluation(tmp_path, "e", {}, score_predictions(predicted, mouse, every_layer=True), predicted)
        left.append({path.name for path in tmp_path.glob("*.png")})
    assert "e.png" in left[0]
    assert left[1] == set()


def made_up_detections(label_set: LabelSet, seed: int) -> list[Instances]:
    """The labels with noise of many sizes, some left out, some twice, and false ones; more than 20 in some images.

    Scores have two digits, so that many are equal.
    """
    random = np.random.default_rng(seed)
    n_keypoints = label_set.skeleton.n_keypoints
    predictions = []
    for number, labeled in enumerate(label_set.images):
        height, width = labeled.size
        n_false = random.integers(0, 4) + 20 * (number % 10 == 0)
        poses = [random.uniform(0, 1, (n_keypoints, 2)) * [width, height] for _ in range(n_false)]
        for instance in labeled.instances:
            poses += [noisy(instance, random) for _ in range(random.integers(0, 3))]
        scores = np.sort(random.uniform(0, 1, len(poses)).round(2))[::-1].astype(np.float32)
        keypoints = np.array([poses[i] for i in random.permutation(len(poses))]).reshape(-1, n_keypoints, 2)
        predictions.append(Instances(keypoints.astype(np.float32), random.uniform(0, 1, keypoints.shape[:2]), scores))
    return predictions


def noisy(instance: LabeledInstance, random: np.random.Generator) -> np.ndarray:
    x, y, width, height = instance.bbox
    points = np.where(instance.keypoints[:, 2:] > 0, instance.keypoints[:, :2], [x + width / 2, y + height / 2])
    return points + random.normal(0, instance.area**0.5 * random.choice([0.003, 0.02, 0.05, 0.2]), points.shape)


@pytest.mark.shared_data
@pytest.mark.parametrize("seed", range(3))
def test_figures_on_coco_are_those_of_pycocotools_on_imported_and_original_files(
    shared_data: Path, tmp_path: Path, seed: int
) -> None:
    original = shared_data / "coco_person" / "annotations.json"
    content = json.loads(original.read_text())
    assert {entry["iscrowd"] for entry in content["annotations"]} == {0, 1}
    assert any(entry["num_keypoints"] == 0 and not entry["iscrowd"] for entry in content["annotations"])
    import_labels(original.parent, tmp_path, skeleton=None, name="coco", link=True)
    label_set = load_label_set(tmp_path / "coco")
    ids = {entry["file_name"]: entry["id"] for entry in content["images"]}
    assert {image.file_name: image.id for image in label_set.images} == ids
    found, results = reported(tmp_path, label_set, made_up_detections(label_set, seed))
    assert len(set(found)) > 5
    sigmas = label_set.skeleton.sigmas
    assert found == pycocotools_on_files(tmp_path / "coco" / ANNOTATIONS, results, sigmas)
    assert found == pycocotools_on_files(original, results, COCOeval(iouType="keypoints").params.kpt_oks_sigmas)
