"""The exported files, opened with the tools' own libraries or by their documented forms, corrected, and imported."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest
import sleap_io
import yaml
from defusedxml.ElementTree import fromstring
from defusedxml.ElementTree import parse as parse_xml

from poetlab.labels.label_set import IMAGES, LabelSet, load_label_set
from poetlab.labels.provenance import Provenance

POSE = ((10.25, 20.5, 2), (30.0, 24.0, 1), (0, 0, 0), (5.5, 5.25, 2), (40, 30, 2))
MODEL = Provenance("model", 0.83, "poetlab", "video.h5", "2026-11-22T15:20:00Z")


def shifted(by: float) -> list[tuple[float, float, int]]:
    return [(x + by, y + by, v) for x, y, v in POSE]


def makers(label_set: LabelSet) -> dict[str, list[str]]:
    return {
        image.file_name: [entry.provenance.made_by if entry.provenance else "" for entry in image.instances]
        for image in label_set.images
    }


@pytest.fixture
def labels_dir(tmp_path: Path) -> Path:
    return tmp_path / "project" / "labels"


@pytest.fixture
def mixed(make_label_set, animal, labels_dir: Path) -> LabelSet:
    """Two predictions on one image, a person's label beside a prediction, a negative, and one found empty."""
    images = {
        "cam/a.png": [animal(shifted(0), provenance=MODEL), animal(shifted(8), provenance=MODEL, individual="ada")],
        "cam/b.png": [animal(shifted(3), provenance=Provenance("human"), individual="ada")],
        "c.png": [animal(shifted(1), provenance=Provenance("human")), animal(shifted(9), provenance=MODEL)],
        "none.png": [],
        "found.png": [],
    }
    return make_label_set(labels_dir, images, facts={"found.png": {"is_found_empty": True}})


def test_sleap_reads_what_a_person_and_what_a_model_has_made(mixed: LabelSet, export, tmp_path: Path) -> None:
    exported = export(mixed, "sleap", tmp_path / "out")
    labels = sleap_io.load_slp(str(exported.folder / "lizards.slp"))
    skeleton = labels.skeleton
    assert (skeleton.name, skeleton.node_names) == ("lizard", list(mixed.skeleton.keypoints))
    assert [tuple(node.name for node in edge) for edge in skeleton.edges] == list(mixed.skeleton.edges)
    assert [sorted(node.name for node in pair.nodes) for pair in skeleton.symmetries] == [["eyeL", "eyeR"]]
    frames = {Path(frame.video.filename[frame.frame_idx]).name: frame for frame in labels}
    assert {name: (len(frame.user_instances), len(frame.predicted_instances)) for name, frame in frames.items()} == {
        "a.png": (0, 2),
        "b.png": (1, 0),
        "c.png": (1, 1),
        "none.png": (0, 0),
    }
    assert frames["none.png"].is_negative
    plain, named = frames["a.png"].predicted_instances
    assert (plain.track, named.track.name, round(plain.score, 6)) == (None, "ada", 0.83)
    (placed,) = frames["b.png"].user_instances
    np.testing.assert_array_equal(placed.points["visible"], [True, False, False, True, True])
    np.testing.assert_array_equal(placed.points["complete"], [True, True, False, True, True])
    np.testing.assert_array_equal(placed.points["xy"][1], [33, 27])
    assert np.isnan(placed.points["xy"][2]).all()
    names = [Path(one.video.filename[one.frame_idx]).name for one in labels.suggestions]
    assert sorted(names) == ["a.png", "c.png", "found.png"]
    assert frames["a.png"].video[frames["a.png"].frame_idx].shape == (48, 64, 3)


