"""Keypoints against images, boxes, masks and other animals; keypoints that are rare."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from poetlab.checking.distances import distances_from_box, distances_from_mask
from poetlab.checking.finding import Severity
from poetlab.labels.label_set import LabelSet

Find = Callable[..., Any]
Spoil = Callable[..., LabelSet]


def keypoints_of(label_set: LabelSet, animal: tuple[int, int]) -> np.ndarray:
    return label_set.images[animal[0]].instances[animal[1]].keypoints.copy()


def test_a_keypoint_outside_its_image_is_an_error(
    drawn: LabelSet, whole_animals: list[tuple[int, int]], find: Find, spoil: Spoil
):
    keypoints = keypoints_of(drawn, whole_animals[0])
    keypoints[5, 0], keypoints[6, 1] = 140, -3
    (finding,) = find(spoil(drawn, *whole_animals[0], keypoints=keypoints), "outside")
    assert finding.severity is Severity.ERROR
    assert finding.place.keypoints == (drawn.skeleton.keypoints[5], drawn.skeleton.keypoints[6])
    assert "up to 12 pixels outside the image of 128 x 128" in finding.what


@pytest.mark.parametrize(("x", "n_findings"), [(-0.5, 0), (-0.6, 1), (128, 0), (128.1, 1), (np.nan, 0)])
def test_an_image_reaches_as_far_as_at_import(
    drawn: LabelSet, whole_animals: list[tuple[int, int]], find: Find, spoil: Spoil, x: float, n_findings: int
):
    keypoints = keypoints_of(drawn, whole_animals[0])
    keypoints[0] = x, 10, 2
    assert len(find(spoil(drawn, *whole_animals[0], keypoints=keypoints), "outside")) == n_findings


def test_the_mask_and_the_box_of_another_animal_are_found(
    drawn: LabelSet, whole_animals: list[tuple[int, int]], find: Find, spoil: Spoil
):
    animal = drawn.images[whole_animals[0][0]].instances[whole_animals[0][1]]
    x = 2.0 if animal.bbox[0] > 64 else 96.0
    box = spoil(drawn, *whole_animals[0], bbox=(x, 2.0, 30.0, 30.0))
    outlines = [finding for finding in find(box, "outlines") if "outside the animal's box" in finding.what]
    assert [(finding.place.instance, finding.place.image) for finding in outlines] == [
        (whole_animals[0][1], drawn.images[whole_animals[0][0]].file_name)
    ]
    mask = spoil(drawn, *whole_animals[0], segmentation=[[x, 2, x + 30, 2, x + 30, 32, x, 32]])
    (finding,) = find(mask, "outlines")
    assert "visible keypoints lie clearly outside the animal's mask" in finding.what


def test_boxes_that_are_wrong_on_every_animal_are_found(drawn: LabelSet, find: Find):
    images = [
        replace(image, instances=tuple(replace(one, bbox=(0.1, 0.1, 0.3, 0.3)) for one in image.instances))
        for image in drawn.images
    ]
    findings = find(replace(drawn, images=tuple(images)), "outlines")
    n_with_points = sum((one.keypoints[:, 2] == 2).sum() >= 2 for one in drawn.instances)
    assert len(findings) == n_with_points
    assert {finding.severity for finding in findings} == {Severity.ERROR}


def test_masks_of_bodies_may_leave_out_the_feet(drawn: LabelSet, find: Find):
    """Masks that end at the body, on all animals alike, are no mistakes."""
    images = []
    for image in drawn.images:
        animals = []
        for one in image.instances:
            spine = one.keypoints[[0, 3, 4, 5], :2]
            spine = spine[np.isfinite(spine).all(axis=1)]
            low, high = (spine.min(axis=0), spine.max(axis=0)) if len(spine) else (np.zeros(2), np.ones(2))
            box = [*low, high[0], low[1], *high, low[0], high[1]]
            animals.append(replace(one, segmentation=[[float(value) for value in box]]))
        images.append(replace(image, instances=tuple(animals)))
    assert find(replace(drawn, images=tuple(images)), "outlines") == []


POLYGON = [[10.0, 10.0, 40.0, 12.0, 35.0, 30.0, 22.0, 18.0, 12.0, 38.0], [50.0, 50.0, 60.0, 50.0, 55.0, 58.0]]


@given(st.lists(st.tuples(st.floats(-5, 70), st.floats(-5, 70)), min_size=1, max_size=20))
def test_distances_from_polygons_are_those_of_the_filled_picture(points: list[tuple[float, float]]):
    """Compared with the distance to the nearest of the pixels that Pillow fills, eight to a pixel's side."""
    picture = Image.new("L", (8 * 80, 8 * 80))
    for part in POLYGON:
        ImageDraw.Draw(picture).polygon([8 * value for value in part], fill=1)
    rows, columns = np.nonzero(np.asarray(picture))
    expected = [np.hypot(columns / 8 - x, rows / 8 - y).min() for x, y in points]
    found = distances_from_mask(np.array(points), POLYGON)
    np.testing.assert_allclose(found, expected, atol=0.3)


