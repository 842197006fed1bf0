"""Bones that are too long, and left and right exchanged."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from poetlab.labels.label_set import LabeledImage, LabeledInstance, LabelSet
from poetlab.skeleton import Skeleton

LEFT_RIGHT = (("left_eye", "right_eye"), ("left_front_paw", "right_front_paw"), ("left_hind_paw", "right_hind_paw"))


def moved(label_set: LabelSet, animal: tuple[int, int], name: str, by: tuple[float, float]) -> np.ndarray:
    """An animal's keypoints with one of them moved by some pixels."""
    keypoints = label_set.images[animal[0]].instances[animal[1]].keypoints.copy()
    keypoints[label_set.skeleton.keypoints.index(name), :2] += by
    return keypoints


def exchanged(label_set: LabelSet, animal: tuple[int, int], pairs: Sequence[tuple[str, str]]) -> np.ndarray:
    """An animal's keypoints with the names of some pairs exchanged."""
    keypoints = label_set.images[animal[0]].instances[animal[1]].keypoints.copy()
    for pair in pairs:
        numbers = [label_set.skeleton.keypoints.index(name) for name in pair]
        keypoints[numbers] = keypoints[numbers[::-1]]
    return keypoints


@pytest.mark.parametrize("name", ["snout", "neck", "tail_tip", "left_front_paw"])
@pytest.mark.parametrize("has_edges", [True, False])
def test_a_keypoint_far_off_is_found(
    drawn: LabelSet,
    whole_animals: list[tuple[int, int]],
    find: Callable[..., Any],
    spoil: Callable[..., LabelSet],
    name: str,
    has_edges: bool,
):
    animal = whole_animals[3]
    spoiled = spoil(drawn, *animal, keypoints=moved(drawn, animal, name, (60, -50)))
    if not has_edges:
        spoiled = replace(spoiled, skeleton=replace(spoiled.skeleton, edges=()))
    (finding,) = find(spoiled, "bones")
    assert (finding.place.image, finding.place.instance) == (drawn.images[animal[0]].file_name, animal[1])
    assert name in finding.place.keypoints
    assert "times what fits" in finding.what


def test_a_keypoint_with_several_wrong_bones_is_blamed_alone(
    drawn: LabelSet, whole_animals: list[tuple[int, int]], find: Callable[..., Any], spoil: Callable[..., LabelSet]
):
    animal = whole_animals[0]
    (finding,) = find(spoil(drawn, *animal, keypoints=moved(drawn, animal, "neck", (70, 70))), "bones")
    assert finding.place.keypoints == ("neck",)
    assert "more too long" in finding.what


def test_larger_animals_have_no_longer_bones(
    drawn: LabelSet, whole_animals: list[tuple[int, int]], find: Callable[..., Any], spoil: Callable[..., LabelSet]
):
    image, instance = whole_animals[0]
    keypoints = drawn.images[image].instances[instance].keypoints * [4, 4, 1]
    assert find(spoil(drawn, image, instance, keypoints=keypoints), "bones") == []


def test_a_few_animals_tell_nothing_about_bones(
    drawn: LabelSet, whole_animals: list[tuple[int, int]], find: Callable[..., Any], spoil: Callable[..., LabelSet]
):
    image, instance = whole_animals[0]
    spoiled = spoil(drawn, image, instance, keypoints=moved(drawn, (image, instance), "snout", (60, 60)))
    few = replace(spoiled, images=spoiled.images[image : image + 3])
    assert 0 < few.n_labeled_instances < 15
    assert find(few, "bones") == []


@pytest.mark.parametrize("pair", LEFT_RIGHT)
def test_a_pair_exchanged_is_found(
    drawn: LabelSet,
    whole_animals: list[tuple[int, int]],
    find: Callable[..., Any],
    spoil: Callable[..., LabelSet],
    pair: tuple[str, str],
):
    for animal in whole_animals[:5]:
        (finding,) = find(spoil(drawn, *animal, keypoints=exchanged(drawn, animal, [pair])), "left-right")
        assert finding.place.image == drawn.images[animal[0]].file_name
        assert finding.place.instance == animal[1]
        assert finding.place.keypoints == pair


def test_two_of_twenty_images_with_a_pair_exchanged_are_both_found(
    drawn: LabelSet, whole_animals: list[tuple[int, int]], find: Callable[..., Any], spoil: Callable[..., LabelSet]
):
    spoiled = drawn
    for animal in (whole_animals[0], whole_animals[-1]):
        spoiled = spoil(spoiled, *animal, keypoints=exchanged(spoiled, animal, [LEFT_RIGHT[1]]))
    found = {(finding.place.image, finding.place.instance) for finding in find(spoiled, "left-right")}
    assert found == {(drawn.images[image].file_name, one) for image, one in (whole_animals[0], whole_animals[-1])}


def test_an_animal_with_all_pairs_exchanged_is_found_as_a_whole(
    drawn: LabelSet, whole_animals: list[tuple[int, int]], find: Callable[..., Any], spoil: Callable[..., LabelSet]
):
    animal = whole_animals[2]
    (finding,) = find(spoil(drawn, *animal, keypoints=exchanged(drawn, animal, LEFT_RIGHT)), "left-right")
    assert finding.what == "the whole animal: left and right look exchanged"
    assert set(finding.place.keypoints) == {name for pair in LEFT_RIGHT for name in pair}


def test_half_of_all_animals_seen_from_below_are_no_mistakes(drawn: LabelSet, find: Callable[..., Any]):
    """What is seen from two sides has no usual side; only a pair that disagrees with the others is wrong."""
    images = [
        image if number % 2 else replace(image, instances=tuple(map(mirror, image.instances)))
        for number, image in enumerate(drawn.images)
    ]
    assert find(replace(drawn, images=tuple(images)), "left-right") == []


def mirror(instance: LabeledInstance) -> LabeledInstance:
    return replace(instance, keypoints=instance.keypoints * [-1, 1, 1] + [127, 0, 0])


def test_where_no_axis_rules_the_other_pairs_do(find: Callable[..., Any]):
    """Four pairs of legs that all point the same way, on animals seen from above and from below by turns."""
    names = tuple(f"{side}{leg}" for leg in "1234" for side in "LR")
    skeleton = Skeleton("spider", names, symmetries=tuple((f"L{leg}", f"R{leg}") for leg in "1234"))
    random = np.random.default_rng(4)
    images = []
    for number in range(60):
        side = 1 if number % 2 else -1
        points = [[side * x * 10, 8 * leg] for leg in range(4) for x in (-1, 1)] + random.normal(0, 0.5, (8, 2))
        keypoints = np.column_stack([points + 50, np.full(8, 2)])
        if number == 7:
            keypoints[[2, 3]] = keypoints[[3, 2]]
        instance = LabeledInstance(keypoints, (30, 30, 40, 60), 2400)
        images.append(LabeledImage(f"{number}.png", (128, 128), (instance,), "train"))
    (finding,) = find(LabelSet("spiders", skeleton, tuple(images), "", None), "left-right")  # type: ignore[arg-type]
    assert (finding.place.image, finding.place.keypoints) == ("7.png", ("L2", "R2"))
