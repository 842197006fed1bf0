"""Importing labels into a project, from outside."""

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from poetlab.errors import LabelError, PoetlabError, SkeletonError
from poetlab.labels.importing import import_labels
from poetlab.labels.label_set import load_label_set
from poetlab.skeleton import Skeleton

CATEGORY = {"id": 1, "name": "mouse", "keypoints": ["nose", "left_ear", "right_ear"]}


@pytest.fixture
def labels_dir(tmp_path: Path) -> Path:
    """The `labels` folder of a project."""
    folder = tmp_path / "project" / "labels"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def write_images(write_coco, annotation, make_image, tmp_path: Path):
    """A function that writes images of those names, and COCO labels with one animal on each."""

    def write(*names: str, **changes) -> Path:
        for name in names:
            make_image(tmp_path / "source" / name)
        images = [{"id": n, "file_name": name, "width": 64, "height": 48} for n, name in enumerate(names)]
        annotations = [annotation(id=n, image_id=n) for n in range(len(names))]
        return write_coco(**({"images": images, "annotations": annotations} | changes))

    return write


def refused(source: Path, labels_dir: Path, error: type[PoetlabError] = LabelError, **options) -> str:
    """The message with which an import is refused, after checking that it is one line and nothing was written."""
    before = sorted(labels_dir.parent.rglob("*"))
    with pytest.raises(error) as caught:
        import_labels(source, labels_dir, **({"skeleton": None} | options))
    assert sorted(labels_dir.parent.rglob("*")) == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def left_out_of(source: Path, labels_dir: Path, **options) -> dict:
    return dict(import_labels(source, labels_dir, **({"skeleton": None} | options)).left_out)


def test_images_and_labels_are_copied_and_can_be_loaded(write_images, labels_dir: Path) -> None:
    source = write_images("a.png", "frames/b.png")
    report = import_labels(source, labels_dir, skeleton=None)
    folder = labels_dir / "labels"
    assert (report.name, report.folder, report.format) == ("labels", folder, "coco")
    assert sorted(path.name for path in labels_dir.iterdir()) == ["labels"]
    label_set = load_label_set(folder)
    assert [image.file_name for image in label_set.images] == ["a.png", "frames/b.png"]
    for image in label_set.images:
        path = label_set.image_path(image)
        assert not path.is_symlink()
        assert path.read_bytes() == (source.parent / image.file_name).read_bytes()
        (instance,) = image.instances
        np.testing.assert_array_equal(instance.keypoints, [[10, 20, 2], [30, 24, 1], [np.nan, np.nan, 0]])
        assert (instance.bbox, instance.area) == ((8, 18, 30, 20), 500)


def test_the_report_counts_what_came_in(write_images, annotation, make_image, tmp_path, labels_dir: Path) -> None:
    make_image(tmp_path / "source" / "small.png", (20, 30))
    images = [
        {"id": 1, "file_name": "a.png", "width": 64, "height": 48},
        {"id": 2, "file_name": "small.png", "width": 30, "height": 20},
    ]
    annotations = [
        annotation(id=1, area=100),
        annotation(id=2, area=400, keypoints=[10, 20, 2, 0, 0, 0, 5, 5, 2]),
        annotation(id=3, area=900),
        annotation(id=4, area=9999, iscrowd=1, keypoints=[0] * 9),
        annotation(id=5, area=9999, keypoints=None),
    ]
    source = write_images("a.png", images=images, annotations=annotations)
    report = import_labels(source, labels_dir, skeleton=None, name="mice", val_fraction=0)
    assert report.skeleton.keypoints == ("nose", "left_ear", "right_ear")
    assert (report.n_images, report.n_negatives, report.n_train, report.n_val) == (2, 1, 2, 0)
    assert (report.n_instances, report.n_crowd, report.n_without_keypoints) == (5, 1, 1)
    assert report.points == {"nose": (3, 0), "left_ear": (0, 2), "right_ear": (1, 0)}
    assert report.animal_sizes == (10, 20, 30)
    assert report.image_sizes == ((20, 30), (48, 64))
    assert report.area_rule == "as given in the file"
    assert report.left_out == {}


def test_an_import_can_be_imported_again(write_images, labels_dir: Path, tmp_path: Path) -> None:
    first = import_labels(write_images("a.png", "frames/b.png"), labels_dir, skeleton=None)
    second = import_labels(first.folder, tmp_path / "other", skeleton=None, name="copy")
    assert second.skeleton == first.skeleton
    content = [json.loads((report.folder / "annotations.json").read_text()) for report in (first, second)]
    assert content[0]["annotations"] == content[1]["annotations"]
    assert content[0]["images"] == content[1]["images"]


