"""Augmentation keeps labels on the pixels: a blob drawn at a keypoint is found where the keypoint went."""

import math
from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from poetlab.data.augment import augment, blank, crop, drop_lost_animals, flip, resize, rotate
from poetlab.data.augment_settings import AugmentSettings
from poetlab.data.image_size import ImageSizeSettings, input_size
from poetlab.data.samples import Sample

SIZE = (100, 140)
NEVER = AugmentSettings(rotation_probability=0, crop_probability=0, flip_probability=0, dropout_probability=0)
IDENTITY = (0, 1, 2)
SWAP = (0, 2, 1)
SMALL = ImageSizeSettings(short_side=(48, 96), long_side=160)

Step = Callable[[Sample], Sample]


def blobs(keypoints: list[tuple[float, float]], size: tuple[int, int] = SIZE, sigma: float = 2.0) -> Sample:
    """One animal of three keypoints; a blob at the first is drawn in red, at the second in green, third in blue."""
    y, x = np.mgrid[: size[0], : size[1]]
    channels = [250 * np.exp(-((x - u) ** 2 + (y - v) ** 2) / (2 * sigma**2)) for u, v in keypoints]
    points = torch.tensor([keypoints], dtype=torch.float32)
    low, high = points.amin(1), points.amax(1)
    return Sample(
        image=torch.from_numpy(np.stack(channels).round().astype(np.uint8)),
        keypoints=points,
        visible=torch.ones(1, len(keypoints), dtype=torch.bool),
        bboxes=torch.cat([low, high - low], dim=1),
        located=torch.ones(1, len(keypoints), dtype=torch.bool),
        areas=torch.tensor([700.0]),
        told=torch.ones(1, len(keypoints), dtype=torch.bool),
    )


def centroids(image: torch.Tensor) -> torch.Tensor:
    """(3, H, W) -> (3, 2): the center of mass of each channel as (x, y)."""
    weights = image.double()
    y, x = torch.meshgrid(torch.arange(image.shape[1]), torch.arange(image.shape[2]), indexing="ij")
    mass = weights.sum((1, 2))
    return torch.stack([(weights * x).sum((1, 2)) / mass, (weights * y).sum((1, 2)) / mass], dim=1).float()


def assert_equal(a: Sample, b: Sample) -> None:
    for field in fields(Sample):
        assert torch.equal(getattr(a, field.name), getattr(b, field.name)), field.name


def copied(sample: Sample) -> Sample:
    return Sample(*(getattr(sample, field.name).clone() for field in fields(Sample)))


GEOMETRY: list[tuple[str, Step]] = [
    ("crop", lambda sample: crop(sample, (17, 9, 100, 80))),
    ("enlarge", lambda sample: resize(sample, (173, 260))),
    ("shrink", lambda sample: resize(sample, (61, 77))),
    ("shrink much", lambda sample: resize(sample, (31, 43))),
    ("stretch", lambda sample: resize(sample, (50, 280))),
    ("rotate a little", lambda sample: rotate(sample, 3.7)),
    ("rotate left", lambda sample: rotate(sample, 25.0)),
    ("rotate right", lambda sample: rotate(sample, -25.0)),
    ("rotate by a quarter", lambda sample: rotate(sample, 90.0)),
    ("turn over", lambda sample: rotate(sample, 180.0)),
    ("flip", lambda sample: flip(sample, IDENTITY)),
]
BY_NAME = pytest.mark.parametrize("step", [step for _, step in GEOMETRY], ids=[name for name, _ in GEOMETRY])


@BY_NAME
@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_keypoints_follow_the_pixels(step: Step, shift: float) -> None:
    sample = blobs([(60 + shift, 40), (75, 62 - shift), (88.5, 51)])
    torch.testing.assert_close(centroids(sample.image), sample.keypoints[0], atol=0.05, rtol=0)
    changed = step(sample)
    torch.testing.assert_close(centroids(changed.image), changed.keypoints[0], atol=0.1, rtol=0)
    assert changed.visible.all()


@BY_NAME
@pytest.mark.parametrize("size", [(99, 141), (100, 141), (99, 140)])
def test_keypoints_follow_the_pixels_of_images_with_odd_sides(step: Step, size: tuple[int, int]) -> None:
    changed = step(blobs([(60, 40), (75, 62), (88, 51)], size))
    torch.testing.assert_close(centroids(changed.image), changed.keypoints[0], atol=0.1, rtol=0)


