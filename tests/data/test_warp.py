"""One warp turns, zooms, shifts and mirrors: a blob drawn at a keypoint is found where the keypoint went."""

import math
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.transforms.v2 import functional as transform

from poetlab.data.augment_settings import AugmentSettings
from poetlab.data.image_size import ImageSizeSettings, input_size
from poetlab.data.samples import Sample, scale_labels
from poetlab.data.warp import Warp, augment_in_letterbox, draw_warp, warp, working_size

SWAP = (0, 2, 1)
IDENTITY = (0, 1, 2)
PLAIN = AugmentSettings(
    rotation_probability=0, flip_probability=0, dropout_probability=0, zoom=(1, 1), shift=0, color_jitter=0
)
TURNING = AugmentSettings(rotation=180, rotation_probability=1, dropout_probability=0, color_jitter=0)
CENTERED = Warp(0.0, 1.0, mirrored=False, middle=(0.5, 0.5))


def blobs(keypoints: list[tuple[float, float]], size: tuple[int, int], sigma: float = 2.0) -> Sample:
    """An animal of three keypoints; a blob at the first is drawn in red, at the second in green, third in blue."""
    y, x = np.mgrid[: size[0], : size[1]]
    channels = [250 * np.exp(-((x - u) ** 2 + (y - v) ** 2) / (2 * sigma**2)) for u, v in keypoints]
    points = torch.tensor([keypoints], dtype=torch.float32)
    low, high = points.amin(1), points.amax(1)
    labeled = torch.ones(1, len(keypoints), dtype=torch.bool)
    return Sample(
        image=torch.from_numpy(np.stack(channels).round().astype(np.uint8)),
        keypoints=points,
        visible=labeled,
        bboxes=torch.cat([low, high - low], dim=1),
        located=labeled,
        areas=(high - low).prod(1),
        told=labeled,
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


MOVES = {
    "nothing": CENTERED,
    "turn a little": replace(CENTERED, degrees=3.7),
    "turn": replace(CENTERED, degrees=-131.0),
    "turn over": replace(CENTERED, degrees=180.0),
    "zoom in": replace(CENTERED, zoom=1.33),
    "zoom out": replace(CENTERED, zoom=0.75),
    "zoom out far": replace(CENTERED, zoom=0.4),
    "shift": replace(CENTERED, middle=(0.46, 0.57)),
    "mirror": replace(CENTERED, mirrored=True),
    "all": Warp(77.0, 0.9, mirrored=True, middle=(0.52, 0.45)),
}
any_move = pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)


@any_move
@pytest.mark.parametrize("letterbox", [(128, 128), (96, 160), (320, 256)])
@pytest.mark.parametrize("size", [(100, 140), (141, 99)])
def test_keypoints_follow_the_pixels(move: Warp, letterbox: tuple[int, int], size: tuple[int, int]) -> None:
    height, width = size
    middle = (width / 2, height / 2)
    sample = blobs([(middle[0] - 14.3, middle[1] + 4), (middle[0] + 12, middle[1] - 9.5), middle], size, sigma=2.5)
    changed = warp(sample, move, IDENTITY, letterbox)
    assert changed.image.shape == (3, *letterbox)
    assert changed.image.dtype == torch.uint8
    torch.testing.assert_close(centroids(changed.image), changed.keypoints[0], atol=0.15, rtol=0)


@any_move
def test_distances_areas_and_boxes_follow(move: Warp) -> None:
    sample = blobs([(60, 40), (75, 62), (88, 51)], (100, 140))
    changed = warp(sample, move, IDENTITY, (128, 160))
    scale = move.zoom * 160 / 140
    before, after = (torch.pdist(points[0]) for points in (sample.keypoints, changed.keypoints))
    # an image that is far too large is first made smaller, to whole pixels
    torch.testing.assert_close(after, before * scale, atol=0, rtol=0.01)
    torch.testing.assert_close(changed.areas, sample.areas * scale**2, atol=0, rtol=0.02)
    low, high = changed.bboxes[:, :2], changed.bboxes[:, :2] + changed.bboxes[:, 2:]
    assert (changed.keypoints[0] >= low - 1e-3).all()
    assert (changed.keypoints[0] <= high + 1e-3).all()


