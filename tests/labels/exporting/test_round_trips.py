"""Every format brings back what it took, and what it has no place for stays in the project."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import Phase, assume, given, settings

from poetlab.labels.exporting.formats import LABEL_EXPORT_FORMATS
from poetlab.labels.label_set import LabeledInstance, LabelSet
from poetlab.labels.provenance import Provenance
from poetlab.skeleton import Skeleton

QUICK = (Phase.explicit, Phase.generate)
"""Examples are shown as they are found: to make them smaller would take minutes, since each writes many files."""

HEIGHT, WIDTH = 48, 64
FORMATS = [known.name for known in LABEL_EXPORT_FORMATS]
LACKS = {known.name: known.lacks for known in LABEL_EXPORT_FORMATS}
every_format = pytest.mark.parametrize("to", FORMATS)

NAMES = ("ada", "Bob 2", "\u00dcl<&>'\"", "1")

positions = st.tuples(st.floats(0, WIDTH - 1), st.floats(0, HEIGHT - 1))
points = st.tuples(positions, st.sampled_from([0, 1, 2, 2])).map(lambda both: (*both[0], both[1]))
poses = st.lists(points, min_size=5, max_size=5).filter(lambda pose: any(v for _, _, v in pose))
animals = st.tuples(poses, st.sampled_from([None, "human", "corrected", "model"]), st.sampled_from([None, *NAMES]))
image_names = st.sampled_from(["a.png", "cam 1/b.png", "cam 1/c.jpg.png", "x/y/d.png", "cam 2/b.png", "e#%+.png"])
pictures = st.dictionaries(image_names, st.lists(animals, max_size=3), min_size=1, max_size=4).filter(
    lambda images: any(images.values())
)


def assert_same_poses(before: LabelSet, after: LabelSet, *, names: bool, occlusion: bool) -> None:
    """Every animal is there once, within 0.01 pixels."""
    left = list(after.instances)
    for one in before.instances:
        same = [place for place, other in enumerate(left) if is_same(one, other, names=names, occlusion=occlusion)]
        assert same, f"{one.individual}: {one.keypoints}"
        left.pop(same[0])
    assert not left


def is_same(one: LabeledInstance, other: LabeledInstance, *, names: bool, occlusion: bool) -> bool:
    labeled = [entry.keypoints[:, 2] if occlusion else entry.keypoints[:, 2] > 0 for entry in (one, other)]
    is_near = np.allclose(one.keypoints[:, :2], other.keypoints[:, :2], rtol=0, atol=0.01, equal_nan=True)
    return is_near and np.array_equal(*labeled) and (one.individual == other.individual or not names)


def instances_of(drawn: Sequence[Any], animal: Any) -> list[LabeledInstance]:
    """Animals with names that are used once an image."""
    instances = []
    for pose, maker, name in drawn:
        provenance = maker and Provenance(maker, None if maker == "human" else 0.5)
        free = name not in [one.individual for one in instances]
        instances.append(animal(pose, individual=name if free else None, provenance=provenance))
    return instances


@every_format
@given(images=pictures)
@settings(max_examples=8, phases=QUICK)
def test_labels_come_back_into_another_project(
    make_label_set, animal, export, come_back, to: str, images: dict[str, Any]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        labels = {name: instances_of(drawn, animal) for name, drawn in images.items()}
        confirmed = {
            name: [replace(one, provenance=Provenance("human")) for one in entries] for name, entries in labels.items()
        }
        before = make_label_set(Path(folder) / "labels", confirmed)
        exported = export(before, to, Path(folder) / "out")
        after, report = come_back(exported, Path(folder) / "other")
        assert_same_poses(
            before,
            after,
            names="names of animals" not in LACKS[to],
            occlusion="occluded points (written as visible)" not in LACKS[to],
        )
        assert not report.n_unconfirmed
        n_images = before.n_images
        if "images without animals" in LACKS[to]:
            n_images -= exported.losses.get("images without animals", 0)
        assert after.n_images == n_images
        assert not set(report.left_out) - {"image without a labeled point (it may just not be labeled yet)"}


@every_format
@given(images=pictures)
@settings(max_examples=8, phases=QUICK)
def test_labels_that_come_back_unchanged_change_nothing(
    make_label_set, animal, export, come_back, to: str, images: dict[str, Any]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        labels = {name: instances_of(drawn, animal) for name, drawn in images.items()}
        labels_dir = Path(folder) / "labels"
        before = make_label_set(labels_dir, labels)
        exported = export(before, to, Path(folder) / "out")
        confirmed = [image for image in before.images if not image.is_unconfirmed]
        assume(to not in ("sleap", "label-studio") or any(image.instances for image in confirmed))
        after, report = come_back(exported, labels_dir)
        assert report.update
        assert (report.update.n_added, report.update.n_changed, report.update.n_replaced) == (0, 0, 0)
        assert after.n_images == before.n_images
        for one, other in zip(before.images, after.images, strict=True):
            assert one.file_name == other.file_name
            assert one.is_unconfirmed == other.is_unconfirmed
            for known, again in zip(sort(one.instances), sort(other.instances), strict=True):
                np.testing.assert_array_equal(known.keypoints, again.keypoints)
                assert (known.individual, known.bbox, known.area) == (again.individual, again.bbox, again.area)
                made_by = (entry.provenance and entry.provenance.made_by for entry in (known, again))
                assert len(set(made_by) - {None, "human"}) <= 1


def sort(instances: Sequence[LabeledInstance]) -> list[LabeledInstance]:
    return sorted(instances, key=lambda one: np.nan_to_num(one.keypoints).tolist())


keypoint_names = st.lists(
    st.text(st.characters(min_codepoint=33, max_codepoint=500, blacklist_categories=("Cc", "Zs")), min_size=1),
    min_size=2,
    max_size=6,
    unique=True,
)


@every_format
@given(names=keypoint_names, data=st.data())
@settings(max_examples=6, phases=QUICK)
def test_a_skeleton_comes_back(make_label_set, animal, export, come_back, to: str, names: list[str], data) -> None:
    ends = st.tuples(st.sampled_from(names), st.sampled_from(names)).filter(lambda pair: pair[0] != pair[1])
    edges = tuple(data.draw(st.lists(ends, max_size=3, unique=True)))
    pair = data.draw(st.sampled_from([(), ((names[0], names[-1]),)]))
    skeleton = Skeleton("mouse", tuple(names), edges, pair)
    with tempfile.TemporaryDirectory() as folder:
        poses = [animal([(n, 9.0, 2) for n in range(len(names))])]
        before = make_label_set(Path(folder) / "labels", {"a.png": poses}, skeleton=skeleton)
        exported = export(before, to, Path(folder) / "out")
        after, _ = come_back(exported, Path(folder) / "other", skeleton=None)
    assert after.skeleton.keypoints == skeleton.keypoints
    told = set(exported.losses)
    if "edges of the skeleton" not in told:
        assert set(after.skeleton.edges) == set(edges)
    if "symmetries that are not those of the keypoints' names" not in told:
        assert set(map(frozenset, after.skeleton.symmetries)) == set(map(frozenset, skeleton.symmetries))
    if "sigmas of keypoints" not in told:
        assert after.skeleton.sigmas == skeleton.sigmas