def test_images_keep_the_ids_of_their_source(write_images, annotation, labels_dir: Path) -> None:
    images = [{"id": 900, "file_name": "b.png"}, {"id": 5, "file_name": "a.png"}, {"id": 6, "file_name": "b.png"}]
    import_labels(
        write_images("a.png", "b.png", images=images, annotations=[annotation(image_id=6)]),
        labels_dir,
        skeleton=None,
        name="set",
    )
    loaded = load_label_set(labels_dir / "set")
    assert {image.file_name: image.id for image in loaded.images} == {"b.png": 900, "a.png": 5}
    content = json.loads((labels_dir / "set" / "annotations.json").read_text())
    assert [entry["image_id"] for entry in content["annotations"]] == [900]


def test_links_point_at_the_images_where_they_lie(write_images, labels_dir: Path, monkeypatch, tmp_path: Path) -> None:
    write_images("a.png", "frames/b.png")
    monkeypatch.chdir(tmp_path)
    report = import_labels(Path("source/labels.json"), labels_dir, skeleton=None, link=True)
    link = report.folder / "images" / "frames" / "b.png"
    assert link.is_symlink()
    assert link.readlink() == (tmp_path / "source" / "frames" / "b.png").resolve()


def test_where_links_are_refused_the_error_says_to_copy(write_images, labels_dir: Path, monkeypatch) -> None:
    def refuse(*_arguments) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    source = write_images("a.png")
    monkeypatch.setattr(Path, "symlink_to", refuse)
    assert "without --link to copy" in refused(source, labels_dir, link=True)


def test_images_are_found_in_the_images_folder_beside_the_labels(write_coco, make_image, tmp_path, labels_dir) -> None:
    make_image(tmp_path / "source" / "images" / "a.png")
    images = [{"id": 1, "file_name": "train/a.png"}]
    report = import_labels(write_coco(images=images), labels_dir, skeleton=None)
    assert (report.folder / "images" / "train" / "a.png").is_file()


def test_images_are_found_where_the_caller_says(write_coco, make_image, tmp_path, labels_dir: Path) -> None:
    make_image(tmp_path / "elsewhere" / "a.png")
    source = write_coco()
    assert "none of its 1 images (such as a.png) is in" in refused(source, labels_dir)
    assert import_labels(source, labels_dir, skeleton=None, images_dir=tmp_path / "elsewhere").n_images == 1
    assert "no such folder of images" in refused(source, labels_dir, images_dir=tmp_path / "nowhere", name="b")
    assert "no such folder of images" in refused(source, labels_dir, images_dir=tmp_path / ("x" * 300), name="b")


def test_two_entries_must_not_be_found_as_one_file(write_images, make_image, tmp_path: Path, labels_dir: Path) -> None:
    source = write_images("one/a.png", "two/a.png")
    shutil.rmtree(tmp_path / "source" / "one")
    shutil.rmtree(tmp_path / "source" / "two")
    make_image(tmp_path / "source" / "a.png")
    assert "'one/a.png' and 'two/a.png' are both found as" in refused(source, labels_dir)


def test_the_name_is_the_sources_or_the_given_one(write_images, labels_dir: Path) -> None:
    source = write_images("a.png")
    assert import_labels(source, labels_dir, skeleton=None).name == "labels"
    assert import_labels(source.parent, labels_dir, skeleton=None).name == "source"
    assert import_labels(source, labels_dir, skeleton=None, name="my mice 2").name == "my mice 2"


@pytest.mark.parametrize("name", ["", " ", ".", "..", ".hidden", "a/b", "a\\b", "../a", "c:", "a\0b"])
def test_a_name_that_is_no_folder_name_is_refused(write_images, labels_dir: Path, name: str) -> None:
    assert "cannot be the name of a label set" in refused(write_images("a.png"), labels_dir, name=name)


def test_a_name_that_is_too_long_is_one_line(write_images, labels_dir: Path) -> None:
    assert "cannot be written (File name too long" in refused(write_images("a.png"), labels_dir, name="x" * 300)


@pytest.mark.parametrize("link", [False, True])
def test_what_is_no_label_set_is_never_overwritten(write_images, labels_dir: Path, link: bool) -> None:
    source = write_images("a.png")
    if link:
        (labels_dir / "labels").symlink_to("nowhere")
    else:
        (labels_dir / "labels").mkdir()
    assert "exists and is no label set; give another name" in refused(source, labels_dir)