def test_a_correction_in_sleap_comes_back_and_the_rest_stays(
    mixed: LabelSet, export, come_back, labels_dir: Path, tmp_path: Path
) -> None:
    exported = export(mixed, "sleap", tmp_path / "out")
    path = exported.folder / "lizards.slp"
    labels = sleap_io.load_slp(str(path))
    for frame in labels:
        name = Path(frame.video.filename[frame.frame_idx]).name
        for predicted in frame.predicted_instances[:1] if name in ("a.png", "c.png") else ():
            points = np.array(predicted.points["xy"]) + (4 if name == "a.png" else 0)
            placed = sleap_io.Instance.from_numpy(points, skeleton=labels.skeleton, from_predicted=predicted)
            placed.points["visible"] = predicted.points["visible"]
            placed.points["complete"] = predicted.points["complete"]
            frame.instances.append(placed)
    sleap_io.save_slp(labels, str(path), verbose=False)
    after, report = come_back(exported, labels_dir)
    assert report.update
    assert (report.update.n_added, report.update.n_changed, report.update.n_gone) == (0, 1, 1)
    assert makers(after) == {
        "cam/a.png": ["corrected", "model"],
        "cam/b.png": ["human"],
        "c.png": ["human", "corrected"],
        "none.png": [],
        "found.png": [],
    }
    corrected, untouched = after.images[0].instances
    np.testing.assert_allclose(corrected.keypoints[0], [14.25, 24.5, 2])
    assert corrected.provenance
    assert (corrected.provenance.score, corrected.provenance.tool) == (0.83, "sleap")
    np.testing.assert_array_equal(untouched.keypoints, mixed.images[0].instances[1].keypoints)
    assert after.images[-1].is_found_empty
    assert [(image.video, image.frame) for image in after.images] == [(None, None)] * 5


def test_a_submitted_task_of_label_studio_comes_back_as_corrected(
    mixed: LabelSet, export, come_back, labels_dir: Path, tmp_path: Path
) -> None:
    exported = export(mixed, "labelstudio", tmp_path / "out")
    path = exported.folder / "tasks.json"
    tasks = json.loads(path.read_text(encoding="utf-8"))
    assert [(len(task["annotations"]), len(task["predictions"])) for task in tasks] == [
        (0, 1),
        (1, 0),
        (0, 1),
        (1, 0),
        (0, 1),
    ]
    assert tasks[0]["predictions"][0]["score"] == 0.83
    address = parse_qs(urlsplit(tasks[0]["data"]["image"]).query)["d"][0]
    assert (exported.folder.parent / address).is_file()
    interface = fromstring((exported.folder / "labeling_interface.xml").read_text(encoding="utf-8"))
    controls = {element.get("name") for element in interface.iter()}
    regions = [
        region for task in tasks for one in task["annotations"] + task["predictions"] for region in one["result"]
    ]
    assert {region["from_name"] for region in regions} <= controls
    assert {label.get("value") for label in interface.iter("Label")} == {"lizard", *mixed.skeleton.keypoints}
    for task in (tasks[0], tasks[4]):
        task["annotations"], task["predictions"] = [{"id": 1, "result": task["predictions"][0]["result"]}], []
    moved = next(region for region in tasks[0]["annotations"][0]["result"] if region["type"] == "keypointlabels")
    moved["value"]["x"] += 100 * 4 / 64
    path.write_text(json.dumps(tasks))
    after, report = come_back(exported, labels_dir)
    assert report.update
    assert (report.update.n_added, report.update.n_changed, report.update.n_gone) == (0, 2, 1)
    assert makers(after)["cam/a.png"] == ["corrected", "corrected"]
    assert makers(after)["c.png"] == ["human", "model"]
    assert not after.images[-1].is_found_empty
    assert after.images[0].instances[0].keypoints[0, 0] == pytest.approx(14.25)


def test_a_correction_in_cvat_comes_back(mixed: LabelSet, export, come_back, labels_dir: Path, tmp_path: Path) -> None:
    exported = export(mixed, "cvat", tmp_path / "out")
    path = exported.folder / "annotations.xml"
    tree = parse_xml(path)
    skeletons = list(tree.getroot().iter("skeleton"))
    assert [one.get("source") for one in skeletons] == ["auto", "auto", "manual", "manual", "auto"]
    attributes = [{one.get("name"): one.text for one in skeleton.findall("attribute")} for skeleton in skeletons]
    assert attributes[1] == {"individual": "ada", "score": "0.83"}
    labels = json.loads((exported.folder / "labels.json").read_text())
    assert [entry["name"] for entry in labels[0]["sublabels"]] == list(mixed.skeleton.keypoints)
    used = {shape.get("label") for image in tree.getroot().iter("image") for shape in image}
    assert used <= {entry["name"] for entry in labels}
    skeletons[0].find("points").set("points", "14.25,20.50")
    tree.write(path)
    after, report = come_back(exported, labels_dir)
    assert report.update
    assert (report.update.n_changed, report.update.n_gone) == (1, 1)
    assert makers(after)["cam/a.png"] == ["corrected", "model"]
    assert after.images[-1].is_found_empty
    np.testing.assert_array_equal(after.images[0].instances[0].keypoints[3], [5.5, 5.25, 2])


