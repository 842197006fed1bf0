"""Tests of drawn pictures and of what is said to be true of them."""

from collections.abc import Iterator

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from scipy.ndimage import binary_dilation

from poetlab.drawn.animals import LIZARD
from poetlab.drawn.scenario import Scenario
from poetlab.drawn.scene import Picture, draw_shot

SIZE = (112, 144)


def shot_of(seed: int, *, n_frames: int = 1, n_animals: int = 4, **scenario: float) -> Iterator[Picture]:
    rng = np.random.default_rng(seed)
    return draw_shot(rng, n_frames=n_frames, n_animals=n_animals, size=SIZE, scenario=Scenario(**scenario))


@pytest.fixture(scope="module")
def stills() -> list[Picture]:
    return [next(shot_of(seed, n_animals=5, roaming=0.3)) for seed in range(60)]


def test_shapes(stills):
    for picture in stills:
        assert picture.image.shape == (*SIZE, 3)
        assert picture.image.dtype == np.uint8
        assert picture.keypoints.shape == (5, LIZARD.n_keypoints, 3)
        assert picture.masks.shape == (5, *SIZE)


def test_the_same_seed_draws_the_same_shot_and_another_does_not():
    first, again, other = (list(shot_of(seed, n_frames=5)) for seed in (1, 1, 2))
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.image, two.image)
        np.testing.assert_array_equal(one.keypoints, two.keypoints)
        np.testing.assert_array_equal(one.masks, two.masks)
    assert not np.array_equal(first[0].image, other[0].image)
    assert not np.array_equal(first[0].keypoints, other[0].keypoints)


def test_keypoints_are_inside_the_picture_or_missing(stills):
    keypoints = np.concatenate([picture.keypoints for picture in stills])
    x, y, visibility = np.moveaxis(keypoints, -1, 0)
    inside = (x >= 0) & (x <= SIZE[1] - 1) & (y >= 0) & (y <= SIZE[0] - 1)
    np.testing.assert_array_equal(inside, visibility > 0)
    np.testing.assert_array_equal(np.isnan(x), visibility == 0)
    np.testing.assert_array_equal(np.isnan(y), visibility == 0)
    assert set(np.unique(visibility)) == {0, 1, 2}


def owners(picture: Picture, visibility: int) -> list[tuple[int, set[int]]]:
    """For each keypoint of a visibility: its animal, and the animals seen at its pixel."""
    found = []
    for animal, points in enumerate(picture.keypoints):
        for x, y, _ in points[points[:, 2] == visibility]:
            seen = picture.masks[:, int(y + 0.5), int(x + 0.5)]
            found.append((animal, set(np.flatnonzero(seen).tolist())))
    return found


def test_a_visible_keypoint_lies_on_its_own_animal(stills):
    pairs = [pair for picture in stills for pair in owners(picture, 2)]
    own = [animal in seen for animal, seen in pairs]
    assert len(own) > 2000
    assert np.mean(own) > 0.98


def test_an_occluded_keypoint_lies_on_another_animal(stills):
    pairs = [pair for picture in stills for pair in owners(picture, 1)]
    assert len(pairs) > 50
    assert all(len(seen) == 1 and animal not in seen for animal, seen in pairs)


def test_no_pixel_shows_two_animals(stills):
    assert max(picture.masks.sum(axis=0).max() for picture in stills) == 1


def test_the_upper_of_two_animals_stays_the_upper_one():
    frames = list(shot_of(0, n_frames=200, n_animals=2, sociability=1.0))
    occluded = np.stack([frame.keypoints[..., 2] == 1 for frame in frames]).any(axis=(0, 2))
    assert sorted(occluded.tolist()) == [False, True]


def test_masks_cover_what_was_painted_and_nothing_else():
    for seed in range(10):
        empty = next(shot_of(seed, n_animals=0, noise=0.0)).image.astype(int)
        picture = next(shot_of(seed, n_animals=3, noise=0.0))
        changed = np.abs(picture.image - empty).max(axis=-1)
        painted = picture.masks.any(axis=0)
        assert (changed[painted] > 12).mean() > 0.99
        within_shadow = binary_dilation(painted, np.ones((17, 17)))
        assert changed[~within_shadow].max() == 0


def test_eyes_can_be_seen_in_the_image_exactly_where_and_when_the_truth_says_so():
    eyes = [LIZARD.keypoints.index(name) for name in ("left_eye", "right_eye")]
    scenario = Scenario(noise=0.0, body_length=0.4, sociability=1.0)
    is_dark: dict[int, list[bool]] = {1: [], 2: []}
    for seed in range(80):
        rng = np.random.default_rng(seed)
        picture = next(draw_shot(rng, n_frames=1, n_animals=4, size=(256, 256), scenario=scenario))
        points = picture.keypoints[:, eyes].reshape(-1, 3)
        for x, y, visibility in points[points[:, 2] > 0].astype(int):
            around = picture.image[max(y - 1, 0) : y + 3, max(x - 1, 0) : x + 3]
            is_dark[visibility].append(float(np.median(around)) < 35)
    assert len(is_dark[1]) > 40
    assert np.mean(is_dark[2]) > 0.95
    assert np.mean(is_dark[1]) < 0.15


def test_boxes_and_areas_are_the_masks_extents(stills):
    for picture in stills:
        for mask, box, area in zip(picture.masks, picture.bboxes, picture.areas, strict=True):
            encoded = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
            assert area == coco_mask.area(encoded)
            if area:
                np.testing.assert_array_equal(box, coco_mask.toBbox(encoded))
            else:
                assert np.isnan(box).all()


def test_an_animal_out_of_sight_has_no_box_and_no_keypoints():
    for picture in shot_of(5, n_frames=150, n_animals=2, roaming=6.0):
        for points, box, area in zip(picture.keypoints, picture.bboxes, picture.areas, strict=True):
            if area == 0:
                assert np.isnan(box).all()
                assert (points[:, 2] < 2).all()
                return
    pytest.fail("no animal left the picture")


def test_animals_differ_little_in_brightness():
    spread = []
    for seed in range(20):
        picture = next(shot_of(seed, n_animals=3, noise=0.0))
        spread.append([picture.image[mask].mean() for mask in picture.masks])
    brightness = np.array(spread)
    assert 0 < (brightness.max(axis=1) / brightness.min(axis=1) - 1).mean() < 0.35


def test_an_empty_scene_is_only_ground():
    picture = next(shot_of(0, n_animals=0))
    assert picture.masks.shape == (0, *SIZE)
    assert picture.keypoints.shape == (0, LIZARD.n_keypoints, 3)
    assert picture.bboxes.shape == (0, 4)
    assert picture.image.std() > 2