def test_what_a_killed_run_left_behind_is_replaced(write_images, labels_dir: Path) -> None:
    (labels_dir / ".labels.partial" / "images").mkdir(parents=True)
    (labels_dir / ".labels.partial" / "images" / "old.png").write_text("")
    report = import_labels(write_images("a.png"), labels_dir, skeleton=None)
    assert [path.name for path in (report.folder / "images").iterdir()] == ["a.png"]
    assert [path.name for path in labels_dir.iterdir()] == ["labels"]


def test_the_labels_folder_is_made_if_it_is_missing(write_images, tmp_path: Path) -> None:
    report = import_labels(write_images("a.png"), tmp_path / "new" / "labels", skeleton=None)
    assert (report.folder / "annotations.json").is_file()


@pytest.mark.parametrize("step", range(1, 5))
@pytest.mark.parametrize("exists", [True, False])
def test_an_interruption_leaves_nothing_behind(write_images, tmp_path: Path, step: int, exists: bool) -> None:
    destination = tmp_path / "labels"
    if exists:
        destination.mkdir()

    def interrupt(done: int, _total: int) -> None:
        if done == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_labels(write_images("a.png", "b.png"), destination, skeleton=None, on_progress=interrupt)
    assert destination.exists() == exists
    assert not exists or list(destination.iterdir()) == []


def test_progress_counts_each_image_twice(write_images, labels_dir: Path, tmp_path: Path) -> None:
    source = write_images("a.png", "b.png", "c.png")
    (tmp_path / "source" / "b.png").unlink()
    steps = []
    import_labels(source, labels_dir, skeleton=None, on_progress=lambda *step: steps.append(step))
    assert steps == [(1, 6), (2, 6), (3, 6), (5, 6), (6, 6)]


@pytest.mark.parametrize("link", [False, True])  # the disk is full at the first image, or at the annotations
def test_a_full_disk_is_one_line_and_leaves_nothing_behind(write_images, labels_dir: Path, link: bool) -> None:
    resource = pytest.importorskip("resource")
    source = write_images("a.png", "b.png")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        message = refused(source, labels_dir, link=link)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "cannot be written (File too large" in message


def test_a_folder_that_may_not_be_written_is_one_line(write_images, labels_dir: Path, monkeypatch) -> None:
    def refuse(path: Path, *_arguments, **_options) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    source = write_images("a.png")
    monkeypatch.setattr(Path, "mkdir", refuse)
    message = refused(source, labels_dir)
    assert message.startswith(f"{labels_dir / 'labels'}: cannot be written (Permission denied: ")


def test_a_file_in_place_of_the_labels_folder_is_one_line(write_images, tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "labels").write_text("")
    assert "cannot be written" in refused(write_images("a.png"), tmp_path / "project" / "labels")


def test_keypoints_are_brought_to_the_projects_order(write_images, labels_dir: Path) -> None:
    skeleton = Skeleton("my mouse", ("right_ear", "nose", "left_ear"), sigmas=(0.1, 0.2, 0.3))
    report = import_labels(write_images("a.png"), labels_dir, skeleton=skeleton)
    assert report.skeleton == skeleton
    label_set = load_label_set(report.folder)
    assert label_set.skeleton == skeleton
    (instance,) = label_set.instances
    np.testing.assert_array_equal(instance.keypoints, [[np.nan, np.nan, 0], [10, 20, 2], [30, 24, 1]])


def test_another_skeleton_is_refused_by_what_differs(write_images, labels_dir: Path) -> None:
    skeleton = Skeleton("rat", ("nose", "left_ear", "tail", "neck"))
    message = refused(write_images("a.png"), labels_dir, SkeletonError, skeleton=skeleton)
    assert "the labels have 3 keypoints, skeleton 'rat' has 4" in message
    assert "the labels lack: tail, neck; the skeleton lacks: right_ear" in message


@pytest.mark.parametrize("name", ["/etc/passwd.png", "../a.png", "C:\\a.png"])
def test_unsafe_image_names_are_refused(write_coco, labels_dir: Path, name: str) -> None:
    source = write_coco(images=[{"id": 1, "file_name": name}])
    message = refused(source, labels_dir)
    assert message.startswith(str(source))
    assert name in message