@pytest.mark.parametrize(("source", "made_by"), [("auto", "model"), ("semi-auto", "corrected"), ("manual", "model")])
def test_cvat_says_what_a_person_has_confirmed(
    mixed: LabelSet, export, come_back, labels_dir: Path, tmp_path: Path, source: str, made_by: str
) -> None:
    exported = export(mixed, "cvat", tmp_path / "out")
    path = exported.folder / "annotations.xml"
    tree = parse_xml(path)
    next(tree.getroot().iter("skeleton")).set("source", source)
    tree.write(path)
    after, _ = come_back(exported, labels_dir)
    assert makers(after)["cam/a.png"] == [made_by, "model"]


@pytest.mark.parametrize("to", ["coco", "cvat"])
def test_who_made_a_label_comes_into_another_project(
    mixed: LabelSet, export, come_back, tmp_path: Path, to: str
) -> None:
    (image, *others) = mixed.images
    corrected = replace(MODEL, made_by="corrected")
    image = replace(image, instances=(image.instances[0], replace(image.instances[1], provenance=corrected)))
    exported = export(replace(mixed, images=(image, *others)), to, tmp_path / "out")
    after, _ = come_back(exported, tmp_path / "other" / "labels")
    assert makers(after)["cam/a.png"] == ["model", "corrected"]
    assert makers(after)["cam/b.png"] == ["human"]
    assert [one.provenance and one.provenance.score for one in after.images[0].instances] == [0.83, 0.83]


@pytest.mark.parametrize("to", ["coco", "label-studio"])
def test_a_box_around_the_points_moves_with_them(
    make_label_set, animal, export, come_back, labels_dir: Path, tmp_path: Path, to: str
) -> None:
    own = (2.0, 3.0, 50.0, 40.0)
    before = make_label_set(labels_dir, {"a.png": [animal(POSE), animal(shifted(8), bbox=own)]})
    exported = export(before, to, tmp_path / "out")
    if to == "coco":
        path = exported.folder / "annotations.json"
        content = json.loads(path.read_text())
        for entry in content["annotations"]:
            entry["keypoints"][0] += 4
    else:
        path = exported.folder / "tasks.json"
        content = json.loads(path.read_text())
        for region in content[0]["annotations"][0]["result"]:
            if region["type"] == "keypointlabels" and region["id"].endswith("point0"):
                region["value"]["x"] += 100 * 4 / 64
    path.write_text(json.dumps(content))
    after, _ = come_back(exported, labels_dir)
    made, kept = sorted(after.images[0].instances, key=lambda one: one.area)
    low, high = np.nanmin(made.keypoints[:, :2], axis=0), np.nanmax(made.keypoints[:, :2], axis=0)
    np.testing.assert_allclose(made.bbox, [*low, *(high - low)], atol=0.01)
    np.testing.assert_allclose(kept.bbox, own)


