"""Telling label formats apart."""

from pathlib import Path

import pytest

from poetlab.errors import LabelError
from poetlab.labels.formats import LABEL_FORMATS, detect_format

MACAQUE = "image file name,keypoinbts,segmentation\n"


def test_a_file_is_known_by_its_content(write_coco, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(MACAQUE)
    for path, name in {write_coco(): "coco", tmp_path / "a.csv": "macaquepose"}.items():
        found, read_path = detect_format(path)
        assert (found.name, read_path) == (name, path)


@pytest.mark.parametrize("name", ["coco", "macaquepose"])
def test_a_folder_is_known_by_the_one_label_file_in_it(write_coco, tmp_path: Path, make_image, name: str) -> None:
    folder = tmp_path / "mydata"
    make_image(folder / "images" / "a.png")
    make_image(folder / "b.png")
    (folder / "settings.json").write_text('{"learning_rate": 1}')
    (folder / "table.csv").write_text("a,b\n")
    path = folder / ("x.json" if name == "coco" else "annotations.csv")
    if name == "coco":
        write_coco(path)
    else:
        path.write_text(MACAQUE)
    found, read_path = detect_format(folder)
    assert (found.name, read_path) == (name, path)


def test_several_label_files_are_listed(write_coco, tmp_path: Path) -> None:
    write_coco(tmp_path / "train.json")
    write_coco(tmp_path / "val.json")
    with pytest.raises(LabelError, match=r"several label files \(train\.json, val\.json\)"):
        detect_format(tmp_path)


def test_a_named_format_is_the_only_one_considered(write_coco, tmp_path: Path) -> None:
    path = write_coco(tmp_path / "train.json")
    (tmp_path / "annotations.csv").write_text(MACAQUE)
    assert detect_format(tmp_path, "coco")[1] == path
    assert detect_format(path, "labelstudio")[0].name == "label-studio"
    assert detect_format(tmp_path, "macaquepose")[1] == tmp_path / "annotations.csv"
    assert detect_format(path, "macaquepose")[0].name == "macaquepose"


def test_what_is_not_known_is_refused_with_what_is(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match=r"no labels of a known format; expected COCO keypoint JSON \(coco\) or"):
        detect_format(tmp_path)
    with pytest.raises(
        LabelError,
        match="'paper' is no label format; known are coco, cvat, dlc, label-studio, lightning-pose, "
        "macaquepose, nwb, sleap, yolo",
    ):
        detect_format(tmp_path, "paper")
    with pytest.raises(LabelError, match="no such file or folder"):
        detect_format(tmp_path / "missing")
    with pytest.raises(LabelError, match="File name too long"):
        detect_format(tmp_path / ("x" * 300))


def test_formats_have_names_of_their_own() -> None:
    names = [known.name for known in LABEL_FORMATS]
    assert len(set(names)) == len(names)
    assert all(known.description for known in LABEL_FORMATS)


@pytest.mark.parametrize("inner", ["annotations", "export"])
def test_labels_in_the_folder_of_a_folder_are_found(write_coco, make_image, tmp_path: Path, inner: str) -> None:
    path = write_coco(tmp_path / "data" / inner / "person_keypoints_val.json")
    assert detect_format(tmp_path / "data")[1] == path
    make_image(tmp_path / "data" / "images" / "a.png")
    if inner == "annotations":
        assert detect_format(tmp_path / "data")[1] == path
    else:
        with pytest.raises(LabelError, match="no labels of a known format"):
            detect_format(tmp_path / "data")