@BY_NAME
def test_a_box_around_the_keypoints_stays_around_them(step: Step) -> None:
    changed = step(blobs([(60, 40), (75, 62), (88, 51)]))
    low, high = changed.bboxes[:, :2], changed.bboxes[:, :2] + changed.bboxes[:, 2:]
    assert (changed.keypoints[0] >= low - 1e-3).all()
    assert (changed.keypoints[0] <= high + 1e-3).all()


@pytest.mark.parametrize("name", ["crop", "enlarge", "shrink", "stretch", "rotate by a quarter", "turn over", "flip"])
def test_a_tight_box_stays_tight_where_nothing_is_slanted(name: str) -> None:
    changed = dict(GEOMETRY)[name](blobs([(60, 40), (75, 62), (88, 51)]))
    low, high = changed.keypoints.amin(1), changed.keypoints.amax(1)
    torch.testing.assert_close(changed.bboxes, torch.cat([low, high - low], dim=1), atol=1e-3, rtol=0)


@BY_NAME
def test_the_argument_is_not_changed(step: Step) -> None:
    sample = blobs([(60, 40), (75, 62), (88, 51)])
    before = copied(sample)
    step(sample)
    drop_lost_animals(sample)
    blank(sample, [(0, 0, 99, 99)])
    assert_equal(sample, before)


@BY_NAME
def test_images_without_animals_can_be_changed(step: Step) -> None:
    empty = Sample(
        torch.zeros(3, *SIZE, dtype=torch.uint8),
        torch.zeros(0, 3, 2),
        torch.zeros(0, 3, dtype=torch.bool),
        torch.zeros(0, 4),
        torch.zeros(0, 3, dtype=torch.bool),
        torch.zeros(0),
        torch.zeros(0, 3, dtype=torch.bool),
    )
    changed = drop_lost_animals(step(empty))
    assert changed.keypoints.shape == (0, 3, 2)
    assert changed.bboxes.shape == (0, 4)


def test_rotation_is_counterclockwise_and_leaves_black_corners() -> None:
    sample = blobs([(99.5, 49.5), (69.5, 49.5), (69.5, 19.5)])
    sample.image[:] = 255
    turned = rotate(sample, 45.0)
    right, middle, top = turned.keypoints[0].tolist()
    assert middle == pytest.approx([69.5, 49.5], abs=1e-3)
    assert right == pytest.approx([69.5 + 30 / 2**0.5, 49.5 - 30 / 2**0.5], abs=1e-3), "right went up"
    assert top == pytest.approx([69.5 - 30 / 2**0.5, 49.5 - 30 / 2**0.5], abs=1e-3), "top went left"
    assert turned.size == SIZE
    assert (turned.image[:, [0, 0, -1, -1], [0, -1, 0, -1]] == 0).all()


def test_rotations_reach_the_largest_angle_either_way() -> None:
    sample = blobs([(60, 50), (80, 50), (70, 50)])
    settings = AugmentSettings(
        rotation=20, rotation_probability=1, crop_probability=0, flip_probability=0, dropout_probability=0
    )
    angles = []
    for seed in range(60):
        left, right, _ = augment(sample, IDENTITY, settings, SMALL, np.random.default_rng(seed)).keypoints[0]
        angles.append(math.degrees(math.atan2(left[1] - right[1], right[0] - left[0])))
    assert -20 < min(angles) < -17
    assert 17 < max(angles) < 20


def test_shrinking_averages_instead_of_picking_pixels() -> None:
    sample = blobs([(60, 40), (75, 62), (88, 51)])
    sample.image[:] = 0
    sample.image[:, :, ::4] = 200
    inner = resize(sample, (25, 35)).image[:, 2:-2, 2:-2].float()
    torch.testing.assert_close(inner, torch.full_like(inner, 50), atol=15, rtol=0)


def test_flipping_twice_changes_nothing() -> None:
    sample = blobs([(60, 40), (75, 62), (88.25, 51)])
    sample.visible[0, 1] = False
    assert_equal(flip(flip(sample, SWAP), SWAP), sample)


def test_symmetric_keypoints_change_places_in_a_mirror() -> None:
    sample = blobs([(60, 40), (75, 62), (88, 51)])
    sample.visible[0, 1] = False
    mirrored = flip(replace(sample, told=torch.tensor([[True, False, True]])), SWAP)
    assert mirrored.told.tolist() == [[[True, False, True][index] for index in SWAP]]
    red, green, blue = centroids(mirrored.image)
    torch.testing.assert_close(mirrored.keypoints[0], torch.stack([red, blue, green]), atol=0.05, rtol=0)
    assert mirrored.visible.tolist() == [[True, True, False]]
    assert mirrored.keypoints[0, 0].tolist() == [SIZE[1] - 1 - 60, 40]


