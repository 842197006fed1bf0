"""Reading COCO keypoint JSON of any tool."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from poetlab.errors import LabelError, SkeletonError
from poetlab.labels.coco import matches_coco, read_coco
from poetlab.skeleton import load_skeleton

CATEGORY = {"id": 1, "name": "mouse", "keypoints": ["nose", "left_ear", "right_ear"]}


def only_instance(path: Path):
    (image,) = read_coco(path).images
    (instance,) = image.instances
    return instance


def test_reads_an_annotation_as_it_is(write_coco) -> None:
    labels = read_coco(write_coco())
    assert labels.skeleton.name == "mouse"
    assert labels.skeleton.keypoints == ("nose", "left_ear", "right_ear")
    assert labels.skeleton.edges == (("nose", "left_ear"), ("nose", "right_ear"))
    assert labels.skeleton.symmetries == (("left_ear", "right_ear"),)
    assert labels.left_out.summary() == {}
    (image,) = labels.images
    assert (image.file_name, image.size) == ("a.png", (48, 64))
    (instance,) = image.instances
    np.testing.assert_array_equal(instance.keypoints, [[10, 20, 2], [30, 24, 1], [0, 0, 0]])
    assert (instance.bbox, instance.area, instance.is_crowd) == ((8, 18, 30, 20), 500, False)
    assert instance.segmentation == [[8, 18, 38, 18, 38, 38, 8, 38]]
    assert instance.individual is None


@pytest.mark.parametrize("base", [0, 1])
def test_edges_count_from_one_unless_one_of_them_is_zero(write_coco, base: int) -> None:
    edges = [[base, base + 1], [base + 1, base + 2]]
    labels = read_coco(write_coco(categories=[CATEGORY | {"skeleton": edges}]))
    assert labels.skeleton.edges == (("nose", "left_ear"), ("left_ear", "right_ear"))


@pytest.mark.parametrize("edges", [[[1, 4]], [[0, 3]], [[-1, 2]]])
def test_an_edge_to_a_keypoint_that_is_not_there_is_refused(write_coco, edges) -> None:
    with pytest.raises(LabelError, match="there are 3 keypoints"):
        read_coco(write_coco(categories=[CATEGORY | {"skeleton": edges}]))


def test_a_skeleton_that_poetlab_wrote_keeps_its_symmetries_and_sigmas(write_coco) -> None:
    own = {"symmetries": [["nose", "right_ear"]], "sigmas": [0.1, 0.2, 0.3]}
    skeleton = read_coco(write_coco(categories=[CATEGORY | own])).skeleton
    assert skeleton.symmetries == (("nose", "right_ear"),)
    assert skeleton.sigmas == (0.1, 0.2, 0.3)


def test_several_categories_with_the_same_keypoints_are_one_skeleton(write_coco, annotation) -> None:
    categories = [CATEGORY, CATEGORY | {"id": 2, "name": "rat", "skeleton": [[1, 2]]}]
    annotations = [annotation(), annotation(id=8, category_id=2)]
    labels = read_coco(write_coco(categories=categories, annotations=annotations))
    assert labels.skeleton.name == "labels"
    assert labels.skeleton.edges == (("nose", "left_ear"),)
    assert len(labels.images[0].instances) == 2
    assert labels.left_out.summary() == {"category of an animal (several share one skeleton)": (2, ("mouse", "rat"))}


@pytest.mark.parametrize(
    ("keypoints", "reason"),
    [
        (["nose", "left_ear", "tail"], "only one of them has right_ear, tail"),
        (["left_ear", "nose", "right_ear"], "the same names in another order"),
    ],
)
def test_several_skeletons_are_refused_by_what_differs(write_coco, annotation, keypoints, reason: str) -> None:
    categories = [CATEGORY, {"id": 2, "name": "rat", "keypoints": keypoints}]
    annotations = [annotation(), annotation(id=8, category_id=2)]
    path = write_coco(categories=categories, annotations=annotations)
    with pytest.raises(LabelError, match="'mouse' and 'rat' have different keypoints") as caught:
        read_coco(path)
    assert reason in str(caught.value)
    assert str(caught.value).startswith(str(path))


def test_a_category_that_no_annotation_uses_does_not_disagree(write_coco) -> None:
    categories = [{"id": 2, "name": "rat", "keypoints": ["tail"]}, CATEGORY]
    assert read_coco(write_coco(categories=categories)).skeleton.name == "mouse"


def test_annotations_of_categories_without_keypoints_are_counted(write_coco, annotation) -> None:
    annotations = [annotation(), annotation(id=8, category_id=3), annotation(id=9, category_id=4)]
    labels = read_coco(write_coco(categories=[CATEGORY, {"id": 3, "name": "cup"}], annotations=annotations))
    reason = "annotation of a category without keypoints"
    assert labels.left_out.summary() == {reason: (2, ("category cup", "category 4"))}
    assert len(labels.images[0].instances) == 1


def test_a_missing_category_id_is_the_only_category(write_coco, annotation) -> None:
    assert only_instance(write_coco(annotations=[annotation(category_id=None)])).area == 500


def test_annotations_of_unknown_images_are_counted(write_coco, annotation) -> None:
    annotations = [annotation(), annotation(id=8, image_id=5), annotation(id=9, image_id=None)]
    labels = read_coco(write_coco(annotations=annotations))
    reason = "annotation of an image that the file does not list"
    assert labels.left_out.summary() == {reason: (2, ("annotation 8", "annotation 9"))}


def test_images_without_annotations_are_kept_as_negatives(write_coco) -> None:
    images = [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "b.png", "width": 64.0, "height": 48.0}]
    labels = read_coco(write_coco(images=images))
    assert [(image.file_name, image.size, len(image.instances)) for image in labels.images] == [
        ("a.png", None, 1),
        ("b.png", (48, 64), 0),
    ]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (391895, 391895),
        (0, 0),
        (2**53 - 1, 2**53 - 1),
        (2**53, None),
        (-1, None),
        ("7", None),
        (7.0, None),
        (True, None),
    ],
)
def test_an_image_keeps_an_id_that_every_reader_takes_exactly(write_coco, annotation, written, read) -> None:
    images = [{"id": written, "file_name": "a.png"}]
    (image,) = read_coco(write_coco(images=images, annotations=[annotation(image_id=written)])).images
    assert (image.id, len(image.instances)) == (read, 1)


@pytest.mark.parametrize("changes", [{"keypoints": None}, {"keypoints": []}, {"keypoints": [0] * 9}])
def test_an_animal_without_keypoints_is_kept(write_coco, annotation, changes) -> None:
    instance = only_instance(write_coco(annotations=[annotation(num_keypoints=0, **changes)]))
    np.testing.assert_array_equal(instance.keypoints, np.zeros((3, 3)))
    assert instance.bbox == (8, 18, 30, 20)


@pytest.mark.parametrize("segmentation", [None, "", "[]", [], {}])
def test_an_empty_segmentation_is_none(write_coco, annotation, segmentation) -> None:
    assert only_instance(write_coco(annotations=[annotation(segmentation=segmentation)])).segmentation is None


@pytest.mark.parametrize("counts", [[10, 20, 3042], "0123"])
def test_crowd_masks_are_kept_verbatim(write_coco, annotation, counts) -> None:
    mask = {"size": [48, 64], "counts": counts}
    instance = only_instance(write_coco(annotations=[annotation(iscrowd=1, segmentation=mask)]))
    assert instance.is_crowd
    assert instance.segmentation == mask


@pytest.mark.parametrize("bbox", [None, [], [0, 0, 0, 0], [1, 2, 0, 5], [1, float("nan"), 3, 4]])
def test_a_box_that_is_none_is_none(write_coco, annotation, bbox) -> None:
    assert only_instance(write_coco(annotations=[annotation(bbox=bbox)])).bbox is None


@pytest.mark.parametrize("area", [None, 0, -3, float("nan"), float("inf")])
def test_an_area_that_is_none_is_none(write_coco, annotation, area) -> None:
    assert only_instance(write_coco(annotations=[annotation(area=area)])).area is None


def test_points_that_are_not_numbers_are_left_to_the_check(write_coco, annotation) -> None:
    keypoints = [None, None, 2, float("nan"), 3, 2, float("inf"), 4, 1]
    instance = only_instance(write_coco(annotations=[annotation(keypoints=keypoints)]))
    np.testing.assert_array_equal(instance.keypoints, [[np.nan, np.nan, 2], [np.nan, 3, 2], [np.inf, 4, 1]])


@pytest.mark.parametrize(("individual", "name"), [("Mia", "Mia"), (3, "3"), (None, None)])
def test_the_individual_is_kept_as_a_name(write_coco, annotation, individual, name) -> None:
    assert only_instance(write_coco(annotations=[annotation(individual=individual)])).individual == name


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"keypoints": [1, 2, 2]}, "annotation 7: 3 keypoint values where 3 keypoints of x, y, visibility need 9"),
        ({"keypoints": [1, 2, 3] * 3}, "annotation 7: the visibility 3 is none of 0, 1 and 2"),
        ({"keypoints": ["a", 2, 2] * 3}, "annotation 7: could not convert"),
        ({"keypoints": {"nose": [1, 2]}}, "annotation 7: "),
        ({"bbox": [1, 2, 3]}, "annotation 7: not enough values"),
        ({"area": "large"}, "annotation 7: could not convert"),
        ({"area": 10**400}, "annotation 7: "),
    ],
)
def test_a_malformed_annotation_is_named(write_coco, annotation, changes, reason: str) -> None:
    path = write_coco(annotations=[annotation(**changes)])
    with pytest.raises(LabelError, match="correct or remove it") as caught:
        read_coco(path)
    assert str(caught.value).startswith(f"{path}: {reason}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"images": None}, "has no list 'images'"),
        ({"annotations": {}}, "has no list 'annotations'"),
        ({"categories": None}, "has no list 'categories'"),
        ({"categories": [{"id": 1, "name": "cup"}]}, "no category lists keypoints"),
        ({"categories": [CATEGORY | {"keypoints": ["nose", "nose", "ear"]}]}, "must be unique, repeated: nose"),
        ({"annotations": [5]}, "entry 1 of its list 'annotations' is no object"),
        ({"images": [{"id": 1}]}, "KeyError: 'file_name'"),
        ({"images": [{"id": 1, "file_name": 5}]}, "image 1 has the file name 5"),
        ({"images": [{"id": 1, "file_name": "a"}, {"id": 1, "file_name": "b"}]}, "'a' and 'b' share the id 1"),
    ],
)
def test_what_is_not_coco_is_refused_in_one_line(write_coco, changes, reason: str) -> None:
    path = write_coco(**changes)
    with pytest.raises((LabelError, SkeletonError), match=re.escape(reason)) as caught:
        read_coco(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_coco_is_known_by_its_content(write_coco, tmp_path: Path) -> None:
    assert matches_coco(write_coco())
    assert matches_coco(write_coco(tmp_path / "LABELS.JSON", images=None, categories=None))
    for name, content in {"a.json": "[]", "b.json": '{"x": 1}', "c.txt": '{"images": []}', "d.json": "\xff"}.items():
        (tmp_path / name).write_text(content, encoding="latin-1")
        assert not matches_coco(tmp_path / name)
    assert not matches_coco(tmp_path)


@pytest.mark.shared_data
def test_coco_people_are_read_as_the_file_has_them(shared_data: Path) -> None:
    path = shared_data / "coco_person" / "annotations.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    labels = read_coco(path)
    assert labels.skeleton.keypoints == load_skeleton("coco-person").keypoints
    assert labels.skeleton.sigmas == load_skeleton("coco-person").sigmas
    instances = [instance for image in labels.images for instance in image.instances]
    assert len(labels.images) == 100
    assert sum(not image.instances for image in labels.images) == 51
    assert len(instances) == 226
    assert sum(instance.is_crowd for instance in instances) == 7
    assert sum(bool(instance.keypoints[:, 2].any()) for instance in instances) == 103
    assert sorted(instance.area for instance in instances) == sorted(entry["area"] for entry in content["annotations"])


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "n_keypoints", "edge"),
    [
        ("ap10k", 17, ("left_eye", "right_eye")),
        ("atrw", 15, ("left_ear", "nose")),
        ("horse10", 22, None),
        ("locust", 35, ("neck", "head")),
        ("zebra", 9, ("head", "snout")),
    ],
)
def test_skeletons_of_public_data_sets_are_read(shared_data: Path, name: str, n_keypoints: int, edge) -> None:
    labels = read_coco(shared_data / "skeleton_samples" / name / f"test_{name}.json")
    assert labels.skeleton.n_keypoints == n_keypoints
    assert next(iter(labels.skeleton.edges), None) == edge
    assert all(len(image.instances) == 1 for image in labels.images)