def test_turning_is_counterclockwise() -> None:
    sample = blobs([(99.5, 49.5), (69.5, 49.5), (69.5, 19.5)], (100, 140))
    right, middle, top = warp(sample, replace(CENTERED, degrees=90), IDENTITY, (160, 160)).keypoints[0]
    assert right[1] < middle[1], "right went up"
    assert top[0] < middle[0], "top went left"


def test_symmetric_keypoints_change_places_in_a_mirror() -> None:
    sample = blobs([(60, 40), (75, 62), (88, 51)], (100, 140))
    sample = replace(sample, visible=torch.tensor([[True, False, True]]), located=torch.tensor([[True, True, False]]))
    mirrored = warp(sample, replace(CENTERED, mirrored=True), SWAP, (128, 160))
    red, green, blue = centroids(mirrored.image)
    torch.testing.assert_close(mirrored.keypoints[0], torch.stack([red, blue, green]), atol=0.15, rtol=0)
    assert mirrored.visible.tolist() == [[True, True, False]]
    assert mirrored.located.tolist() == [[True, False, True]]


def test_an_image_is_black_where_it_does_not_reach_and_whole_up_to_its_edges() -> None:
    sample = replace(
        blobs([(60, 40), (75, 62), (88, 51)], (100, 150)), image=torch.full((3, 100, 150), 200, dtype=torch.uint8)
    )
    image = warp(sample, CENTERED, IDENTITY, (128, 96)).image
    assert (image[:, 32:96] == 200).all()
    assert (image[:, :32] == 0).all()
    assert (image[:, 96:] == 0).all()


@pytest.mark.parametrize("size", [(64, 96), (200, 300), (300, 200), (41, 60), (500, 777)])
def test_an_unchanged_image_is_what_the_predictor_sees(size: tuple[int, int]) -> None:
    """At the top left of its letterbox, and up to how its pixels are averaged."""
    letterbox = (96, 128)
    smooth = np.random.default_rng(0).integers(0, 256, (3, 7, 9), dtype=np.uint8)
    image = transform.resize(torch.from_numpy(smooth), list(size), antialias=True)
    sample = replace(blobs([(20, 20), (30, 30), (25, 31)], size), image=image)
    height, width = input_size(size, ImageSizeSettings(letterbox=letterbox))
    top_left = replace(CENTERED, middle=(width / 2 / letterbox[1], height / 2 / letterbox[0]))
    found = warp(sample, top_left, IDENTITY, letterbox)
    expected = transform.resize(image, [height, width], antialias=True)
    difference = (found.image[:, :height, :width].int() - expected.int()).abs().float()
    assert difference.mean() < 1.5
    resized = scale_labels(replace(sample, image=expected), size)
    torch.testing.assert_close(found.keypoints, resized.keypoints, atol=0.6, rtol=0)  # whole pixels of the predictor's


def test_what_is_made_much_smaller_is_averaged() -> None:
    sample = blobs([(60, 40), (75, 62), (88, 51)], (512, 512))
    sample.image[:] = 0
    sample.image[:, :, ::4] = 200
    inner = warp(sample, replace(CENTERED, degrees=10), IDENTITY, (64, 64)).image[:, 16:-16, 16:-16].float()
    torch.testing.assert_close(inner, torch.full_like(inner, 50), atol=20, rtol=0)


def test_arguments_are_not_changed() -> None:
    sample = blobs([(60, 40), (75, 62), (88, 51)], (100, 140))
    before = Sample(*(getattr(sample, field.name).clone() for field in fields(Sample)))
    augment_in_letterbox(sample, SWAP, AugmentSettings(), (96, 96), np.random.default_rng(0))
    assert_equal(sample, before)


