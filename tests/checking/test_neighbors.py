"""Animals that are labeled in a frame and not in its neighbors, or the other way round."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from poetlab.labels.label_set import LabeledImage, LabeledInstance, LabelSet
from poetlab.skeleton import Skeleton

Find = Callable[..., Any]
SKELETON = Skeleton("mouse", ("nose", "tail"))


def video(
    counts: Sequence[int], step: int, *, at: float = 100.0, names: Sequence[str | None] = (None,) * 9
) -> LabelSet:
    """Frames of one video with some animals each, `step` frames apart."""
    images = []
    for number, count in enumerate(counts):
        instances = tuple(
            LabeledInstance(
                np.array([[at, 100 + 20 * animal, 2], [at + 20, 105 + 20 * animal, 2]]),
                (at, 100.0 + 20 * animal, 20, 10),
                200,
                individual=names[animal],
            )
            for animal in range(count)
        )
        images.append(LabeledImage(f"{number}.png", (400, 400), instances, "train", video="a.mp4", frame=number * step))
    return LabelSet("mice", SKELETON, tuple(images), "", Path())


@pytest.mark.parametrize(("counts", "advice"), [([2, 2, 1, 2], "missing"), ([1, 1, 2, 1], "of its own")])
def test_a_frame_unlike_its_near_neighbors_is_found(find: Find, counts: list[int], advice: str):
    (finding,) = find(video(counts, 5, names=("ada", "bob")), "neighbors")
    assert finding.place.image == "2.png"
    assert "in the labeled frames 5 before and 15 after it (bob)" in finding.what
    assert advice in finding.advice


def test_frames_far_apart_say_nothing(find: Find):
    assert find(video([2, 2, 1, 2, 3, 2, 1, 2, 2, 3, 2, 2], 200), "neighbors") == []


def test_unless_the_video_always_has_the_same_animals(find: Find):
    (finding,) = find(video([2] * 12 + [1] + [2] * 6, 200), "neighbors")
    assert finding.place.image == "12.png"
    assert find(video([2] * 4 + [1] + [2] * 3, 200), "neighbors") == []


def test_animals_may_come_and_go_over_the_border(find: Find):
    assert find(video([2, 2, 1, 2], 5, at=3.0), "neighbors") == []


def test_an_animal_that_leaves_for_good_is_no_finding(find: Find):
    assert find(video([2, 2, 2, 1, 1, 1], 5), "neighbors") == []


def test_without_frame_numbers_nothing_is_said(find: Find):
    labels = video([2, 2, 1, 2], 5)
    images = [LabeledImage(image.file_name, image.size, image.instances, "train") for image in labels.images]
    assert find(LabelSet("mice", SKELETON, tuple(images), "", Path()), "neighbors") == []
