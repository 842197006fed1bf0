"""COCO's figures in cases that can be counted by hand."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from poetlab.evaluation.coco_figures import COCO_FIGURES, MOST_DETECTIONS, coco_figures, sigma_rule
from poetlab.skeleton import Skeleton, load_skeleton

Make = Callable[..., Any]
"""A fixture that makes animals, images or detections."""

UNLABELED = (float("nan"), float("nan"), 0)


def test_perfect_predictions_have_precision_and_recall_1(
    mouse: Skeleton, animal: Make, image: Make, detections: Make
) -> None:
    small, large = animal((10, 20, 2), (30, 20, 2)), animal((90, 20, 2), (150, 80, 1), area=100.0**2)
    found = detections(([(10, 20), (30, 20)], 0.9), ([(90, 20), (150, 80)], 0.8))
    figures = coco_figures([found, found], [image(small, large)] * 2, mouse)
    assert tuple(figures) == COCO_FIGURES
    assert list(figures.values()) == pytest.approx([1.0] * 10)


def test_without_detections_precision_and_recall_are_0(
    mouse: Skeleton, animal: Make, image: Make, detections: Make
) -> None:
    figures = coco_figures([detections()], [image(animal((10, 20, 2), (30, 20, 2)))], mouse)
    assert (figures["AP"], figures["AR"]) == (0, 0)


def test_without_animals_there_is_nothing_to_measure(
    mouse: Skeleton, animal: Make, image: Make, detections: Make
) -> None:
    found = detections(([(10, 20), (30, 20)], 0.9))
    unlabeled = animal(UNLABELED, UNLABELED)
    for nothing in (image(), image(unlabeled), image(replace(unlabeled, is_crowd=True))):
        assert all(math.isnan(value) for value in coco_figures([found], [nothing], mouse).values())


def test_nothing_is_printed(
    mouse: Skeleton, animal: Make, image: Make, detections: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    coco_figures([detections(([(10, 20), (30, 20)], 0.9))], [image(animal((10, 20, 2), (30, 20, 2)))], mouse)
    assert capsys.readouterr() == ("", "")


def test_half_of_the_animals_found_is_half_the_recall(
    mouse: Skeleton, animal: Make, image: Make, detections: Make
) -> None:
    found = detections(([(10, 20), (30, 20)], 0.9))
    two = image(animal((10, 20, 2), (30, 20, 2)), animal((110, 20, 2), (130, 20, 2)))
    figures = coco_figures([found], [two], mouse)
    assert figures["AR"] == pytest.approx(0.5)
    assert figures["AP"] == pytest.approx(51 / 101), "precision is 1 at 51 of COCO's 101 recall levels"


def test_an_ignored_animal_is_neither_missed_nor_extra(
    mouse: Skeleton, animal: Make, image: Make, detections: Make
) -> None:
    labeled, unlabeled = animal((110, 70, 2), (130, 70, 2)), animal(UNLABELED, UNLABELED)
    found = detections(([(20, 20), (21, 21)], 0.95), ([(110, 70), (130, 70)], 0.9))
    assert coco_figures([found], [image(labeled, unlabeled)], mouse)["AP"] == pytest.approx(1)
    assert coco_figures([found], [image(labeled)], mouse)["AP"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("area", "is_medium", "is_large"),
    [
        (32**2 - 1, False, False),
        (32**2, True, False),
        (96**2 - 1, True, False),
        (96**2, True, True),
        (96**2 + 1, False, True),
    ],
)
def test_medium_and_large_animals_are_those_of_cocos_limits(
    mouse: Skeleton, animal: Make, image: Make, detections: Make, area: int, *, is_medium: bool, is_large: bool
) -> None:
    found = detections(([(10, 20), (30, 20)], 0.9))
    figures = coco_figures([found], [image(animal((10, 20, 2), (30, 20, 2), area=float(area)))], mouse)
    assert figures["AP"] == pytest.approx(1)
    assert math.isnan(figures["APM"]) != is_medium
    assert math.isnan(figures["APL"]) != is_large


@pytest.mark.parametrize(("n_better", "recall"), [(MOST_DETECTIONS - 1, 1), (MOST_DETECTIONS, 0)])
def test_the_21st_detection_of_an_image_does_not_count(
    mouse: Skeleton, animal: Make, image: Make, detections: Make, n_better: int, recall: int
) -> None:
    elsewhere = [([(180.0, 90.0), (190.0, 90.0)], 0.9 - number / 100) for number in range(n_better)]
    found = detections(*elsewhere, ([(10, 20), (30, 20)], 0.1))
    assert coco_figures([found], [image(animal((10, 20, 2), (30, 20, 2)))], mouse)["AR"] == recall


def test_sigmas_are_told_by_their_origin(mouse: Skeleton) -> None:
    coco = load_skeleton("coco-person")
    assert sigma_rule(coco) == "those of coco-person"
    assert sigma_rule(replace(coco, name="monkey")) == "those of coco-person"
    assert sigma_rule(load_skeleton("macaque")) == "those of coco-person", "as the paper scored macaques"
    assert sigma_rule(load_skeleton("ap10k")) == "those of ap10k"
    assert sigma_rule(replace(coco, sigmas=(0.03, *coco.sigmas[1:]))) == "the skeleton's own, 0.025 to 0.107"
    assert sigma_rule(mouse) == "the skeleton's own, 0.05 to 0.1"
    assert sigma_rule(Skeleton("fly", ("head", "tail"))) == "0.05 for every keypoint"
