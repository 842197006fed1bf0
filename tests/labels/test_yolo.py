"""Reading Ultralytics' YOLO-pose data sets, written here in their documented layout."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
import yaml
from hypothesis import given

from poetlab.errors import LabelError
from poetlab.labels.coco import read_coco
from poetlab.labels.formats import detect_format
from poetlab.labels.importing import import_labels
from poetlab.labels.label_set import load_label_set
from poetlab.labels.yolo import label_name_of, matches_yolo, read_yolo

CONFIG = {
    "path": "../datasets/mice",
    "train": "images/train",
    "val": "images/val",
    "kpt_shape": [3, 3],
    "flip_idx": [0, 2, 1],
    "names": {0: "mouse"},
    "kpt_names": {0: ["nose", "right", "left"]},
}
BOX = "0 0.5 0.5 0.25 0.5"
LINE = f"{BOX} 0.5 0.5 2 0.25 0.5 1 0 0 0"


@pytest.fixture
def dataset(tmp_path: Path, make_image: Callable[..., Path]) -> Callable[..., Path]:
    """A function that writes two images to train and one to validate, of 64 x 48 pixels; changes go to data.yaml."""

    def make(lines: str = LINE, **changes: Any) -> Path:
        folder = tmp_path / "mice"
        for split, name in (("train", "a"), ("train", "b"), ("val", "c")):
            make_image(folder / "images" / split / f"{name}.png")
            label = folder / "labels" / split / f"{name}.txt"
            label.parent.mkdir(parents=True, exist_ok=True)
            label.write_text(lines)
        (folder / "data.yaml").write_text(yaml.safe_dump(CONFIG | changes))
        return folder / "data.yaml"

    return make


def test_positions_are_scaled_to_the_image(dataset) -> None:
    labels = read_yolo(dataset())
    assert labels.skeleton.name == "mouse"
    assert labels.skeleton.keypoints == ("nose", "right", "left")
    assert labels.skeleton.symmetries == (("left", "right"),)
    assert [(image.file_name, image.split) for image in labels.images] == [
        ("images/train/a.png", "train"),
        ("images/train/b.png", "train"),
        ("images/val/c.png", "val"),
    ]
    (instance,) = labels.images[0].instances
    np.testing.assert_array_equal(instance.keypoints, [[32, 24, 2], [16, 24, 1], [0, 0, 0]])
    assert instance.bbox == (24, 12, 16, 24)
    assert labels.left_out.summary() == {}


def test_without_a_visibility_a_point_at_zero_is_unlabeled(dataset) -> None:
    labels = read_yolo(dataset(f"{BOX} 0.5 0.5 0 0 -1 0.5", kpt_shape=[3, 2]))
    np.testing.assert_array_equal(labels.images[0].instances[0].keypoints[:, 2], [2, 0, 0])
    names = read_yolo(dataset(kpt_names=None)).skeleton
    assert names.keypoints == ("keypoint_0", "keypoint_1", "keypoint_2")
    assert names.symmetries == (("keypoint_1", "keypoint_2"),)
    assert read_yolo(dataset(flip_idx=None)).skeleton.symmetries == (("left", "right"),)


def test_the_split_of_the_data_set_is_kept(dataset, tmp_path: Path) -> None:
    path = dataset()
    for number, source in enumerate((path, path.parent)):
        assert detect_format(source)[0].name == "yolo"
        report = import_labels(source, tmp_path / f"labels{number}", skeleton=None, val_fraction=1)
        assert (report.name, report.n_train, report.n_val) == ("mice", 2, 1)
        stored = load_label_set(report.folder)
        assert {image.file_name: image.split for image in stored.images}["images/val/c.png"] == "val"
        assert {instance.area for instance in stored.instances} == {16 * 24}
    report = import_labels(dataset(val=None), tmp_path / "labels2", skeleton=None, val_fraction=0)
    assert (report.n_train, report.n_val) == (2, 0)
    report = import_labels(dataset(val="images/train"), tmp_path / "labels3", skeleton=None, val_fraction=0.5)
    assert (report.n_train, report.n_val) == (1, 1)


def test_what_does_not_fit_together_is_counted(dataset, make_image) -> None:
    path = dataset(f"{LINE}\n\n{LINE}\n{LINE.replace('0.25', '0.125')}\n", test="images/test")
    folder = path.parent
    make_image(folder / "images" / "test" / "d.png")
    make_image(folder / "images" / "train" / "new.png")
    (folder / "labels" / "val" / "old.txt").write_text(LINE)
    labels = read_yolo(path)
    assert [len(image.instances) for image in labels.images] == [2, 2, 0, 2]
    assert labels.left_out.summary() == {
        "image for testing (it is kept out of training)": (1, ("images/test/d.png",)),
        "repeated line of a label file (nothing is lost)": (3, ("a.txt", "b.txt", "c.txt")),
        "missing label file (its image is taken to have no animals)": (1, ("images/train/new.png",)),
        "label file without its image": (1, ("labels/val/old.txt",)),
    }


@pytest.mark.parametrize(
    ("changes", "move"),
    [
        ({"train": "../images/train", "val": "../images/val", "path": None}, ""),  # as Roboflow writes it
        ({"path": "/home/me/mice"}, ""),
        ({"path": "/home/me/mice", "train": "/home/me/mice/images/train", "val": "/home/me/mice/images/val"}, ""),
        ({"path": "inner"}, "inner"),
        ({"train": ["images/train"]}, ""),
    ],
)
def test_images_are_found_beside_the_yaml_file(dataset, changes: dict[str, Any], move: str) -> None:
    path = dataset(**changes)
    if move:
        (path.parent / move).mkdir()
        for name in ("images", "labels"):
            (path.parent / name).rename(path.parent / move / name)
    labels = read_yolo(path)
    assert [len(image.instances) for image in labels.images] == [1, 1, 1]


def test_images_may_be_listed_in_a_text_file(dataset, tmp_path: Path) -> None:
    path = dataset(train="train.txt", val=None)
    (path.parent / "train.txt").write_text("./images/train/b.png\nimages/val/c.png\n\nimages/train/gone.png\n")
    labels = read_yolo(path)
    assert [image.file_name for image in labels.images] == [
        "images/train/b.png",
        "images/val/c.png",
        "images/train/gone.png",
    ]
    (path.parent / "labels" / "train" / "gone.txt").write_text(LINE)
    report = import_labels(path, tmp_path / "labels", skeleton=None)
    assert report.left_out["image file is missing"] == (1, ("images/train/gone.png",))
    assert report.left_out["animal on an image that is left out"] == (1, ("images/train/gone.png",))
    for name in ("/etc/a.png", "../../a.png", r"C:\a.png"):
        (path.parent / "train.txt").write_text(name)
        with pytest.raises(LabelError, match=r"absolute path|does not stay"):
            read_yolo(path)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kpt_shape": 3}, "TypeError"),
        ({"kpt_shape": [3, 4]}, "'kpt_shape' is not"),
        ({"kpt_shape": [10**9, 3]}, "'kpt_shape' is not"),
        ({"flip_idx": [0, 1]}, "'flip_idx' does not list 3"),
        ({"flip_idx": [1, 2, 0]}, "'flip_idx' does not pair"),
        ({"kpt_names": {0: ["a", "b"]}}, "'kpt_names' does not list 3"),
        ({"kpt_names": {0: ["a", "b", "c"], 1: ["a", "c", "b"]}}, "differ from class to class"),
        ({"kpt_names": {0: ["a", "b", "b"]}}, "names must be unique"),
        ({"kpt_names": {0: ["a", "b", ["c"]]}}, "a name is no text"),
        ({"train": "../../secret"}, "'../../secret' is not in"),
        ({"train": "/etc"}, "'/etc' is not in"),
        ({"train": 5}, "'5' is not in"),
        ({"train": "data.yaml", "val": None}, r"none of its \d+ images"),
    ],
)
def test_a_malformed_yaml_file_is_refused_in_one_line(dataset, tmp_path: Path, changes, reason: str) -> None:
    path = dataset(**changes)
    with pytest.raises(LabelError, match=reason) as caught:
        import_labels(path, tmp_path / "labels", skeleton=None)
    assert "data.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (BOX, "has 5 numbers where 3 keypoints of 3 numbers need 5 more"),
        (f"{LINE} 1", "has 15 numbers"),
        (LINE.replace(" 2 ", " 3 "), "the visibility 3"),
        (LINE.replace("0.25", "left"), "could not convert"),
        (f"1{LINE[1:]}", "the class 1 is none of data.yaml's 1"),
        (f"1e300{LINE[1:]}", "the class 1e[+]300"),
        (f"nan{LINE[1:]}", "the class nan"),
    ],
)
def test_a_malformed_line_is_named(dataset, line: str, reason: str) -> None:
    with pytest.raises(LabelError, match=reason) as caught:
        read_yolo(dataset(f"{LINE}\n{line}\n"))
    assert "a.txt, line 2" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_too_large_for_labels_is_refused(dataset) -> None:
    path = dataset()
    with (path.parent / "labels" / "train" / "a.txt").open("wb") as file:
        file.truncate(2**25)
    with pytest.raises(LabelError, match="is larger than"):
        read_yolo(path)


def test_other_files_are_not_data_sets(dataset, tmp_path: Path) -> None:
    assert matches_yolo(dataset())
    (tmp_path / "detect.yaml").write_text("train: images\nnames: [a]\n")
    (tmp_path / "a.txt").write_text("kpt_shape: [1, 2]")
    assert not any(matches_yolo(tmp_path / name) for name in ("detect.yaml", "a.txt", "."))


def test_labels_lie_beside_the_last_folder_called_images() -> None:
    assert label_name_of("images/train/a.jpg") == "labels/train/a.txt"
    assert label_name_of("images/x/images/a.b.jpg") == "images/x/labels/a.b.txt"
    assert label_name_of("train/images") == "train/images.txt"
    assert label_name_of("a.jpg") == "a.txt"


@given(st.integers(0, 2**32 - 1))
def test_six_digits_keep_the_position(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    folder = tmp_path_factory.mktemp("set")
    generator = np.random.default_rng(seed)
    points = generator.uniform(0, [1920, 1080], (3, 2))
    write_large_image(folder / "a.png")
    values = [f"{value:.6f}" for value in (points / [1920, 1080]).ravel()]
    (folder / "a.txt").write_text(f"{BOX} {' '.join(values)}")
    (folder / "list.txt").write_text("a.png")
    (folder / "data.yaml").write_text(yaml.safe_dump({"train": "list.txt", "kpt_shape": [3, 2]}))
    (instance,) = read_yolo(folder / "data.yaml").images[0].instances
    np.testing.assert_allclose(instance.keypoints[:, :2], points, atol=0.01)


def write_large_image(path: Path) -> None:
    from PIL import Image

    Image.new("1", (1920, 1080)).save(path)


@pytest.mark.shared_data
def test_a_real_data_set_written_as_yolo_reads_like_its_coco_file(shared_data: Path, tmp_path: Path) -> None:
    reference = read_coco(shared_data / "flies_pair" / "labels_coco.json")
    names = list(reference.skeleton.keypoints)
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    for image in reference.images:
        height, width = image.size or (0, 0)
        name = Path(image.file_name).name
        (tmp_path / "images" / name).symlink_to(shared_data / "flies_pair" / "frames" / name)
        lines = []
        for one in image.instances:
            x, y, w, h = one.bbox or (0, 0, 0, 0)
            box = [(x + w / 2) / width, (y + h / 2) / height, w / width, h / height]
            keypoints = one.keypoints * [1 / width, 1 / height, 1]
            lines.append(" ".join(["0", *(f"{value:.6f}" for value in (*box, *keypoints.ravel()))]))
        (tmp_path / "labels" / name).with_suffix(".txt").write_text("\n".join(lines))
    config = {"train": "images", "kpt_shape": [len(names), 3], "kpt_names": {0: names}, "names": ["fly"]}
    (tmp_path / "data.yaml").write_text(yaml.safe_dump(config))
    labels = read_yolo(tmp_path / "data.yaml")
    assert labels.skeleton.keypoints == reference.skeleton.keypoints
    assert labels.skeleton.symmetries == reference.skeleton.symmetries
    assert labels.left_out.summary() == {}
    by_name = {Path(image.file_name).name: image.instances for image in reference.images}
    assert len(labels.images) == len(by_name) == 50
    for image in labels.images:
        for one, other in zip(image.instances, by_name[Path(image.file_name).name], strict=True):
            np.testing.assert_allclose(one.keypoints, other.keypoints, atol=0.01)
            assert one.bbox == pytest.approx(other.bbox, abs=0.01)
