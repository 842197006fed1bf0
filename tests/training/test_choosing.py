"""What is chosen from facts of the data, one choice at a time."""

import math
from dataclasses import replace
from typing import Any

import pytest

from poetlab.skeleton import Skeleton, load_skeleton
from poetlab.training import choosing
from poetlab.training.data_facts import DataFacts, Machine

CPU = Machine("cpu", 16 * 10**9)
GPU = Machine("cuda", 80 * 10**9)
FACTS = DataFacts(
    n_images=40,
    n_validation_images=10,
    most_animals=2,
    image_size=(384, 384),
    same_shape=1.0,
    animal_length=97.0,
    heading_concentration=0.35,
)
"""About those of the recording `flies_pair`."""


def letterbox(machine: Machine = CPU, **facts: Any) -> tuple[int, int]:
    return choosing.choose_letterbox(replace(FACTS, **facts), machine).value


def test_the_input_leaves_a_typical_animal_large_enough() -> None:
    choice = choosing.choose_letterbox(FACTS, CPU)
    assert choice.value == (320, 320)
    assert choice.reason == "a typical animal, 97 pixels long in images of 384 x 384, has 81 then"
    assert letterbox(image_size=(768, 1024), animal_length=210) == (320, 416)


@pytest.mark.parametrize("height", [97, 256, 406, 1080, 2160])
@pytest.mark.parametrize("width", [128, 396, 640, 1920])
@pytest.mark.parametrize("part", [0.01, 0.1, 0.3, 0.9, math.nan])
@pytest.mark.parametrize("machine", [CPU, GPU])
def test_the_input_is_of_whole_cells_and_within_bounds(height: int, width: int, part: float, machine: Machine) -> None:
    found = letterbox(machine, image_size=(height, width), animal_length=part * max(height, width))
    longest = {"cpu": 640, "cuda": 1024}[machine.device]
    assert all(side % 32 == 0 for side in found)
    assert max(found) <= min(longest, max(height, width) + 31), "nothing is enlarged by more than the last cell"
    assert max(found) >= min(256, max(height, width))
    scale = max(found) / max(height, width)
    assert abs(min(found) - scale * min(height, width)) <= 64, "the shape is the images'"
    if max(found) < min(longest, max(height, width)) and part == part:  # noqa: PLR0124 (NaN)
        assert part * max(found) >= 80, "no smaller than it need be"


def test_small_animals_are_never_enlarged_and_large_ones_keep_some_detail() -> None:
    assert letterbox(animal_length=10) == (384, 384)
    assert letterbox(animal_length=370) == (256, 256)
    assert letterbox(image_size=(2160, 3840), animal_length=40) == (384, 640)
    assert letterbox(GPU, image_size=(2160, 3840), animal_length=40) == (576, 1024)


def test_images_of_many_shapes_have_a_square_input() -> None:
    assert letterbox(image_size=(480, 640), same_shape=0.4, animal_length=100) == (512, 512)
    assert letterbox(image_size=(480, 640), same_shape=0.9, animal_length=100) == (384, 512)


def test_images_turn_all_around_where_animals_head_in_all_directions() -> None:
    assert choosing.choose_rotation(FACTS).value == 180
    assert choosing.choose_rotation(replace(FACTS, heading_concentration=0.8)).value == 25
    unknown = choosing.choose_rotation(replace(FACTS, heading_concentration=math.nan))
    assert unknown.value == 25
    assert "too few" in unknown.reason
    assert choosing.choose_rotation_probability(180).value == 1
    assert choosing.choose_rotation_probability(25).value == 0.5


@pytest.mark.parametrize(
    ("keypoints", "symmetries", "probability"),
    [
        (("nose", "left_ear", "right_ear"), (("left_ear", "right_ear"),), 0.5),
        (("nose", "left_ear", "right_ear"), (), 0),
        (("nose", "left_ear", "right_ear", "left_paw"), (("left_ear", "right_ear"),), 0),
        (("snout", "neck", "tail_base"), (), 0.5),
        (("paw1LH_top", "paw2LF_top", "paw3RF_top", "paw4RH_top", "nose_top"), (), 0),
        (("Nose", "Nearknee", "Offknee"), (), 0),
        (("keypoint_1", "keypoint_2", "3"), (), 0),
        (("1", "2", "3"), (("1", "2"),), 0.5),
        (("tail0", "tail1", "ear"), (), 0.5),
    ],
)
def test_images_are_mirrored_where_left_stays_left(
    keypoints: tuple[str, ...], symmetries: tuple[tuple[str, str], ...], probability: float
) -> None:
    choice = choosing.choose_flip_probability(Skeleton("animal", keypoints, (), symmetries))
    assert choice.value == probability
    assert choice.reason


