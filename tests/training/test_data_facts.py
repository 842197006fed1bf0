"""What labels and machine say about how to train."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from poetlab.labels.label_set import LabeledImage, LabeledInstance, LabelSet, Split
from poetlab.project import create_project
from poetlab.skeleton import Skeleton
from poetlab.training.data import TrainingData
from poetlab.training.data_facts import DataFacts, measure_data, measure_machine
from poetlab.training.heading import heading_concentration
from poetlab.training.settings import TrainingConfig
from poetlab.workflow.importing import import_labels

SKELETON = Skeleton("worm", ("head", "middle", "tail"))


def animal(
    angle: float = 0.0, length: float = 20.0, *, is_crowd: bool = False, labeled: bool = True
) -> LabeledInstance:
    """A straight worm around (50, 50) that heads in some direction."""
    along = np.array([math.cos(angle), math.sin(angle)]) * length / 2
    xy = 50 + np.array([along, 0 * along, -along])
    keypoints = np.column_stack([xy, [2, 2, 2]]) if labeled else np.tile([np.nan, np.nan, 0], (3, 1))
    low, high = xy.min(axis=0), xy.max(axis=0)
    return LabeledInstance(keypoints, (*low, *(high - low)), length, is_crowd=is_crowd)


def image(size: tuple[int, int], *animals: LabeledInstance, split: Split = "train") -> LabeledImage:
    return LabeledImage("x.png", size, animals, split)


def facts_of(*images: LabeledImage) -> DataFacts:
    label_set = LabelSet("worms", SKELETON, images, "made up", Path())
    return measure_data(TrainingData([label_set.select("train")], [label_set.select("val")]))


def test_facts_are_counts_and_medians() -> None:
    facts = facts_of(
        image((100, 200), animal(length=10), animal(length=30)),
        image((100, 200), animal(length=50)),
        image((100, 200)),
        image((90, 60)),
        image((100, 200), animal(), animal(), animal(), split="val"),
    )
    assert facts.n_images == 4
    assert facts.n_validation_images == 1
    assert facts.most_animals == 3
    assert facts.image_size == (100, 200)
    assert facts.same_shape == 0.75
    assert facts.animal_length == pytest.approx(30)
    assert math.isnan(facts.heading_concentration)


def test_lengths_in_images_of_several_sizes_are_those_in_the_usual_size() -> None:
    facts = facts_of(*[image((100, 200), animal(length=20))] * 2, *[image((200, 400), animal(length=40))])
    assert facts.animal_length == pytest.approx(20)
    assert facts.same_shape == 1


def test_crowds_and_animals_without_keypoints_do_not_count() -> None:
    facts = facts_of(
        image((100, 200), animal(length=20), animal(length=80, is_crowd=True), animal(length=90, labeled=False))
    )
    assert facts.most_animals == 1
    assert facts.animal_length == pytest.approx(20)
    nobody = facts_of(image((100, 200), animal(labeled=False)))
    assert nobody.most_animals == 0
    assert math.isnan(nobody.animal_length)


def headings(angles: np.ndarray) -> float:
    return heading_concentration(np.array([animal(angle).keypoints for angle in angles]))


def test_headings_all_around_differ_from_one_and_from_two_opposite_ones() -> None:
    random = np.random.default_rng(0)
    assert headings(random.uniform(0, 2 * np.pi, 200)) < 0.2
    assert headings(random.normal(1, 0.2, 200)) > 0.9
    assert headings(random.normal(1, 0.2, 200) + np.pi * random.integers(0, 2, 200)) > 0.8


def test_headings_are_mean_resultant_lengths() -> None:
    angles = np.random.default_rng(1).normal(0, 0.8, 50)
    expected = max(abs(np.exp(1j * angles).mean()), abs(np.exp(2j * angles).mean()))
    assert headings(angles) == pytest.approx(expected)


def test_keypoints_that_are_seldom_labeled_are_no_axis() -> None:
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    keypoints = np.array([animal(angle).keypoints for angle in angles])
    seldom = np.tile([500.0, 0.0, 2.0], (40, 1, 1))
    seldom[10:] = [np.nan, np.nan, 0]
    assert heading_concentration(np.concatenate([keypoints, seldom], axis=1)) < 1e-6


def test_too_few_headings_tell_nothing() -> None:
    assert math.isnan(headings(np.linspace(0, 6, 7)))
    assert not math.isnan(headings(np.linspace(0, 6, 8)))
    assert math.isnan(heading_concentration(np.empty((0, 3, 3))))
    single = np.tile([[5.0, 5.0, 2.0]], (20, 1, 1))
    assert math.isnan(heading_concentration(single)), "one keypoint has no direction"


def test_many_animals_are_sampled() -> None:
    angles = np.linspace(0, 2 * np.pi, 20_000, endpoint=False)
    assert headings(angles) < 0.01


@pytest.mark.parametrize("device", ["cpu", "mps", "xpu"])
def test_half_of_the_machines_memory_is_for_what_is_no_nvidia_gpu(device: str) -> None:
    machine = measure_machine(torch.device(device))
    assert machine.device == "cpu"
    assert machine.memory is None or machine.memory > 10**8


@pytest.mark.gpu
def test_a_gpus_memory_is_what_is_free() -> None:
    if not torch.cuda.is_available():
        pytest.skip("there is no NVIDIA GPU here")
    machine = measure_machine(torch.device("cuda"))
    assert machine.device == "cuda"
    assert machine.memory is not None
    assert machine.memory <= torch.cuda.get_device_properties(0).total_memory


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("labels", "length", "all_around"),
    [
        ("flies_pair/labels_coco.json", 97, True),
        ("mice_pair/labels.slp", 210, True),
        ("mirror_mouse", 365, False),
        ("coco_person", None, False),
    ],
)
def test_real_recordings(
    labels: str, length: float | None, all_around: bool, shared_data: Path, tmp_path: Path
) -> None:
    if labels.endswith(".slp"):
        pytest.importorskip("sleap_io", reason="needs the extra io")
    project = create_project(tmp_path / "project")
    import_labels(project, shared_data / labels, name="labels", val_fraction=0)
    facts = measure_data(TrainingData.from_label_sets(project.label_sets(), TrainingConfig()))
    assert (facts.heading_concentration < 0.5) == all_around
    assert (facts.heading_concentration > 0.9) != all_around
    if length is not None:
        assert facts.animal_length == pytest.approx(length, abs=1)
