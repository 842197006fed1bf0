"""The order of findings, what could not be judged, and the picture sheet."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from poetlab.checking.checks import CHECKS, run_checks
from poetlab.checking.finding import Finding, Place, Severity, worst_first
from poetlab.checking.remarks import remarks_on
from poetlab.checking.sheet import draw_sheet
from poetlab.labels.label_set import LabelSet


def finding(check: str, severity: Severity, badness: float) -> Finding:
    return Finding(check, severity, Place(), "", "", badness)


def test_every_severity_starts_with_the_worst_of_each_check():
    made = [
        finding("a", Severity.NOTE, 9),
        *(finding("a", Severity.WARNING, badness) for badness in (1, 5, 3)),
        finding("b", Severity.WARNING, 2),
        finding("c", Severity.ERROR, 1),
    ]
    ordered = [(one.check, one.badness) for one in worst_first(made)]
    assert ordered == [("c", 1), ("a", 5), ("b", 2), ("a", 3), ("a", 1), ("a", 9)]


def test_what_does_not_apply_is_not_in_the_json():
    place = Place("flies", "a.png", instance=0)
    made = Finding("bones", Severity.WARNING, place, "long", "look", 1.234)
    assert made.to_dict() == {
        "check": "bones",
        "severity": "warning",
        "place": {"label_set": "flies", "image": "a.png", "instance": 0},
        "what": "long",
        "advice": "look",
        "badness": 1.23,
    }


def test_what_could_not_be_judged_is_said(drawn: LabelSet):
    few = replace(drawn, name="few", images=drawn.images[:3])
    plain = replace(drawn, skeleton=replace(drawn.skeleton, symmetries=()))
    assert list(remarks_on([drawn, few], CHECKS, read_images=False)) == [
        "images, duplicates, leaks: the images were not read",
        "bones: few (fewer than 15 animals do not tell what is usual)",
        "left-right: few (fewer than 20 animals do not tell what is usual)",
        "neighbors: drawn, few (the labels do not say which frame of which video an image is)",
    ]
    assert list(remarks_on([plain], ["left-right"], read_images=True)) == [
        "left-right: the skeleton names no symmetries; add the pairs to skeleton.yaml"
    ]
    assert list(remarks_on([drawn], ["bones", "rare"], read_images=True)) == []


def test_the_sheet_shows_the_animal_that_is_meant(
    drawn: LabelSet, whole_animals: list[tuple[int, int]], spoil: Callable[..., LabelSet], tmp_path: Path
):
    number, index = whole_animals[0]
    keypoints = drawn.images[number].instances[index].keypoints.copy()
    keypoints[0, 0] = 170
    spoiled = spoil(drawn, number, index, keypoints=keypoints)
    findings = [one for one in run_checks([spoiled]) if one.check == "outside"]
    assert draw_sheet(findings * 5, [spoiled], tmp_path / "sheet.png") == 5
    with Image.open(tmp_path / "sheet.png") as sheet:
        pixels = np.asarray(sheet)
    assert pixels.shape[1] == 4 * 332 + 12
    first, fifth = pixels[12:332, 12:332], pixels[12 + 407 : 332 + 407, 12:332]
    np.testing.assert_array_equal(first, fifth)
    assert (first == [255, 40, 40]).all(axis=2).any()
    assert list(tmp_path.iterdir()) == [tmp_path / "sheet.png"]


def test_a_malformed_mask_spoils_no_sheet(
    drawn: LabelSet, whole_animals: list[tuple[int, int]], spoil: Callable[..., LabelSet], tmp_path: Path
):
    spoiled = spoil(drawn, *whole_animals[0], segmentation=[[1.0, 2.0, 3.0]], bbox=(0.0, 0.0, 2.0, 2.0))
    findings = run_checks([spoiled], names=["outlines"])
    assert len(findings) == draw_sheet(findings, [spoiled], tmp_path / "sheet.png") == 1


def test_findings_of_no_image_have_no_picture(drawn: LabelSet, tmp_path: Path):
    (rare,) = run_checks([replace(drawn, images=tuple(without_snout(drawn)))], names=["rare"])
    assert draw_sheet([rare], [drawn], tmp_path / "sheet.png") == 0
    assert list(tmp_path.iterdir()) == []


def without_snout(label_set: LabelSet) -> list[Any]:
    hidden = np.ones((label_set.skeleton.n_keypoints, 3))
    hidden[0] = np.nan, np.nan, 0
    return [
        replace(
            image,
            instances=tuple(
                replace(one, keypoints=np.where(hidden == 1, one.keypoints, hidden)) for one in image.instances
            ),
        )
        for image in label_set.images
    ]
