"""Reading Lightning Pose's tables, written here as its documentation has them."""

import csv
from pathlib import Path

import numpy as np
import pytest
import yaml

from poetlab.errors import LabelError
from poetlab.labels.formats import detect_format
from poetlab.labels.importing import import_labels
from poetlab.labels.label_set import load_label_set
from poetlab.labels.lightning_pose import matches_lightning_pose, read_lightning_pose

STANDARD = """scorer,scorer,scorer,scorer,scorer
bodyparts,kp1,kp1,kp2,kp2
coords,x,y,x,y
labeled-data/s_top/img1.png,,,,
labeled-data/s_top/img2.png,37.25,40.75,12.5,38.0
labeled-data/s_top/img3.png,37.25,40.75,,
"""
EXTENDED = """scorer,s,s,s,s,s,s
bodyparts,kp1,kp1,kp1,kp2,kp2,kp2
coords,x,y,visible,x,y,visible
labeled-data/s_top/img1.png,7.25,36.25,2,,,0
labeled-data/s_top/img2.png,37.25,10.75,1,,,1
labeled-data/s_top/img3.png,37.25,10.75,0,5,6,
"""


def write(folder: Path, name: str, text: str) -> Path:
    (folder / "labeled-data").mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return folder / name


def test_a_first_row_without_labels_is_an_image_and_not_part_of_the_header(tmp_path: Path) -> None:
    labels = read_lightning_pose(write(tmp_path, "any name.csv", STANDARD))
    assert labels.skeleton.keypoints == ("kp1", "kp2")
    assert [image.file_name[-8:] for image in labels.images] == ["img2.png", "img3.png"]
    expected = [[[37.25, 40.75, 2], [12.5, 38, 2]], [[37.25, 40.75, 2], [np.nan, np.nan, 0]]]
    np.testing.assert_array_equal([image.instances[0].keypoints for image in labels.images], expected)
    ((_, counted),) = labels.left_out.summary().items()
    assert counted == (1, ("labeled-data/s_top/img1.png",))


def test_the_visible_column_is_the_visibility(tmp_path: Path) -> None:
    labels = read_lightning_pose(write(tmp_path, "CollectedData.csv", EXTENDED))
    found = [image.instances[0].keypoints for image in labels.images]
    np.testing.assert_array_equal([keypoints[:, 2] for keypoints in found], [[2, 0], [1, 0], [0, 2]])
    np.testing.assert_array_equal(found[1][0], [37.25, 10.75, 1])
    assert labels.left_out.summary() == {"hidden keypoint without a position": (1, ("CollectedData.csv",))}
    with pytest.raises(LabelError, match="the visibility 3 is none of 0, 1 and 2"):
        read_lightning_pose(write(tmp_path, "CollectedData.csv", EXTENDED.replace("36.25,2", "36.25,3")))


def test_all_views_of_a_project_come_in(tmp_path: Path, make_image) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "project.yaml").write_text(yaml.safe_dump({"view_names": ["top", "bot"]}))
    for view in ("top", "bot"):
        write(tmp_path / "data", f"CollectedData_{view}.csv", EXTENDED.replace("top", view))
        for number in (1, 2, 3):
            make_image(tmp_path / "data" / "labeled-data" / f"s_{view}" / f"img{number}.png")
    assert detect_format(tmp_path / "data")[0].name == "lightning-pose"
    report = import_labels(tmp_path / "data", tmp_path / "labels", skeleton=None)
    assert (report.n_images, report.n_instances, report.name) == (6, 6, "data")
    write(tmp_path / "data", "CollectedData_bot.csv", EXTENDED.replace("kp2", "kp3"))
    with pytest.raises(LabelError, match=r"CollectedData_bot\.csv: has other keypoints than CollectedData_top\.csv"):
        read_lightning_pose(tmp_path / "data")
    (tmp_path / "data" / "CollectedData_bot.csv").unlink()
    with pytest.raises(LabelError, match=r"CollectedData_bot\.csv: cannot be read"):
        read_lightning_pose(tmp_path / "data")


def test_a_view_does_not_lead_out_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "project.yaml").write_text(yaml.safe_dump({"view_names": ["/../../secret"]}))
    assert not matches_lightning_pose(tmp_path)
    with pytest.raises(LabelError, match="does not stay in"):
        read_lightning_pose(tmp_path)


def test_a_table_elsewhere_is_deeplabcuts_and_both_read_it(tmp_path: Path) -> None:
    path = tmp_path / "CollectedData_anna.csv"
    path.write_text(EXTENDED)
    assert detect_format(path)[0].name == "dlc"
    by_deeplabcut, by_lightning_pose = detect_format(path)[0].read(path), read_lightning_pose(path)
    for one, other in zip(by_deeplabcut.images, by_lightning_pose.images, strict=True):
        np.testing.assert_array_equal(one.instances[0].keypoints, other.instances[0].keypoints)


def test_several_tables_and_no_list_of_views_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "CollectedData.csv", STANDARD)
    write(tmp_path, "CollectedData_test.csv", STANDARD)
    with pytest.raises(LabelError, match=r"several label files \(CollectedData\.csv, CollectedData_test\.csv\)"):
        detect_format(tmp_path)
    with pytest.raises(LabelError, match="'view_names'"):
        read_lightning_pose(tmp_path)


@pytest.mark.shared_data
def test_a_real_recording_comes_in_without_loss(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "mirror_mouse"
    report = import_labels(source, tmp_path / "labels", skeleton=None)
    with (source / "CollectedData.csv").open(newline="") as file:
        _, names, _, *rows = csv.reader(file)
    stored = load_label_set(report.folder)
    assert (report.format, report.name) == ("lightning-pose", "mirror_mouse")
    assert stored.skeleton.keypoints == tuple(names[1::2])
    assert (report.n_images, report.left_out) == (len(rows), {}) == (90, {})
    cells = {row[0]: [float(cell) if cell else np.nan for cell in row[1:]] for row in rows}
    for image in stored.images:
        (instance,) = image.instances
        np.testing.assert_array_equal(instance.keypoints[:, :2].ravel(), cells[image.file_name])
        np.testing.assert_array_equal(instance.keypoints[:, 2], np.where(np.isnan(instance.keypoints[:, 0]), 0, 2))
