"""What an export refuses, counts, and leaves behind."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from poetlab.errors import LabelError
from poetlab.labels.exporting.formats import LABEL_EXPORT_FORMATS, label_export_format
from poetlab.labels.exporting.losses import LOSSES, count_losses
from poetlab.labels.formats import LABEL_FORMATS
from poetlab.labels.label_set import LabelSet
from poetlab.labels.provenance import Provenance
from poetlab.skeleton import Skeleton

POSE = ((10, 20, 2), (30, 24, 1), (0, 0, 0), (5, 5, 2), (40, 30, 2))
every_format = pytest.mark.parametrize("to", [known.name for known in LABEL_EXPORT_FORMATS])


@pytest.fixture
def label_set(make_label_set, animal, tmp_path: Path) -> LabelSet:
    return make_label_set(tmp_path / "labels", {"cam/a.png": [animal(POSE)], "b.png": [animal(POSE)]})


@every_format
def test_the_import_knows_every_format_by_the_same_name(to: str) -> None:
    assert to in {known.name for known in LABEL_FORMATS}
    assert set(label_export_format(to).lacks) <= set(LOSSES)


def test_an_unknown_format_is_named_with_those_that_are_known() -> None:
    assert label_export_format("labelstudio").name == "label-studio"
    with pytest.raises(LabelError, match="'lightning-pose' is no format to export labels to; known are sleap, coco"):
        label_export_format("lightning-pose")


@every_format
def test_images_are_copied_to_the_last_byte(label_set: LabelSet, export, to: str, tmp_path: Path) -> None:
    exported = export(label_set, to, tmp_path / "out")
    written = sorted(path.read_bytes() for path in exported.folder.rglob("*.png"))
    assert written == sorted(label_set.image_path(image).read_bytes() for image in label_set.images)
    assert [path.name for path in tmp_path.iterdir()] != [".out.partial"]


@every_format
def test_nothing_is_overwritten_and_nothing_is_left_half_written(
    label_set: LabelSet, export, to: str, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("corrections")
    with pytest.raises(LabelError, match="exists, and may hold corrections"):
        export(label_set, to, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]
    label_set.image_path(label_set.images[1]).unlink()
    with pytest.raises(LabelError, match=r"b\.png: the image is missing"):
        export(label_set, to, tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["labels", "out"]


@every_format
def test_no_name_of_an_image_leads_out_of_the_folder(label_set: LabelSet, export, to: str, tmp_path: Path) -> None:
    (tmp_path / "labels" / "lizards" / "secret.png").write_bytes(b"x")
    images = tuple(replace(image, file_name="../secret.png") for image in label_set.images[:1])
    with pytest.raises(LabelError, match="does not stay in the images folder"):
        export(replace(label_set, images=images), to, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_names_that_a_format_would_merge_stay_apart(make_label_set, animal, export, come_back, tmp_path: Path) -> None:
    names = ("a b/c.png", "a_b/c.png", "c.png", "a.png", "A.bmp")
    made = make_label_set(tmp_path / "labels", {name: [animal([(n, 9, 2)] * 5)] for n, name in enumerate(names)})
    for to in ("dlc", "yolo"):
        exported = export(made, to, tmp_path / to)
        after, report = come_back(exported, tmp_path / "labels")
        assert report.update
        assert (report.update.n_changed, report.update.n_added) == (0, 0)
        assert [image.file_name for image in after.images] == list(names)


def test_images_that_ultralytics_does_not_read_are_refused(make_label_set, animal, export, tmp_path: Path) -> None:
    made = make_label_set(tmp_path / "labels", {"a.gif": [animal(POSE)]})
    with pytest.raises(LabelError, match=r"a\.gif: Ultralytics reads no images of this kind"):
        export(made, "yolo", tmp_path / "out")


def test_a_name_that_xml_cannot_hold_is_refused(make_label_set, animal, export, tmp_path: Path) -> None:
    made = make_label_set(tmp_path / "labels", {"a.png": [animal(POSE, individual="a\x01da")]})
    with pytest.raises(LabelError, match="a character that XML cannot hold"):
        export(made, "cvat", tmp_path / "out")


def test_every_loss_is_counted(make_label_set, animal, tmp_path: Path) -> None:
    skeleton = Skeleton("s", ("l", "x", "y"), (("l", "x"),), (("l", "x"),), (0.05, 0.1, 0.05))
    pose = [(10, 20, 2), (30, 24, 1), (0, 0, 0)]
    bare = animal([(1, 1, 2)] * 3)
    bare = replace(bare, keypoints=np.full((3, 3), (np.nan, np.nan, 0)))
    mask = {"size": [48, 64], "counts": "x"}
    images = {
        "a.png": [
            animal(pose, individual="ada", provenance=Provenance("model", 0.5)),
            animal(pose, individual="ada", bbox=(-2, 1, 80, 40), segmentation=mask),
            bare,
            replace(bare, is_crowd=True),
        ],
        "b.png": [],
    }
    made = make_label_set(tmp_path, images, skeleton=skeleton, facts={"b.png": {"video": "v.mp4", "frame": 3}})
    assert count_losses(made, tuple(LOSSES)) == {
        "occluded points (written as visible)": 2,
        "keypoints that no animal has": 1,
        "names of animals": 2,
        "names that stand twice on an image, or that DeepLabCut uses itself": 1,
        "marks and scores of predictions": 1,
        "boxes of animals that are not those around the keypoints": 1,
        "boxes that reach far out of the image": 1,
        "points and boxes that reach out of the image (cut at its edge)": 1,
        "masks": 1,
        "masks that are run lengths": 1,
        "animals without keypoints": 1,
        "regions of crowds": 1,
        "images without animals": 1,
        "videos and frames that images are of": 1,
        "edges of the skeleton": 1,
        "symmetries that are not those of the keypoints' names": 1,
        "sigmas of keypoints": 1,
    }


@every_format
def test_what_a_format_has_no_place_for_stays_in_the_project(
    make_label_set, animal, export, come_back, to: str, tmp_path: Path
) -> None:
    bare = replace(animal([(1, 1, 2)] * 5, bbox=(3, 3, 9, 9)), keypoints=np.full((5, 3), (np.nan, np.nan, 0)))
    mask = [[1.0, 1.0, 50.0, 1.0, 50.0, 40.0]]
    own = animal(POSE, bbox=(2, 2, 44, 40), area=321.0, segmentation=mask, individual="ada")
    images = {"cam.mp4_frame_000007.png": [own, replace(bare, is_crowd=True), bare], "b.png": [], "c.png": [bare]}
    made = make_label_set(tmp_path / "labels", images, facts={"b.png": {"video": "v.mp4", "frame": 3}})
    after, report = come_back(export(made, to, tmp_path / "out"), tmp_path / "labels")
    assert report.update
    assert (report.update.n_added, report.update.n_changed) == (0, 0)
    for before, now in zip(made.images, after.images, strict=True):
        assert (before.file_name, before.video) == (now.file_name, now.video) or now.video == "cam.mp4"
        key = lambda one: (one.is_crowd, one.n_labeled)  # noqa: E731
        for one, other in zip(sorted(before.instances, key=key), sorted(now.instances, key=key), strict=True):
            facts = [(entry.bbox, entry.area, entry.segmentation, entry.individual) for entry in (one, other)]
            assert facts[0] == facts[1]
            np.testing.assert_array_equal(one.keypoints, other.keypoints)


def test_ids_of_images_stay_unlike(label_set: LabelSet, export, tmp_path: Path) -> None:
    exported = export(label_set, "coco", tmp_path / "out")
    content = json.loads((exported.folder / "annotations.json").read_text())
    assert len({image["id"] for image in content["images"]}) == 2