def test_images_without_animals_can_be_changed() -> None:
    sample = blobs([(60, 40), (75, 62), (88, 51)], (100, 140))
    empty = Sample(sample.image, *(getattr(sample, field.name)[:0] for field in fields(Sample)[1:]))
    changed = augment_in_letterbox(empty, SWAP, AugmentSettings(), (96, 96), np.random.default_rng(0))
    assert changed.size == (96, 96)
    assert changed.keypoints.shape == (0, 3, 2)
    assert changed.located.shape == (0, 3)
    assert changed.areas.shape == (0,)


@given(
    st.integers(20, 300),
    st.integers(20, 300),
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    st.floats(0, 180),
    st.floats(0.5, 1),
    st.floats(1, 2),
    st.integers(0, 2**32),
)
def test_labels_in_the_letterbox_fit_its_image_whatever_the_settings(
    height: int, width: int, cells: tuple[int, int], rotation: float, low: float, high: float, seed: int
) -> None:
    letterbox = (cells[0] * 32, cells[1] * 32)
    settings = AugmentSettings(rotation=rotation, zoom=(low, high), rotation_probability=1, dropout_probability=0)
    keypoints = [(0.3 * width, 0.4 * height), (0.6 * width, 0.5 * height), (-0.5 + 0.999 * width, 0.1 * height)]
    sample = blobs(keypoints, (height, width))
    sample = replace(sample, visible=torch.tensor([[True, False, True]]))
    small = transform.resize(sample.image, list(working_size(sample.size, settings, letterbox)), antialias=True)
    working = scale_labels(replace(sample, image=small), sample.size)
    changed = augment_in_letterbox(working, IDENTITY, settings, letterbox, np.random.default_rng(seed))
    assert changed.size == letterbox
    assert changed.located.any(1).all(), "animals without a keypoint left are dropped"
    assert (changed.located | ~changed.visible).all()
    where = changed.keypoints[changed.located]
    assert (where >= -0.5).all()
    assert (where <= torch.tensor(letterbox[::-1]) - 0.5).all()
    assert (changed.keypoints[~changed.located] == 0).all()


def test_keypoints_follow_the_pixels_through_everything() -> None:
    letterbox = (160, 128)
    n_checked = 0
    for seed in range(40):
        sample = blobs([(60, 40), (75, 62), (82, 51)], (100, 140))
        settings = TURNING.model_copy(update={"color_jitter": 0.2})
        changed = augment_in_letterbox(sample, IDENTITY, settings, letterbox, np.random.default_rng(seed))
        background = augment_in_letterbox(
            replace(sample, image=torch.zeros_like(sample.image)),
            IDENTITY,
            settings,
            letterbox,
            np.random.default_rng(seed),
        )
        if not len(changed.keypoints):
            continue
        # contrast moves black, and saturation mixes the channels: take away what is not the channel's blob
        image = changed.image.int() - background.image.int()
        peaks = (image - torch.flatten(image, 1).median(1).values[:, None, None]).clamp(min=0)
        peaks = torch.where(peaks == peaks.amax(0), peaks, 0) * (peaks > 60)
        for i, (x, y) in enumerate(changed.keypoints[0].tolist()):
            if changed.located[0, i] and 12 <= x <= letterbox[1] - 12 and 12 <= y <= letterbox[0] - 12:
                torch.testing.assert_close(centroids(peaks)[i], changed.keypoints[0, i], atol=0.3, rtol=0)
                n_checked += 1
    assert n_checked >= 60


def test_turns_zooms_mirrors_and_shifts_reach_their_ranges() -> None:
    settings = AugmentSettings(rotation=180, rotation_probability=1, zoom=(0.5, 2))
    moves = [draw_warp((100, 140), settings, (128, 128), np.random.default_rng(seed)) for seed in range(300)]
    degrees = [move.degrees for move in moves]
    zooms = [math.log2(move.zoom) for move in moves]
    assert -180 <= min(degrees) < -170
    assert 170 < max(degrees) <= 180
    assert -1 <= min(zooms) < -0.95
    assert 0.95 < max(zooms) <= 1
    assert abs(np.mean(zooms)) < 0.1, "as often larger as smaller"
    assert 100 < sum(move.mirrored for move in moves) < 200


