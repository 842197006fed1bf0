"""Reading Label Studio's JSON export: written here in its documented form, and by sleap-io."""

import base64
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from poetlab.errors import LabelError, PoetlabError
from poetlab.labels.coco import matches_coco
from poetlab.labels.importing import import_labels
from poetlab.labels.label_set import load_label_set
from poetlab.labels.label_studio import matches_label_studio, read_label_studio
from poetlab.labels.sleap import read_sleap

WIDTH, HEIGHT = 64, 48

Regions = list[dict[str, Any]]


def region(name: str, kind: str, value: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A region as Label Studio writes it."""
    about = {"original_width": WIDTH, "original_height": HEIGHT, "image_rotation": 0, "origin": "manual"}
    return about | {"id": name, "type": kind, "from_name": "kp", "to_name": "image", "value": value} | more


def keypoint(label: str, x: float, y: float, name: str = "", *, hidden: bool = False, **more: Any) -> dict[str, Any]:
    value = {"x": x / WIDTH * 100, "y": y / HEIGHT * 100, "width": 0.5, "keypointlabels": [label]}
    return region(name or f"{label}{x}", "keypointlabels", value | ({"hidden": True} if hidden else {}), **more)


def box(
    name: str, x: float, y: float, width: float, height: float, label: str = "mouse", **more: Any
) -> dict[str, Any]:
    value = {"x": x / WIDTH * 100, "y": y / HEIGHT * 100, "width": width / WIDTH * 100, "height": height / HEIGHT * 100}
    return region(name, "rectanglelabels", value | {"rotation": 0, "rectanglelabels": [label]}, **more)


def relation(first: str, second: str) -> dict[str, Any]:
    return {"from_id": first, "to_id": second, "type": "relation", "direction": "right"}


def about(name: str, control: str, kind: str, *texts: str) -> dict[str, Any]:
    """A choice or text for one region, which has the region's own id."""
    return region(name, kind, {"choices" if kind == "choices" else "text": list(texts)}, from_name=control)


def annotation(result: Regions, **more: Any) -> dict[str, Any]:
    return {"id": 1, "result": result, "was_cancelled": False, "ground_truth": False, "completed_by": 1} | more


def task(result: Regions | None, image: str = "/data/upload/3/0a1b2c3d-a.png", **more: Any) -> dict[str, Any]:
    annotations = [] if result is None else [annotation(result)]
    return {"id": 10, "annotations": annotations, "drafts": [], "predictions": [], "data": {"image": image}} | more


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes an export of these tasks."""

    def make(*tasks: Any) -> Path:
        path = tmp_path / "project" / "export.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(tasks))
        return path

    return make


SINGLE = [keypoint("nose", 10, 20), keypoint("tail", 30.5, 24, hidden=True)]


def animals(path: Path) -> list[list[list[float]]]:
    """The keypoints of every animal."""
    return [
        np.round(instance.keypoints, 6).tolist()
        for image in read_label_studio(path).images
        for instance in image.instances
    ]


def test_a_single_animal_needs_no_group(write) -> None:
    path = write(task(SINGLE), task([SINGLE[1]], "/data/upload/3/b.png"))
    assert matches_label_studio(path)
    assert not matches_coco(path)
    labels = read_label_studio(path)
    assert (labels.skeleton.name, labels.skeleton.keypoints) == ("export", ("nose", "tail"))
    assert [(image.file_name, image.size) for image in labels.images] == [
        ("0a1b2c3d-a.png", (48, 64)),
        ("b.png", (48, 64)),
    ]
    assert animals(path) == [[[10, 20, 2], [30.5, 24, 1]], [[0, 0, 0], [30.5, 24, 1]]]
    assert labels.left_out.summary() == {}


FIRST, SECOND = [[10.0, 20.0, 2.0], [11.0, 21.0, 2.0]], [[40.0, 30.0, 2.0], [41.0, 31.0, 2.0]]


def pair(**parents: str) -> Regions:
    """The keypoints of two animals, in an order that tells nothing."""
    points = {"n1": ("nose", 10, 20), "n2": ("nose", 40, 30), "t2": ("tail", 41, 31), "t1": ("tail", 11, 21)}
    return [
        keypoint(*values, name, **({"parentID": parents[name]} if name in parents else {}))
        for name, values in points.items()
    ]


BOXES = [box("b1", 5, 15, 12, 10), box("b2", 35, 25, 12, 10)]


@pytest.mark.parametrize(
    "result",
    [
        [*pair(n1="b1", t1="b1", n2="b2", t2="b2"), *BOXES],
        [*pair(), *BOXES, relation("n1", "b1"), relation("b1", "t1"), relation("n2", "b2"), relation("t2", "b2")],
        [*pair(), *BOXES, relation("n1", "t1"), relation("n1", "b1"), relation("t2", "n2"), relation("b2", "n2")],
        [*pair(), *BOXES],
        [*pair(n1="polygon1", t1="polygon1", n2="polygon2", t2="polygon2")],
        [keypoint("nose", 10, 20), keypoint("tail", 11, 21), keypoint("nose", 40, 30), keypoint("tail", 41, 31)],
    ],
    ids=["parents", "relations", "chains", "boxes around them", "parents that are not read", "order"],
)
def test_keypoints_are_grouped_to_animals(write, result: Regions) -> None:
    path = write(task(result))
    assert sorted(animals(path)) == [FIRST, SECOND]
    boxes = [instance.bbox for image in read_label_studio(path).images for instance in image.instances]
    if any(one["type"] == "rectanglelabels" for one in result):
        assert sorted(boxes) == [pytest.approx((5, 15, 12, 10)), pytest.approx((35, 25, 12, 10))]
    else:
        assert boxes == [None, None]
    assert read_label_studio(path).left_out.summary() == {}


@pytest.mark.parametrize(
    "result",
    [
        pair(),
        [*pair(), box("b1", 0, 0, 60, 40), box("b2", 0, 0, 60, 45)],
        [*pair(), BOXES[0], box("b3", 0, 0, 2, 2)],
        [*pair(), BOXES[0]],
        [keypoint("point", x, 1) for x in range(4)],
    ],
    ids=["in no order", "in two boxes", "in no box", "one box", "one name"],
)
def test_keypoints_that_nothing_groups_leave_their_image_out(write, result: Regions) -> None:
    labels = read_label_studio(write(task(SINGLE, "ok.png"), task(result)))
    assert [image.file_name for image in labels.images] == ["ok.png"]
    reason = "image with keypoints of several animals that nothing tells apart"
    assert labels.left_out.summary() == {reason: (1, ("0a1b2c3d-a.png",))}


def test_a_single_box_gets_the_keypoints_of_a_single_animal(write) -> None:
    (image,) = read_label_studio(write(task([*SINGLE, box("b", 0, 0, 20, 20)]))).images
    assert [instance.bbox for instance in image.instances] == [pytest.approx((0, 0, 20, 20))]


def test_labels_of_boxes_are_names_where_none_repeats(write) -> None:
    named = [
        *pair(n1="b1", t1="b1", n2="b2", t2="b2"),
        box("b1", 5, 15, 12, 10, "Ada"),
        box("b2", 35, 25, 12, 10, "Bo"),
    ]
    (image,) = read_label_studio(write(task(named))).images
    assert {instance.individual for instance in image.instances} == {"Ada", "Bo"}
    repeated = [*named, box("b3", 1, 1, 2, 2, "Bo"), keypoint("nose", 2, 2, parentID="b3")]
    labels = read_label_studio(write(task(named, "b.png"), task(repeated)))
    assert {instance.individual for image in labels.images for instance in image.instances} == {None}
    reason = "label of an animal's box (several share one skeleton)"
    assert labels.left_out.summary() == {reason: (5, ("Ada", "Bo"))}


def test_choices_and_texts_for_one_region_are_read(write) -> None:
    result = [
        *pair(n1="b1", t1="b1", n2="b2", t2="b2"),
        *BOXES,
        about("b1", "individual", "textarea", "Ada"),
        about("t1", "state", "choices", "Occluded"),
        about("t2", "state", "choices", "sharp"),
    ]
    path = write(task(result))
    (image,) = read_label_studio(path).images
    assert {instance.individual for instance in image.instances} == {"Ada", None}
    assert sorted(animals(path)) == [[[10, 20, 2], [11, 21, 1]], SECOND]


def test_what_is_no_animal_is_counted(write) -> None:
    cage = keypoint("corner", 1, 1)
    polygon = region("p", "polygonlabels", {"points": [[1, 2]], "polygonlabels": ["cage"]})
    turned = box("b4", 1, 1, 2, 2)
    turned["value"]["rotation"] = 30
    unnamed = keypoint("nose", 5, 5)
    unnamed["value"]["keypointlabels"] = []
    wide = box("b5", 0, 0, 6400, 4800)
    result = [*pair(n1="b1", t1="b1", n2="b2", t2="b2"), *BOXES, cage, polygon, turned, unnamed, wide]
    arena = box("b6", 0, 0, 60, 40, "arena")
    path = write(task([*result, relation("b1", "b2")]), task([*SINGLE, arena, relation("nose10", "tail30.5")], "b.png"))
    labels = read_label_studio(path)
    assert labels.skeleton.keypoints == ("nose", "tail")
    assert [len(image.instances) for image in labels.images] == [2, 1]
    assert labels.left_out.summary() == {
        "region that is neither keypoint nor box (polygonlabels)": (1, ("task 10",)),
        "turned box": (1, ("task 10",)),
        "region without a label, or with several": (1, ("task 10",)),
        "box that reaches out of its image": (1, ("task 10",)),
        "relation between two boxes": (1, ("task 10",)),
        "box of a label that never has keypoints": (1, ("b.png: arena",)),
        "keypoint that is no animal's (the animals' are linked, and have other names)": (1, ("0a1b2c3d-a.png",)),
    }


def test_only_what_a_person_has_submitted_is_read(write) -> None:
    moved = [keypoint("nose", 1, 1)]
    several = [
        annotation(SINGLE, updated_at="2026-03-02T00:00:00Z"),
        annotation(moved, updated_at="2026-03-01T00:00:00Z", ground_truth=True),
        annotation(SINGLE, was_cancelled=True),
    ]
    path = write(
        task(None, "a.png", annotations=several),
        task([], "empty.png"),
        task(None, "b.png", predictions=[{"result": SINGLE}], id=11),
        task(None, "c.png", drafts=[{"result": SINGLE}], id=12),
        task(None, "d.png", annotations=[annotation(SINGLE, was_cancelled=True)], id=13),
        task(None, "e.png", id=14),
        {"id": 15, "completions": [{"result": SINGLE}], "data": {"image": "f.png"}},
    )
    labels = read_label_studio(path)
    assert [(image.file_name, len(image.instances)) for image in labels.images] == [
        ("a.png", 1),
        ("empty.png", 0),
        ("f.png", 1),
    ]
    np.testing.assert_allclose(labels.images[0].instances[0].keypoints[0], [1, 1, 2])
    assert labels.left_out.summary() == {
        "annotation beside the one that is used (ground truth, or the latest)": (1, ("task 10",)),
        "task with predictions that no person has confirmed": (1, ("task 11",)),
        "task whose labels are a draft that was not submitted": (1, ("task 12",)),
        "task that was skipped": (1, ("task 13",)),
        "task that nobody has labeled": (1, ("task 14",)),
    }
    with pytest.raises(LabelError, match=r"no keypoint in it can be used \(task with predictions"):
        read_label_studio(write(task(None, predictions=[{"result": SINGLE}])))


ENCODED = base64.b64encode(b"s3://bucket/day 1/cam/a.png").decode()


@pytest.mark.parametrize(
    ("written", "lies_at", "stored"),
    [
        ("/data/upload/3/0a1b2c3d-a.png", "0a1b2c3d-a.png", "0a1b2c3d-a.png"),
        ("/data/upload/3/0a1b2c3d-a.png", "a.png", "0a1b2c3d-a.png"),
        ("upload/3/0a1b2c3d-a.png", "images/a.png", "0a1b2c3d-a.png"),
        ("/data/upload/a.png", "a.png", "a.png"),
        ("/data/local-files/?d=data/day%201/cam/a.png", "day 1/cam/a.png", "data/day 1/cam/a.png"),
        ("/data/local-files/?d=data/day 1/cam/a.png", "images/data/day 1/cam/a.png", "data/day 1/cam/a.png"),
        ("http://localhost:8080/data/local-files/?d=cam/a.png", "cam/a.png", "cam/a.png"),
        ("https://example.com/cam/a.png?token=x.png", "a.png", "cam/a.png"),
        ("s3://bucket/cam/a%20b.png", "cam/a b.png", "cam/a b.png"),
        (f"/tasks/3/resolve/?fileuri={ENCODED}", "cam/a.png", "day 1/cam/a.png"),
        ("/home/me/cam/a.png", "cam/a.png", "home/me/cam/a.png"),
        (r"C:\cam\a.png", "cam/a.png", "cam/a.png"),
        ("cam/a.png", "cam/a.png", "cam/a.png"),
    ],
)
def test_images_are_found_by_the_end_of_their_path(
    write, make_image, tmp_path: Path, written: str, lies_at: str, stored: str
) -> None:
    path = write(task(SINGLE, written))
    file = make_image(path.parent / lies_at)
    report = import_labels(path, tmp_path / "labels", skeleton=None)
    assert (report.name, report.format, report.left_out) == ("export", "label-studio", {})
    (image,) = load_label_set(report.folder).images
    assert image.file_name == stored
    assert (report.folder / "images" / stored).read_bytes() == file.read_bytes()


@pytest.mark.parametrize(
    "written",
    [
        "/data/local-files/?d=../../secret.png",
        "/data/local-files/?d=%2e%2e/a.png",
        "https://a.org/..%2fa.png",
        "../a.png",
    ],
)
def test_paths_that_lead_out_are_refused(write, make_image, tmp_path: Path, written: str) -> None:
    make_image(tmp_path / "secret.png")
    make_image(tmp_path / "a.png")
    with pytest.raises(LabelError, match="does not stay in the images folder"):
        import_labels(write(task(SINGLE, written)), tmp_path / "labels", skeleton=None)


def test_an_image_that_is_nowhere_is_named(write, tmp_path: Path) -> None:
    with pytest.raises(LabelError, match=r"none of its 1 images \(such as cam/a.png\) is in .*; give --images"):
        import_labels(write(task(SINGLE, "https://example.com/cam/a.png")), tmp_path / "labels", skeleton=None)


def changed(path: Sequence[Any], value: Any) -> dict[str, Any]:
    """A task in which one thing is another."""
    content = task([keypoint("nose", 10, 20, "n"), keypoint("tail", 30, 24, "t")])
    place: Any = content
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return content


FIRST_REGION = ("annotations", 0, "result", 0)


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (changed((*FIRST_REGION, "image_rotation"), 90), "task 10: was turned in Label Studio"),
        (changed((*FIRST_REGION, "original_width"), 10), "has regions on images of"),
        (changed((*FIRST_REGION, "value"), {"keypointlabels": ["a"]}), "KeyError: 'x'"),
        (changed((*FIRST_REGION, "value"), None), "AttributeError"),
        (changed((*FIRST_REGION, "original_width"), None), "TypeError"),
        (changed(("annotations", 0), {}), "KeyError: 'result'"),
        (changed(("annotations",), 4), "its annotations are no list"),
        (changed(("annotations", 0, "result"), [7]), "TypeError"),
        (changed(("data",), {}), "task 10: names no images in its data"),
        (changed(("data",), {"a": "a.png", "b": "b.png"}), "names 2 images"),
        (changed(("data",), {"image": "data:image/png;base64,AAAA"}), "has its image inside of the export"),
        ({"id": 3, "image": "a.png", "kp": []}, "has neither data nor annotations; export it as JSON, and not as"),
        (task([*pair(n1="b1", n2="b1", t1="b1", t2="b2"), *BOXES]), "an animal has 'nose' 2 times"),
        (task([keypoint("nose", 1, 1, "n", parentID="b1"), *BOXES, relation("n", "b2")]), "has 'box' 2 times"),
        (5, "entry 1 of its list is no object"),
    ],
)  # fmt: skip
def test_what_is_no_export_is_refused_in_one_line(write, tmp_path: Path, one: Any, reason: str) -> None:
    path = write(one)
    with pytest.raises(PoetlabError, match=reason) as caught:
        import_labels(path, tmp_path / "labels", skeleton=None, label_format="label-studio")
    assert "export.json" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "labels").exists()


def test_one_name_for_two_files_is_refused(write) -> None:
    tasks = [task(SINGLE, f"https://{host}.org/a.png") for host in ("one", "two")]
    with pytest.raises(LabelError, match=r"would both be a\.png"):
        read_label_studio(write(*tasks))


def test_other_json_is_not_an_export(write_coco, tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text('[{"image_id": 1, "keypoints": []}]')
    assert not any(matches_label_studio(path) for path in (tmp_path / "results.json", write_coco(), tmp_path))


points = st.tuples(st.floats(0, 1919), st.floats(0, 1079), st.booleans())


@given(st.lists(st.lists(points, min_size=2, max_size=2), min_size=1, max_size=3))
def test_percent_keep_the_position(tmp_path_factory: pytest.TempPathFactory, poses) -> None:
    size = {"original_width": 1920, "original_height": 1080}
    result: Regions = []
    for number, pose in enumerate(poses):
        result.append(box(f"b{number}", number, number, 10, 10))
        for name, (x, y, hidden) in zip(("nose", "tail"), pose, strict=True):
            one = keypoint(name, x * WIDTH / 1920, y * HEIGHT / 1080, f"{name}{number}", hidden=hidden)
            result.append(one | {"parentID": f"b{number}"})
    path = tmp_path_factory.mktemp("project") / "export.json"
    path.write_text(json.dumps([task([one | size for one in result])]))
    (image,) = read_label_studio(path).images
    expected = [[[x, y, 1 if hidden else 2] for x, y, hidden in pose] for pose in poses]
    found = [instance.keypoints for instance in image.instances]
    np.testing.assert_allclose(np.array(found), np.array(expected), atol=0.01)


@pytest.mark.shared_data
def test_a_real_project_that_sleap_io_writes_reads_like_the_project(shared_data: Path, tmp_path: Path) -> None:
    import sleap_io

    source = shared_data / "mice_pair" / "labels.slp"
    sleap_io.save_file(sleap_io.load_slp(str(source)), str(tmp_path / "mice.json"))
    reference, labels = read_sleap(source), read_label_studio(tmp_path / "mice.json")
    assert set(labels.skeleton.keypoints) == set(reference.skeleton.keypoints)
    order = [labels.skeleton.keypoints.index(name) for name in reference.skeleton.keypoints]
    assert len(labels.images) == len(reference.images) == 10
    by_frame = {image.frame: image for image in labels.images}
    for image in reference.images:
        other = by_frame[image.frame]
        assert (other.video, other.file_name) == (image.video, image.file_name)
        for one, two in zip(image.instances, other.instances, strict=True):
            labeled = one.keypoints[:, 2] > 0
            np.testing.assert_array_equal(two.keypoints[order, 2] > 0, labeled)
            np.testing.assert_allclose(two.keypoints[order][labeled, :2], one.keypoints[labeled, :2], atol=1e-6)
    reason = "box that reaches out of its image"
    assert labels.left_out.summary()[reason][0] == 20  # sleap-io writes pixels where Label Studio has percent


@pytest.mark.parametrize(
    ("origins", "more", "made_by"),
    [
        (("manual", "manual"), {}, "human"),
        (("prediction", "prediction"), {}, "corrected"),
        (("prediction", "prediction-changed"), {}, "corrected"),
        (("manual", "prediction"), {}, "corrected"),
        (("manual", "manual"), {"parent_prediction": 4}, "human"),
        ((None, None), {"parent_prediction": 4}, "corrected"),
        ((None, None), {}, "human"),
    ],
)
def test_the_origin_of_its_regions_says_who_made_an_animal(
    tmp_path: Path, origins: tuple[str | None, ...], more: dict[str, Any], made_by: str
) -> None:
    other = [keypoint("nose", 5, 5, "n2", origin="manual"), keypoint("tail", 6, 6, "t2", origin="manual")]
    animal = [keypoint("nose", 50, 40, "n1", origin=origins[0]), keypoint("tail", 40, 40, "t1", origin=origins[1])]
    animal[1]["score"] = 0.7
    links = [relation("n1", "t1"), relation("n2", "t2")]
    path = tmp_path / "export.json"
    path.write_text(json.dumps([task(None, annotations=[annotation([*animal, *other, *links], **more)])]))
    (image,) = read_label_studio(path).images
    stated = [instance.provenance for instance in image.instances]
    assert [one and one.made_by for one in stated] == [made_by, "human"]
    assert stated[0]
    assert stated[0].score == (0.7 if made_by == "corrected" else None)