@pytest.mark.parametrize("sized", [(0,), (1,), (0, 1), ()])
def test_entries_of_one_image_are_merged(write_images, annotation, labels_dir: Path, sized: tuple[int, ...]) -> None:
    size = {"width": 64, "height": 48}
    entries = [{"id": 0, "file_name": "a.png"}, {"id": 1, "file_name": "./a.png"}]
    images = [entry | size if entry["id"] in sized else entry for entry in entries]
    annotations = [annotation(id=1, image_id=0), annotation(id=2, image_id=1)]
    report = import_labels(write_images("a.png", images=images, annotations=annotations), labels_dir, skeleton=None)
    assert (report.n_images, report.n_instances) == (1, 2)
    reason = "repeated entry of an image (its animals are added to the first entry's)"
    assert report.left_out == {reason: (1, ("a.png",))}


def test_entries_of_one_image_must_not_differ_in_size(write_images, labels_dir: Path) -> None:
    first = {"id": 0, "file_name": "a.png", "width": 64, "height": 48}
    source = write_images("a.png", images=[first, first | {"id": 1, "width": 65}])
    assert "'a.png' is listed with the sizes (48, 64) and (48, 65)" in refused(source, labels_dir)


def test_unusable_images_are_left_out_by_reason(write_images, make_image, tmp_path: Path, labels_dir: Path) -> None:
    names = [f"{letter}.png" for letter in "abcdefg"]
    source = write_images(*names)
    folder = tmp_path / "source"
    (folder / "b.png").unlink()
    (folder / "c.png").write_bytes((folder / "c.png").read_bytes()[:-500])
    (folder / "d.png").write_text("no image")
    make_image(folder / "e.png", (50, 64))
    exif = Image.Exif()
    exif[0x0112] = 6
    make_image(folder / "f.jpg", (64, 48), exif=exif).replace(folder / "f.png")
    report = import_labels(source, labels_dir, skeleton=None)
    assert report.left_out == {
        "image file is missing": (1, ("b.png",)),
        "animal on an image that is left out": (5, ("b.png", "c.png", "d.png")),
        "image file is cut short or damaged": (1, ("c.png",)),
        "image file is of no known image format": (1, ("d.png",)),
        "image differs in size from its labels": (1, ("e.png (labels 64 x 48, file 64 x 50)",)),
        "image is turned by its EXIF tag, and labeled so; turn its pixels first": (1, ("f.png",)),
    }
    assert sorted(path.name for path in (report.folder / "images").iterdir()) == ["a.png", "g.png"]
    assert report.n_instances == 2


def test_the_size_is_read_from_the_image_where_the_labels_have_none(write_images, labels_dir: Path) -> None:
    source = write_images("a.png", images=[{"id": 0, "file_name": "a.png"}])
    report = import_labels(source, labels_dir, skeleton=None)
    assert load_label_set(report.folder).images[0].size == (48, 64)


def test_points_that_cannot_be_true_are_counted(write_images, annotation, labels_dir: Path) -> None:
    keypoints = [float("nan"), 5, 2, 200, 5, 2, 7, 8, 2]
    source = write_images("a.png", annotations=[annotation(image_id=0, keypoints=keypoints)])
    report = import_labels(source, labels_dir, skeleton=None)
    assert report.left_out == {
        "keypoint whose position is not a number": (1, ("a.png",)),
        "keypoint outside its image": (1, ("a.png",)),
    }
    assert report.points == {"nose": (0, 0), "left_ear": (0, 0), "right_ear": (1, 0)}


def test_labels_to_learn_nothing_from_are_refused(write_images, annotation, labels_dir: Path) -> None:
    assert "lists no image" in refused(write_images(), labels_dir)
    unlabeled = [annotation(image_id=0, keypoints=None)]
    assert "no animal with a labeled keypoint" in refused(write_images("a.png", annotations=unlabeled), labels_dir)
    outside = [annotation(image_id=0, keypoints=[500, 500, 2] * 3)]
    message = refused(write_images("a.png", annotations=outside), labels_dir)
    assert "no animal with a labeled keypoint can be used (keypoint outside its image: 3)" in message


def test_a_wrong_fraction_is_refused_before_anything_is_read(tmp_path: Path, labels_dir: Path) -> None:
    assert "validation fraction" in refused(tmp_path / "missing.json", labels_dir, val_fraction=1.1)