def test_deeplabcut_finds_its_project(mixed: LabelSet, export, come_back, labels_dir: Path, tmp_path: Path) -> None:
    exported = export(mixed, "dlc", tmp_path / "out")
    config = yaml.safe_load((exported.folder / "config.yaml").read_text())
    assert config["multianimalproject"]
    assert config["individuals"] == ["ada", "unnamed_1", "unnamed_2"]
    assert config["multianimalbodyparts"] == list(mixed.skeleton.keypoints)
    for video in config["video_sets"]:
        assert (exported.folder / "labeled-data" / Path(video).stem).is_dir()
    stem = exported.folder / "labeled-data" / "cam" / "CollectedData_poetlab"
    table = pd.read_hdf(stem.with_suffix(".h5"))
    assert table.columns.names == ["scorer", "individuals", "bodyparts", "coords"]
    assert list(table.index) == [("labeled-data", "cam", "a.png"), ("labeled-data", "cam", "b.png")]
    place = list(table.columns).index(("poetlab", "ada", "tail", "x"))
    np.testing.assert_array_equal(table.iloc[:, place : place + 2], [[18.25, 28.5], [13.25, 23.5]])
    with stem.with_suffix(".csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert [row[0] for row in rows] == [*table.columns.names, "labeled-data", "labeled-data"]
    table.iloc[0, place] += 4
    table.to_hdf(stem.with_suffix(".h5"), key="df_with_missing", mode="w", format="fixed")
    after, report = come_back(exported, labels_dir)
    assert report.update
    assert (report.update.n_changed, report.update.n_gone) == (1, 2)
    assert sorted(makers(after)["cam/a.png"]) == ["corrected", "model"]
    moved = next(one for one in after.images[0].instances if one.individual == "ada")
    np.testing.assert_array_equal(moved.keypoints[:2], [[22.25, 28.5, 2], [38, 32, 1]])
    assert {one.individual for image in after.images for one in image.instances} == {"ada", None}


def test_one_unnamed_animal_an_image_is_a_single_animal_project(
    make_label_set, animal, export, labels_dir: Path, tmp_path: Path
) -> None:
    exported = export(make_label_set(labels_dir, {"a.png": [animal(POSE)]}), "dlc", tmp_path / "out")
    config = yaml.safe_load((exported.folder / "config.yaml").read_text())
    assert (config["multianimalproject"], config["bodyparts"][0]) == (False, "tail")
    (table,) = (exported.folder / "labeled-data" / "lizards").glob("*.h5")
    assert pd.read_hdf(table).columns.names == ["scorer", "bodyparts", "coords"]


def test_yolo_has_the_form_that_ultralytics_checks(
    mixed: LabelSet, export, come_back, labels_dir: Path, tmp_path: Path
) -> None:
    exported = export(mixed, "yolo", tmp_path / "out")
    config = yaml.safe_load((exported.folder / "data.yaml").read_text())
    assert (config["kpt_shape"], config["flip_idx"], config["names"]) == ([5, 3], [0, 1, 3, 2, 4], {0: "lizard"})
    assert [exported.folder.joinpath(config[split]).is_dir() for split in ("train", "val")] == [True, True]
    images = sorted(path for path in (exported.folder / "images").rglob("*.png"))
    assert len(images) == 5
    for path in images:
        labels = Path(str(path).replace("/images/", "/labels/")).with_suffix(".txt")
        rows = np.array([line.split() for line in labels.read_text().splitlines()], float).reshape(-1, 5 + 3 * 5)
        points = rows[:, 5:].reshape(-1, 5, 3)
        assert ((rows[:, 1:5] >= 0) & (rows[:, 1:5] <= 1)).all()
        assert ((points[..., :2] >= 0) & (points[..., :2] <= 1)).all()
    path = next(exported.folder.rglob("a.txt"))
    values = path.read_text().split()
    values[5] = str(float(values[5]) + 4 / 64)
    values[3] = str(float(values[3]) / 2)
    path.write_text(" ".join(values[:20]) + "\n" + " ".join(values[20:]) + "\n")
    after, report = come_back(exported, labels_dir)
    assert report.update
    assert (report.update.n_added, report.update.n_changed, report.update.n_gone) == (0, 1, 0)
    assert makers(after)["cam/a.png"] == ["corrected", "model"]
    assert [image.is_found_empty for image in after.images] == [False] * 4 + [True]
    confirmed, _ = come_back(exported, labels_dir, confirmed=True)
    assert not any(image.is_unconfirmed for image in confirmed.images)


def test_coco_keeps_everything(mixed: LabelSet, export, come_back, labels_dir: Path, tmp_path: Path) -> None:
    exported = export(mixed, "coco", tmp_path / "out")
    assert exported.losses == {}
    content = json.loads((exported.folder / "annotations.json").read_text())
    assert content["annotations"][0]["provenance"] == MODEL.to_dict()
    after, _ = come_back(exported, tmp_path / "other" / "labels", skeleton=None)
    assert after.skeleton == mixed.skeleton
    assert makers(after) == makers(mixed)
    assert [image.is_found_empty for image in after.images] == [False] * 4 + [True]
    again, report = come_back(exported, labels_dir)
    assert report.update
    assert (report.update.n_changed, report.update.n_gone) == (0, 0)
    assert makers(again) == makers(mixed)
    assert again.images_dir.name == IMAGES
    assert load_label_set(again.images_dir.parent).images[-1].is_found_empty
