"""Drawn label sets, clean at first, and ways to spoil them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from poetlab.checking.checks import run_checks
from poetlab.checking.finding import Finding
from poetlab.drawn.dataset import draw_dataset
from poetlab.labels.importing import import_labels
from poetlab.labels.label_set import LabelSet, load_label_set

Spoil = Callable[..., LabelSet]
Find = Callable[..., list[Finding]]


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> LabelSet:
    """Twenty drawn images of two to four animals, with masks."""
    folder = tmp_path_factory.mktemp("checking")
    draw_dataset(folder / "source", n_images=20, size=(128, 128), seed=11)
    import_labels(folder / "source", folder / "labels", skeleton=None, name="drawn")
    return load_label_set(folder / "labels" / "drawn")


@pytest.fixture
def find() -> Find:
    """`find(label_set, "bones")`: what one check finds, without reading images unless told."""

    def run(label_sets: LabelSet | Sequence[LabelSet], name: str, **options: Any) -> list[Finding]:
        sets = [label_sets] if isinstance(label_sets, LabelSet) else label_sets
        findings = run_checks(sets, names=[name], **({"read_images": False} | options))
        assert {finding.check for finding in findings} <= {name}
        return findings

    return run


@pytest.fixture
def spoil() -> Spoil:
    """`spoil(label_set, image, instance, keypoints=...)`: a copy in which one animal is changed."""

    def change(label_set: LabelSet, image: int, instance: int, **changes: Any) -> LabelSet:
        images = list(label_set.images)
        animals = list(images[image].instances)
        animals[instance] = replace(animals[instance], **changes)
        images[image] = replace(images[image], instances=tuple(animals))
        return replace(label_set, images=tuple(images))

    return change


@pytest.fixture
def whole_animals(drawn: LabelSet) -> list[tuple[int, int]]:
    """Image and number of each drawn animal all of whose keypoints are labeled."""
    return [
        (number, index)
        for number, image in enumerate(drawn.images)
        for index, instance in enumerate(image.instances)
        if instance.n_labeled == drawn.skeleton.n_keypoints
    ]