def test_both_splits_have_labeled_animals(write_coco, annotation, make_image, tmp_path: Path, labels_dir) -> None:
    """Twenty sets of two labeled images among six negatives: chance alone would leave some split without labels."""
    for trial in range(20):
        names = [f"{trial}_{number}.png" for number in range(8)]
        for name in names:
            make_image(tmp_path / "source" / name, (8, 8))
        images = [{"id": number, "file_name": name} for number, name in enumerate(names)]
        annotations = [annotation(id=n, image_id=n, keypoints=[1, 2, 2] * 3) for n in range(2)]
        source = write_coco(images=images, annotations=annotations)
        report = import_labels(source, labels_dir, skeleton=None, name=str(trial))
        label_set = load_label_set(report.folder)
        for split in ("train", "val"):
            assert label_set.select(split).n_labeled_instances == 1
            assert label_set.select(split).n_images > 1
        assert (report.n_train, report.n_val) == (label_set.select("train").n_images, label_set.select("val").n_images)


@pytest.mark.shared_data
@pytest.mark.parametrize(("source", "label_format"), [("flies_pair/labels_coco.json", None), ("flies_pair", "coco")])
def test_flies_are_imported(shared_data: Path, labels_dir: Path, source: str, label_format: str | None) -> None:
    options = {"name": "flies", "link": True, "label_format": label_format}
    report = import_labels(shared_data / source, labels_dir, skeleton=None, **options)
    assert (report.n_images, report.n_instances, report.n_negatives) == (50, 100, 0)
    assert report.left_out == {}
    content = json.loads((shared_data / "flies_pair" / "labels_coco.json").read_text(encoding="utf-8"))
    expected = {entry["id"]: entry for entry in content["annotations"]}
    label_set = load_label_set(report.folder)
    found = [instance for image in label_set.images for instance in image.instances]
    for instance, entry in zip(found, expected.values(), strict=True):
        np.testing.assert_array_equal(np.nan_to_num(instance.keypoints).ravel(), entry["keypoints"])
        assert (list(instance.bbox), instance.area) == (entry["bbox"], entry["area"])
    assert all(label_set.image_path(image).resolve().is_file() for image in label_set.images)


@pytest.mark.shared_data
def test_macaques_are_imported(shared_data: Path, labels_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "macaquepose"
    folder.mkdir()
    shutil.copy(shared_data / "macaque" / "annotations.csv", folder)
    (folder / "images").symlink_to(shared_data / "macaque" / "images")
    report = import_labels(folder, labels_dir, skeleton=None)
    assert (report.format, report.name, report.n_images, report.n_instances) == ("macaquepose", "macaquepose", 2, 2)
    assert report.image_sizes == ((710, 1024), (1424, 1728))
    assert report.area_rule == "area of the box fitted around the segmentation mask"
    assert report.left_out == {}
    assert sum(count.visible for count in report.points.values()) == 31


@pytest.mark.shared_data
def test_coco_people_are_imported(shared_data: Path, labels_dir: Path) -> None:
    report = import_labels(shared_data / "coco_person", labels_dir, skeleton=None, link=True)
    assert (report.n_images, report.n_negatives, report.n_instances) == (100, 51, 226)
    assert (report.n_crowd, report.n_without_keypoints) == (7, 116)
    assert sum(count.occluded for count in report.points.values()) == 153
    assert sum(count.visible for count in report.points.values()) == 888
    assert report.left_out == {}


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["ap10k", "atrw", "horse10", "locust", "zebra"])
def test_samples_of_public_data_sets_are_imported_without_loss(shared_data: Path, labels_dir: Path, name: str) -> None:
    source = shared_data / "skeleton_samples" / name
    report = import_labels(source, labels_dir, skeleton=None)
    content = json.loads((source / f"test_{name}.json").read_text(encoding="utf-8"))
    annotations = {entry["image_id"]: entry for entry in content["annotations"]}
    stored = load_label_set(report.folder)
    assert stored.skeleton.keypoints == tuple(content["categories"][0]["keypoints"])
    assert {(image.id, image.file_name) for image in stored.images} == {
        (entry["id"], entry["file_name"]) for entry in content["images"]
    }
    for image in stored.images:
        (instance,), entry = image.instances, annotations[image.id]
        keypoints = np.array(entry["keypoints"], dtype=float).reshape(-1, 3)
        keypoints[keypoints[:, 2] == 0, :2] = np.nan
        np.testing.assert_array_equal(instance.keypoints, keypoints)
        assert (list(instance.bbox), instance.area) == (entry["bbox"], entry["area"])
    species = {"category of an animal (several share one skeleton)": (2, ("jaguar", "antelope"))}
    assert report.left_out == (species if name == "ap10k" else {})
    assert (report.n_train >= 1, report.n_val >= 1) == (True, True)
    assert load_label_set(report.folder).skeleton == report.skeleton
