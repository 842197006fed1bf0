"""Clean labels give no findings, and real ones only mistakes that are there."""

from dataclasses import replace
from pathlib import Path

import pytest

from poetlab.checking.checks import run_checks
from poetlab.checking.finding import Severity
from poetlab.drawn.dataset import draw_dataset
from poetlab.labels.importing import import_labels
from poetlab.labels.label_set import LabelSet, load_label_set


def imported(source: Path, folder: Path) -> LabelSet:
    import_labels(source, folder, skeleton=None, name="labels", link=True)
    return load_label_set(folder / "labels")


@pytest.mark.parametrize(("seed", "n_images"), [(0, 3), (1, 20), (2, 60)])
def test_drawn_labels_are_clean(tmp_path: Path, seed: int, n_images: int):
    draw_dataset(tmp_path / "source", n_images=n_images, size=(96, 96), seed=seed)
    assert run_checks([imported(tmp_path / "source", tmp_path / "sets")]) == []


def test_every_check_stands_labels_without_animals(drawn: LabelSet):
    empty = LabelSet("empty", drawn.skeleton, (), drawn.area_rule, drawn.images_dir)
    negatives = [image for image in drawn.images if not image.instances]
    assert negatives
    no_animals = replace(drawn, name="negatives", images=tuple(negatives))
    others = replace(drawn, images=tuple(image for image in drawn.images if image.instances))
    assert run_checks([empty, no_animals, others]) == []
    assert {finding.check for finding in run_checks([empty])} <= {"rare"}


@pytest.mark.shared_data
def test_the_flies_have_one_wrong_leg_and_one_exchanged(shared_data: Path, tmp_path: Path):
    """Both were looked at: the clicks of a middle leg lie on the hind leg; the hind legs have each other's names."""
    findings = run_checks([imported(shared_data / "flies_pair" / "labels.slp", tmp_path)])
    serious = [finding for finding in findings if finding.severity is not Severity.NOTE]
    assert {(finding.check, finding.place.image, finding.place.instance) for finding in serious} == {
        ("bones", "video/frame_000241.png", 1),
        ("left-right", "video/frame_000200.png", 1),
    }
    by_check = {finding.check: finding.place.keypoints for finding in serious}
    assert by_check["bones"] == ("midlegR1", "midlegR2")
    assert by_check["left-right"] == tuple(f"hindleg{side}{joint}" for joint in "123" for side in "LR")
    assert {finding.check for finding in findings} == {"bones", "left-right", "duplicates"}
    assert len(findings) == 4


@pytest.mark.shared_data
def test_two_mice_have_a_pair_exchanged(shared_data: Path, tmp_path: Path):
    """Both were looked at: the ears and the other pairs of these mice are the right way round."""
    findings = run_checks([imported(shared_data / "mice_pair" / "labels.slp", tmp_path)])
    assert {(finding.check, finding.place.image, finding.place.keypoints) for finding in findings} == {
        ("left-right", "video/frame_000859.png", ("shoulderL", "shoulderR")),
        ("left-right", "video/frame_001350.png", ("haunchL", "haunchR")),
    }


@pytest.mark.shared_data
@pytest.mark.parametrize(
    "source",
    [
        "mirror_mouse",
        "coco_person",
        "macaque/coco_reference.json",
        *(f"skeleton_samples/{name}" for name in ("atrw", "horse10", "locust", "zebra")),
    ],
)
def test_other_recordings_are_not_found_fault_with(shared_data: Path, tmp_path: Path, source: str):
    assert run_checks([imported(shared_data / source, tmp_path)]) == []