def test_why_images_are_not_mirrored_names_the_keypoint() -> None:
    choice = choosing.choose_flip_probability(Skeleton("mouse", ("nose", "earL", "earR")))
    assert choice.reason == "'earL' has a side, and no counterpart in the skeleton's symmetries"


@pytest.mark.parametrize("preset", ["coco-person", "macaque", "ap10k", "mouse-topview"])
def test_skeleton_presets_are_mirrored(preset: str) -> None:
    assert choosing.choose_flip_probability(load_skeleton(preset)).value == 0.5


@pytest.mark.parametrize(
    ("name", "sided"),
    [
        *(
            (name, True)
            for name in ("left_ear", "earLeft", "LEFT_EAR", "leftear", "L_hip", "hip_r", "wingL", "forelegR3")
        ),
        *((name, True) for name in ("FL_paw", "paw_hr", "Nearhindhock", "Offelbow")),
        *(
            (name, False)
            for name in ("nose", "tail_tip", "Trunk", "abdomen2", "hip", "ear", "Center", "limb", "tailMid")
        ),
    ],
)
def test_sides_in_names(name: str, sided: bool) -> None:
    assert choosing.has_side(name) == sided


@pytest.mark.parametrize(
    ("n_images", "machine", "side", "batch_size"),
    [
        (300, CPU, 320, 4),
        (40, CPU, 320, 4),
        (31, CPU, 320, 4),
        (10, CPU, 320, 2),
        (5, CPU, 320, 2),
        (1, CPU, 320, 1),
        (10000, GPU, 640, 16),
        (10000, Machine("cpu", 4 * 10**9), 640, 4),
        (10000, Machine("cpu", 10**8), 640, 1),
        (10000, Machine("cpu", None), 640, 4),
    ],
)
def test_batches_fit(n_images: int, machine: Machine, side: int, batch_size: int) -> None:
    choice = choosing.choose_batch_size(replace(FACTS, n_images=n_images), machine, (side, side))
    assert choice.value == batch_size


def test_why_a_batch_is_small() -> None:
    few = choosing.choose_batch_size(replace(FACTS, n_images=10), CPU, (320, 320))
    assert few.reason == "an epoch of 10 images has several steps"
    fewer = choosing.choose_batch_size(replace(FACTS, n_images=5), CPU, (320, 320))
    assert fewer.reason == "there are few images"
    small = choosing.choose_batch_size(FACTS, Machine("cpu", 10**9), (640, 320))
    assert (small.value, small.reason) == (2, "memory holds them at 320 x 640 pixels")


@pytest.mark.parametrize(("n_images", "batch_size"), [(10, 2), (20, 4), (40, 8), (300, 8), (600, 8)])
def test_steps_are_about_as_many_for_any_number_of_images(n_images: int, batch_size: int) -> None:
    epochs = choosing.choose_epochs(replace(FACTS, n_images=n_images), CPU, batch_size).value
    assert 2400 <= epochs * math.ceil(n_images / batch_size) < 2500


def test_epochs_are_within_bounds() -> None:
    assert choosing.choose_epochs(replace(FACTS, n_images=1), CPU, 2).value == 1000
    assert choosing.choose_epochs(replace(FACTS, n_images=100_000), CPU, 8).value == 30
    many = replace(FACTS, n_images=320)
    assert (choosing.choose_epochs(many, CPU, 8).value, choosing.choose_epochs(many, GPU, 8).value) == (60, 150)


def test_the_learning_rate_grows_with_the_root_of_the_batch_size() -> None:
    rates = {size: choosing.choose_learning_rate(size).value for size in (1, 4, 16)}
    assert rates == {1: 5e-4, 4: 1e-3, 16: 2e-3}


def test_a_run_is_patient_and_is_validated_some_forty_times() -> None:
    assert choosing.choose_validate_every(600).value == 15
    assert choosing.choose_validate_every(3).value == choosing.choose_validate_every(0).value == 1
    assert choosing.choose_patience(FACTS, 600).value == 200
    assert choosing.choose_patience(replace(FACTS, n_validation_images=0), 600).value == 0


def test_queries_are_twice_the_animals_that_are_known_of() -> None:
    assert choosing.choose_n_queries(FACTS, None).value == 10
    assert choosing.choose_n_queries(replace(FACTS, most_animals=20), 2).value == 40
    assert choosing.choose_n_queries(FACTS, 8).value == 16