def test_blanked_patches_are_black_and_labels_stay() -> None:
    sample = blobs([(60, 40), (75, 62), (88, 51)])
    sample.image[:] = 200
    blanked = blank(sample, [(50, 30, 20, 15), (130, 95, 99, 99)])
    black = torch.zeros(SIZE, dtype=torch.bool)
    black[30:45, 50:70] = True
    black[95:, 130:] = True
    assert (blanked.image[:, black] == 0).all()
    assert (blanked.image[:, ~black] == 200).all()
    assert torch.equal(blanked.keypoints, sample.keypoints)
    assert blanked.visible.all()


def test_keypoints_outside_the_image_are_not_visible() -> None:
    sample = blobs([(-0.4, 40), (139.4, 99.4), (70, 50)])
    assert drop_lost_animals(sample).visible.all(), "the image reaches to the outer edges of its pixels"
    for outside in [(-0.6, 40.0), (139.6, 40.0), (60.0, -0.6), (60.0, 99.6)]:
        kept = drop_lost_animals(blobs([(70, 50), outside, (71, 51)]))
        assert kept.visible.tolist() == [[True, False, True]]
        assert kept.keypoints[0, 1].tolist() == [0, 0]
        assert kept.keypoints[0, 2].tolist() == [71, 51]


def test_keypoints_that_were_not_visible_stay_so() -> None:
    sample = blobs([(70, 50), (60, 40), (71, 51)])
    sample.visible[0, 1] = sample.located[0, 1] = False
    kept = drop_lost_animals(sample)
    assert kept.visible.tolist() == kept.located.tolist() == [[True, False, True]]
    assert kept.keypoints[0, 1].tolist() == [0, 0]


def test_occluded_keypoints_keep_their_places_inside_the_image() -> None:
    sample = blobs([(70, 50), (60, 40), (-3, 51)])
    sample.visible[0, 1:] = False
    kept = drop_lost_animals(sample)
    assert kept.visible.tolist() == [[True, False, False]]
    assert kept.located.tolist() == [[True, True, False]]
    assert kept.keypoints[0].tolist() == [[70, 50], [60, 40], [0, 0]]


def test_an_animal_of_occluded_keypoints_alone_stays_where_asked_for() -> None:
    sample = blobs([(-70, 50), (60, 40), (71, 51)])
    sample.visible[0, 1:] = False
    assert len(drop_lost_animals(sample).keypoints) == 0, "POET has no place for it"
    kept = drop_lost_animals(sample, keep_occluded=True)
    assert kept.located.tolist() == [[False, True, True]]
    assert not kept.visible.any()


@pytest.mark.parametrize(
    ("name", "factor"),
    [("crop", 1), ("enlarge", 1.73 * 260 / 140), ("stretch", 1), ("rotate a little", 1), ("turn over", 1), ("flip", 1)],
)
def test_areas_grow_with_the_image(name: str, factor: float) -> None:
    sample = blobs([(60, 40), (75, 62), (88, 51)])
    assert dict(GEOMETRY)[name](sample).areas.tolist() == pytest.approx([700 * factor])


def animals(
    points: list[tuple[float, float]], bboxes: list[tuple[float, float, float, float]], visible: list[bool]
) -> Sample:
    """Animals of one keypoint each."""
    return Sample(
        torch.zeros(3, *SIZE, dtype=torch.uint8),
        torch.tensor(points)[:, None],
        torch.tensor(visible)[:, None],
        torch.tensor(bboxes),
        torch.tensor(visible)[:, None],
        torch.tensor(bboxes)[:, 2:].prod(1),
        torch.ones(len(points), 1, dtype=torch.bool),
    )


def test_animals_that_left_the_image_are_dropped() -> None:
    sample = animals(
        points=[(10.0, 10.0), (-5.0, 50.0), (200.0, 50.0)],
        bboxes=[(5.0, 5.0, 10.0, 10.0), (-9.0, 45.0, 20.0, 10.0), (190.0, 40.0, 20.0, 20.0)],
        visible=[True, True, True],
    )
    kept = drop_lost_animals(sample)
    assert kept.keypoints.tolist() == [[[10, 10]]]
    assert kept.bboxes.tolist() == [[5, 5, 10, 10]]


