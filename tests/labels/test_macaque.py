"""Reading MacaquePose v1."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from poetlab.errors import LabelError
from poetlab.labels.macaque import matches_macaque, read_macaque
from poetlab.skeleton import load_skeleton

SQUARE = [[10, 10], [30, 10], [30, 40], [10, 40]]
FAR = [[50, 20], [60, 20], [60, 25]]
SKELETON = load_skeleton("macaque")


def animal(separator: str = " ", **positions) -> list[dict]:
    """The 17 named points, null but for those given."""
    return [
        {"name": name.replace("_", separator), "position": positions.get(name)}
        for name in load_skeleton("macaque").keypoints
    ]


def write(path: Path, *rows: tuple, keypoint_column: str = "keypoinbts") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image file name", keypoint_column, "segmentation"])
        for name, *cells in rows:
            writer.writerow([name, *(cell if isinstance(cell, str) else json.dumps(cell) for cell in cells)])
    return path


def parts(*polygons) -> list[dict]:
    return [{"name": None, "segment": polygon} for polygon in polygons]


@pytest.mark.parametrize("separator", [" ", "_"])
@pytest.mark.parametrize("column", ["keypoinbts", "keypoints"])
def test_points_are_found_by_name_and_null_is_unlabeled(tmp_path: Path, separator: str, column: str) -> None:
    points = animal(separator, nose=[12.5, 20.25], left_eye=[0, 0])
    path = write(tmp_path / "annotations.csv", ("a.jpg", [points], [parts(SQUARE)]), keypoint_column=column)
    labels = read_macaque(path)
    assert labels.skeleton == SKELETON
    (image,) = labels.images
    assert (image.file_name, image.size) == ("a.jpg", None)
    (instance,) = image.instances
    expected = np.zeros((17, 3))
    expected[0] = 12.5, 20.25, 2
    expected[1] = 0, 0, 2  # a position, though in the corner; only null says that there is none
    np.testing.assert_array_equal(instance.keypoints, expected)


def test_the_box_is_fitted_around_all_parts_of_the_mask(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", ("a.jpg", [animal(nose=[12, 20])], [parts(SQUARE, [], FAR)]))
    labels = read_macaque(path)
    (instance,) = labels.images[0].instances
    assert instance.bbox == (10, 10, 50, 30)
    assert instance.area == 50 * 30
    assert instance.segmentation == [[10, 10, 30, 10, 30, 40, 10, 40], [50, 20, 60, 20, 60, 25]]
    assert labels.area_rule == "area of the box fitted around the segmentation mask"


@pytest.mark.parametrize("mask", [[], parts([]), parts(None)])
def test_an_animal_without_a_mask_keeps_its_points(tmp_path: Path, mask) -> None:
    path = write(tmp_path / "a.csv", ("a.jpg", [animal(nose=[12, 20]), animal()], [mask, parts(SQUARE)]))
    first, second = read_macaque(path).images[0].instances
    assert (first.bbox, first.area, first.segmentation) == (None, None, None)
    assert second.bbox == (10, 10, 20, 30)


@pytest.mark.parametrize("masks", [[], [parts(SQUARE)], [parts(SQUARE), parts(FAR), parts(SQUARE)]])
def test_masks_that_do_not_match_the_animals_are_left_out_by_number(tmp_path: Path, masks) -> None:
    animals = [animal(nose=[12, 20]), animal(nose=[55, 22])]
    labels = read_macaque(write(tmp_path / "a.csv", ("a.jpg", animals, masks), ("b.jpg", [], [])))
    first, second = labels.images[0].instances
    assert (first.bbox, second.bbox, first.segmentation) == (None, None, None)
    ((reason, (count, examples)),) = labels.left_out.summary().items()
    assert "more or fewer masks than animals" in reason
    assert count == max(1, len(masks))
    assert examples == (f"a.jpg (2 animals, {len(masks)} masks)",)
    assert labels.images[1].instances == []


def test_empty_cells_are_an_image_without_animals(tmp_path: Path) -> None:
    labels = read_macaque(write(tmp_path / "a.csv", ("a.jpg", "", "")))
    assert labels.images[0].instances == []


def test_fields_may_be_longer_than_the_csv_module_allows_and_its_limit_is_restored(tmp_path: Path) -> None:
    limit = csv.field_size_limit()
    angles = np.linspace(0, 2 * np.pi, limit // 20)
    circle = np.stack([500 + 400 * np.cos(angles), 500 + 400 * np.sin(angles)], axis=1).tolist()
    path = write(tmp_path / "a.csv", ("a.jpg", [animal(nose=[500, 500])], [parts(circle)]))
    assert path.stat().st_size > limit
    (instance,) = read_macaque(path).images[0].instances
    assert instance.bbox == pytest.approx((100, 100, 800, 800), abs=0.01)
    assert csv.field_size_limit() == limit


@pytest.mark.parametrize(
    ("keypoints", "masks", "reason"),
    [
        ('[[{"name": "nose"', "[]", "JSONDecodeError"),
        ([[{"name": "tail", "position": [1, 2]}]], [[]], "the keypoint 'tail' is none of MacaquePose's 17"),
        ([[{"position": [1, 2]}]], [[]], "KeyError: 'name'"),
        ([[{"name": "nose", "position": [1]}]], [[]], "ValueError"),
        ([animal()], [parts([[1, 2], [3]])], "without a y"),
        ([animal()], [parts([[1, 2], ["a", 3]])], "ValueError"),
        ("5", "[]", "TypeError"),
    ],
)
def test_a_malformed_row_is_named_by_its_line(tmp_path: Path, keypoints, masks, reason: str) -> None:
    limit = csv.field_size_limit()
    path = write(tmp_path / "a.csv", ("a.jpg", [], []), ("b.jpg", keypoints, masks))
    with pytest.raises(LabelError, match="line 3") as caught:
        read_macaque(path)
    assert str(caught.value).startswith(str(path))
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
    assert csv.field_size_limit() == limit


def test_a_row_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", ("a.jpg", [animal(nose=[1, 2])], [parts(SQUARE)]))
    content = path.read_bytes()
    for n_bytes in range(content.index(b"\n") + 3, len(content) - 3, 97):
        path.write_bytes(content[:n_bytes])
        with pytest.raises(LabelError, match="line 2"):
            read_macaque(path)


@pytest.mark.parametrize("column", ["image file name", "keypoinbts", "segmentation"])
def test_a_missing_column_is_named(tmp_path: Path, column: str) -> None:
    path = write(tmp_path / "a.csv", ("a.jpg", [], []))
    path.write_text(path.read_text(encoding="utf-8").replace(column, "other"), encoding="utf-8")
    with pytest.raises(LabelError, match=f"no column '{column}'"):
        read_macaque(path)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe\x00\x80" * 50)
    with pytest.raises(LabelError, match="not a CSV text"):
        read_macaque(tmp_path / "a.csv")
    with pytest.raises(LabelError, match="No such file"):
        read_macaque(tmp_path / "b.csv")


def test_macaquepose_is_known_by_its_columns(tmp_path: Path) -> None:
    assert matches_macaque(write(tmp_path / "any.csv", ("a.jpg", [], [])))
    assert matches_macaque(write(tmp_path / "other.csv", keypoint_column="keypoints"))
    assert not matches_macaque(write(tmp_path / "third.csv", keypoint_column="bodyparts"))
    assert not matches_macaque(write(tmp_path / "text.txt", ("a.jpg", [], [])))
    assert not matches_macaque(tmp_path)


@pytest.mark.shared_data
def test_macaquepose_agrees_with_an_independent_conversion(shared_data: Path) -> None:
    labels = read_macaque(shared_data / "macaque" / "annotations.csv")
    reference = json.loads((shared_data / "macaque" / "coco_reference.json").read_text(encoding="utf-8"))
    names = {image["id"]: image["file_name"] for image in reference["images"]}
    expected = {names[entry["image_id"]]: entry for entry in reference["annotations"]}
    assert labels.skeleton.keypoints == tuple(reference["categories"][0]["keypoints"])
    assert {image.file_name for image in labels.images} == set(expected)
    for image in labels.images:
        (instance,), entry = image.instances, expected[image.file_name]
        np.testing.assert_array_equal(instance.keypoints.ravel(), entry["keypoints"])
        x, y, width, height = entry["bbox"]
        # the reference counts a box's last pixel in: its boxes are one wider and higher than the mask's extent
        assert instance.bbox == pytest.approx((x, y, width - 1, height - 1), abs=1e-9)
        assert instance.segmentation == entry["segmentation"]