@pytest.mark.parametrize("letterbox", [(128, 128), (96, 256)])
@pytest.mark.parametrize("size", [(100, 140), (140, 100)])
def test_without_a_shift_an_image_lies_wherever_it_fits(size: tuple[int, int], letterbox: tuple[int, int]) -> None:
    settings = PLAIN.model_copy(update={"zoom": (0.8, 0.8)})
    height, width = (side * 0.8 * min(letterbox[0] / size[0], letterbox[1] / size[1]) for side in size)
    places = []
    for seed in range(200):
        x, y = draw_warp(size, settings, letterbox, np.random.default_rng(seed)).middle
        places.append([x * letterbox[1] - width / 2, y * letterbox[0] - height / 2])
    room = np.array([letterbox[1] - width, letterbox[0] - height])
    assert (np.min(places, axis=0) >= -1e-3).all()
    assert (np.max(places, axis=0) <= room + 1e-3).all()
    assert (np.min(places, axis=0) < 0.05 * room).all(), "the top left, where the predictor has it, is among them"
    assert (np.max(places, axis=0) > 0.95 * room).all()


def test_a_larger_image_fills_the_letterbox() -> None:
    settings = PLAIN.model_copy(update={"zoom": (1.5, 1.5)})
    for seed in range(50):
        sample = blobs([(60, 40), (75, 62), (88, 51)], (120, 120))
        sample.image[:] = 9
        changed = augment_in_letterbox(sample, IDENTITY, settings, (96, 96), np.random.default_rng(seed))
        assert (changed.image == 9).all()


def test_animals_that_left_are_dropped_and_occluded_ones_are_not() -> None:
    near, far = blobs([(60, 60), (70, 62), (64, 70)], (128, 128)), blobs([(30, 31), (28, 30), (29, 27)], (128, 128))
    both = Sample(
        near.image,
        *(torch.cat([getattr(near, field.name), getattr(far, field.name)]) for field in fields(Sample)[1:]),
    )
    occluded = replace(both, visible=torch.zeros_like(both.visible))
    settings = PLAIN.model_copy(update={"zoom": (2.0, 2.0)})
    n_found = []
    for seed in range(30):
        changed = augment_in_letterbox(occluded, IDENTITY, settings, (128, 128), np.random.default_rng(seed))
        assert changed.located.any(1).all()
        assert not changed.visible.any()
        n_found.append(len(changed.keypoints))
    assert set(n_found) == {1, 2}


def test_patches_are_blanked_where_asked_for() -> None:
    sample = blobs([(60, 40), (75, 62), (88, 51)], (128, 128))
    sample.image[:] = 200
    settings = PLAIN.model_copy(update={"dropout_probability": 1.0})
    for seed in range(20):
        changed = augment_in_letterbox(sample, IDENTITY, settings, (128, 128), np.random.default_rng(seed))
        black = (changed.image == 0).all(0)
        assert 0 < black.double().mean() < 0.12


@pytest.mark.parametrize("seed", range(3))
def test_the_same_random_numbers_make_the_same_change(seed: int) -> None:
    sample = blobs([(60, 40), (75, 62), (88, 51)], (100, 140))
    changed = [
        augment_in_letterbox(sample, SWAP, AugmentSettings(), (96, 96), np.random.default_rng(seed)) for _ in range(2)
    ]
    assert_equal(*changed)


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(1, 20), st.integers(1, 20), st.floats(1, 3))
def test_the_working_size_holds_what_the_largest_zoom_shows(
    height: int, width: int, rows: int, columns: int, zoom: float
) -> None:
    letterbox = (32 * rows, 32 * columns)
    found = working_size((height, width), AugmentSettings(zoom=(1, zoom)), letterbox)
    scale = zoom * min(letterbox[0] / height, letterbox[1] / width)
    if scale >= 1:
        assert found == (height, width)
    else:
        assert found == (
            pytest.approx(max(1, height * scale), abs=0.5 + 1e-6),
            pytest.approx(max(1, width * scale), abs=0.5 + 1e-6),
        )