def test_animals_without_visible_keypoints_stay_as_long_as_their_box_does() -> None:
    sample = animals(
        points=[(0.0, 0.0)] * 4,
        bboxes=[
            (-10.0, 90.0, 30.0, 30.0),
            (-50.0, 10.0, 40.0, 20.0),
            (10.0, 100.0, 5.0, 5.0),
            (100.0, 50.0, 80.0, 9.0),
        ],
        visible=[False] * 4,
    )
    kept = drop_lost_animals(sample)
    assert kept.bboxes.tolist() == [[-0.5, 90, 20.5, 9.5], [100, 50, 39.5, 9]]
    assert not kept.visible.any()


def test_without_any_change_images_are_only_resized() -> None:
    sample = blobs([(60, 40), (75, 62), (88, 51)])
    sizes = set()
    for seed in range(20):
        changed = augment(sample, SWAP, NEVER, SMALL, np.random.default_rng(seed))
        assert_equal(changed, drop_lost_animals(resize(sample, changed.size)))
        assert input_size(SIZE, SMALL, 0.0) <= changed.size <= input_size(SIZE, SMALL, 1.0)
        sizes.add(changed.size)
    assert len(sizes) > 10


@pytest.mark.parametrize(
    ("always", "margin"),
    [
        ({"crop_probability": 1.0, "flip_probability": 0.5}, 14),
        ({"rotation_probability": 1.0, "flip_probability": 0.5}, 0),
    ],
)
def test_keypoints_follow_the_pixels_through_everything(always: dict[str, float], margin: float) -> None:
    sample = blobs([(60, 40), (75, 62), (82, 51)])  # no rotation takes the middle out of the image
    n_checked = 0
    for seed in range(40):
        settings = NEVER.model_copy(update=always)
        changed = augment(sample, IDENTITY, settings, SMALL, np.random.default_rng(seed))
        found = centroids(changed.image)
        height, width = changed.size
        for i in range(3):
            x, y = changed.keypoints[0, i].tolist()
            if changed.visible[0, i] and margin <= x <= width - margin and margin <= y <= height - margin:
                torch.testing.assert_close(found[i], changed.keypoints[0, i], atol=0.15, rtol=0)
                n_checked += 1
    assert n_checked >= 60


def test_a_crop_holds_the_middle_of_an_animal_and_half_of_each_side() -> None:
    bboxes = [(0.0, 0.0, 8.0, 6.0), (120.0, 90.0, 19.0, 9.0), (60.0, 10.0, 20.0, 20.0)]
    fractions = []
    for seed in range(150):
        x, y, w, h = bboxes[seed % 3]
        middle = (x + w / 2, y + h / 2)
        sample = blobs([middle, (middle[0] + 0.1, middle[1]), (middle[0], middle[1] + 0.1)])
        sample = replace(sample, bboxes=torch.tensor([bboxes[seed % 3]]))
        changed = augment(
            sample, IDENTITY, NEVER.model_copy(update={"crop_probability": 1.0}), SMALL, np.random.default_rng(seed)
        )
        assert changed.visible[0, 0]
        if changed.visible.all():
            right, down = (changed.keypoints[0, 1:] - changed.keypoints[0, 0]).diagonal().tolist()
            scales = (right / 0.1, down / 0.1)
            fractions.append([changed.size[1] / scales[0] / SIZE[1], changed.size[0] / scales[1] / SIZE[0]])
    low, high = np.min(fractions, axis=0), np.max(fractions, axis=0)
    assert (low > 0.49).all()
    assert (low < 0.55).all()
    assert (high > 0.95).all()
    assert (high < 1.01).all()


def test_patches_are_blanked_where_asked_for() -> None:
    sample = blobs([(60, 40), (75, 62), (88, 51)])
    sample.image[:] = 200
    settings = NEVER.model_copy(update={"dropout_probability": 1.0})
    for seed in range(20):
        black = (augment(sample, IDENTITY, settings, SMALL, np.random.default_rng(seed)).image == 0).all(0)
        assert 0 < black.double().mean() < 0.12


@pytest.mark.parametrize("seed", range(3))
def test_the_same_random_numbers_make_the_same_change(seed: int) -> None:
    sample = blobs([(60, 40), (75, 62), (88, 51)])
    changed = [augment(sample, SWAP, AugmentSettings(), SMALL, np.random.default_rng(seed)) for _ in range(2)]
    assert_equal(*changed)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rotation": -1},
        {"flip_probability": 1.5},
        {"flip": 0.5},
        {"zoom": (1.2, 0.8)},
        {"zoom": (0, 1)},
        {"zoom": (1, float("inf"))},
        {"zoom": 1.2},
        {"shift": 0.6},
        {"color_jitter": 1},
    ],
)
def test_impossible_and_unknown_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        AugmentSettings.model_validate(wrong)