def test_distances_from_run_lengths_count_from_the_nearest_pixel():
    counts = [12 * 10 + 3, 4, 10 * 20 - 12 * 10 - 7]  # rows 3 to 6 of column 12
    mask = {"size": [10, 20], "counts": counts}
    found = distances_from_mask(np.array([[12, 4], [12, 9], [15, 4], [-3, 4], [12.4, 6.4]]), mask)
    np.testing.assert_allclose(found, [0, 3, 3, 15, 0])
    assert distances_from_mask(np.zeros((1, 2)), {"size": [2, 2], "counts": [4]}) is None
    assert distances_from_mask(np.zeros((1, 2)), {"size": [2, 2], "counts": [1]}) is None


def test_distances_from_boxes():
    points = np.array([[5, 5], [0, 5], [13, 14], [9, 7]])
    np.testing.assert_allclose(distances_from_box(points, (3, 4, 6, 6)), [0, 3, np.hypot(4, 4), 0])


def test_an_animal_labeled_twice_is_found(drawn: LabelSet, whole_animals: list[tuple[int, int]], find: Find):
    number, index = whole_animals[0]
    image = drawn.images[number]
    again = replace(image.instances[index], keypoints=image.instances[index].keypoints + np.array([0.4, -0.3, 0]))
    images = list(drawn.images)
    images[number] = replace(image, instances=(*image.instances, again))
    (finding,) = find(replace(drawn, images=tuple(images)), "repeated")
    assert finding.place.instance == len(image.instances)
    assert f"animals {index} and {len(image.instances)} of this image" in finding.what


def test_rare_keypoints_are_counted_over_all_label_sets(drawn: LabelSet, find: Find):
    def without(label_set: LabelSet, keypoint: int, kept: int) -> LabelSet:
        images = []
        for number, image in enumerate(label_set.images):
            animals = [one.keypoints.copy() for one in image.instances]
            for keypoints in animals if number >= kept else []:
                keypoints[keypoint] = np.nan, np.nan, 0
            images.append(
                replace(
                    image,
                    instances=tuple(
                        replace(one, keypoints=points) for one, points in zip(image.instances, animals, strict=True)
                    ),
                )
            )
        return replace(label_set, images=tuple(images))

    poor = without(drawn, 4, kept=0)
    (finding,) = find(poor, "rare")
    assert finding.place.keypoints == ("mid_body",)
    assert finding.what == "mid_body: labeled in none of the 19 images with animals"
    assert find([poor, drawn], "rare") == []
    (finding,) = find(without(drawn, 4, kept=5), "rare")
    n_with = sum(bool(image.instances) for image in drawn.images[:5])
    assert f"labeled in {n_with} of the 19 images" in finding.what
    assert find(without(drawn, 4, kept=5), "rare", min_images=3) == []


def test_files_that_training_could_not_read_are_errors(drawn: LabelSet, find: Find, tmp_path: Path):
    for image in drawn.images:
        (tmp_path / image.file_name).write_bytes(drawn.image_path(image).read_bytes())
    labels = replace(drawn, images_dir=tmp_path)
    names = [image.file_name for image in drawn.images]
    (tmp_path / names[0]).unlink()
    (tmp_path / names[1]).write_bytes((tmp_path / names[1]).read_bytes()[:400])
    Image.new("RGB", (50, 40)).save(tmp_path / names[2])
    (tmp_path / names[3]).write_text("no image")
    findings = find(labels, "images", read_images=True)
    assert {finding.place.image: finding.what for finding in findings} == {
        names[0]: "the image file is missing",
        names[1]: "the image file is damaged or cannot be read",
        names[2]: "the file has 50 x 40 pixels, the labels 128 x 128",
        names[3]: "the image file is damaged or cannot be read",
    }
    assert {finding.severity for finding in findings} == {Severity.ERROR}
