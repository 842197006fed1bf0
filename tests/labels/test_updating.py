"""Importing labels that the project has already."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from poetlab.errors import LabelError
from poetlab.labels.importing import import_labels
from poetlab.labels.label_set import LabelSet, load_label_set, save_label_set
from poetlab.labels.provenance import Provenance
from poetlab.labels.report import ImportReport


@pytest.fixture
def labels_dir(tmp_path: Path) -> Path:
    """The `labels` folder of a project."""
    folder = tmp_path / "project" / "labels"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def write(write_coco, annotation, tmp_path: Path) -> Callable[..., Path]:
    """A function that writes COCO labels: the x of each animal's nose by image; images show what their name says."""

    def write_labels(**animals: list[int]) -> Path:
        images, annotations = [], []
        for number, (stem, noses) in enumerate(animals.items()):
            draw(tmp_path / "source" / f"{stem}.png", stem)
            images.append({"id": 10 + number, "file_name": f"{stem}.png", "width": 64, "height": 48})
            for x in noses:
                keypoints = [x, 20, 2, x + 5, 24, 1, 0, 0, 0]
                box = {"keypoints": keypoints, "bbox": None, "area": None, "segmentation": None}
                annotations.append(annotation(id=len(annotations), image_id=10 + number, **box))
        return write_coco(images=images, annotations=annotations)

    return write_labels


def draw(path: Path, seed: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(list(seed.encode())).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def run(source: Path, labels_dir: Path, **options) -> ImportReport:
    return import_labels(source, labels_dir, **({"skeleton": None, "name": "mice"} | options))


def changes(report: ImportReport) -> tuple[int, ...]:
    update = report.update
    assert update
    return update.n_added, update.n_changed, update.n_unchanged, update.n_replaced, update.n_gone


def noses(label_set: LabelSet) -> dict[str, list[float]]:
    return {image.file_name: [entry.keypoints[0, 0] for entry in image.instances] for image in label_set.images}


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_same_labels_change_nothing(write, labels_dir: Path) -> None:
    source = write(a=[10], b=[20, 40])
    assert run(source, labels_dir).update is None
    before = everything(labels_dir)
    report = run(source, labels_dir)
    assert changes(report) == (0, 0, 2, 0, 0)
    assert (report.n_images, report.n_instances) == (2, 3)
    assert everything(labels_dir) == before
    assert [path.name for path in labels_dir.iterdir()] == ["mice"]


def test_what_is_new_changed_and_gone_is_told_and_nothing_is_doubled(write, labels_dir: Path) -> None:
    run(write(a=[10], b=[20], c=[30]), labels_dir)
    ids = {image.file_name: image.id for image in load_label_set(labels_dir / "mice").images}
    report = run(write(d=[40], b=[22, 50], a=[10]), labels_dir)
    assert changes(report) == (1, 1, 1, 0, 1)
    assert report.update
    assert not report.update.gone_are_removed
    label_set = load_label_set(labels_dir / "mice")
    assert noses(label_set) == {"a.png": [10], "b.png": [22, 50], "c.png": [30], "d.png": [40]}
    after = {image.file_name: image.id for image in label_set.images}
    assert ids.items() <= after.items()
    assert len(set(after.values())) == 4
    assert sorted(path.name for path in label_set.images_dir.iterdir()) == ["a.png", "b.png", "c.png", "d.png"]


def test_images_that_are_gone_are_removed_where_the_user_says_so(write, labels_dir: Path) -> None:
    run(write(a=[10], b=[20]), labels_dir)
    report = run(write(a=[10], c=[5]), labels_dir, prune=True)
    assert changes(report) == (1, 0, 1, 0, 1)
    assert report.update
    assert report.update.gone_are_removed
    label_set = load_label_set(labels_dir / "mice")
    assert noses(label_set) == {"a.png": [10], "c.png": [5]}
    assert sorted(path.name for path in label_set.images_dir.iterdir()) == ["a.png", "c.png"]


def test_an_animal_that_was_deleted_is_deleted(write, labels_dir: Path) -> None:
    run(write(a=[10, 40], b=[20]), labels_dir)
    assert changes(run(write(a=[40], b=[20]), labels_dir)) == (0, 1, 1, 0, 0)
    assert noses(load_label_set(labels_dir / "mice"))["a.png"] == [40]


def test_an_image_of_another_name_is_known_by_its_content(write, labels_dir: Path, tmp_path: Path) -> None:
    run(write(a=[10], b=[20]), labels_dir)
    source = write(x=[11], b=[20])
    draw(tmp_path / "source" / "x.png", "a")
    assert changes(run(source, labels_dir)) == (0, 1, 1, 0, 0)
    assert noses(load_label_set(labels_dir / "mice")) == {"a.png": [11], "b.png": [20]}


def test_the_pixels_count_and_not_how_they_are_stored(write, labels_dir: Path, tmp_path: Path) -> None:
    run(write(a=[10], b=[20]), labels_dir)
    source = write(x=[10])
    draw(tmp_path / "source" / "x.png", "a")
    Image.open(tmp_path / "source" / "x.png").save(tmp_path / "source" / "x.png", compress_level=0)
    assert changes(run(source, labels_dir)) == (0, 0, 1, 0, 1)


def test_images_that_exchange_their_names_keep_their_labels(write, labels_dir: Path, tmp_path: Path) -> None:
    run(write(a=[10], b=[20]), labels_dir)
    source = write(a=[20], b=[10])
    draw(tmp_path / "source" / "a.png", "b")
    draw(tmp_path / "source" / "b.png", "a")
    assert changes(run(source, labels_dir)) == (0, 0, 2, 0, 0)
    assert noses(load_label_set(labels_dir / "mice")) == {"a.png": [10], "b.png": [20]}


def test_an_image_that_shows_something_else_is_replaced(write, labels_dir: Path, tmp_path: Path) -> None:
    run(write(a=[10], b=[20]), labels_dir)
    before = load_label_set(labels_dir / "mice")
    source = write(a=[10], b=[20])
    draw(tmp_path / "source" / "b.png", "new")
    assert changes(run(source, labels_dir)) == (0, 1, 1, 1, 0)
    label_set = load_label_set(labels_dir / "mice")
    image = label_set.images[1]
    assert label_set.image_path(image).read_bytes() == (tmp_path / "source" / "b.png").read_bytes()
    assert len(list(label_set.images_dir.iterdir())) == 2
    assert (image.id, image.split) == (before.images[1].id, before.images[1].split)
    assert changes(run(source, labels_dir)) == (0, 0, 2, 0, 0)


def test_labels_of_other_images_are_refused(write, labels_dir: Path, tmp_path: Path) -> None:
    run(write(a=[10], b=[20]), labels_dir)
    before = everything(labels_dir)
    with pytest.raises(LabelError, match=r"none of its 2 images is among these \(neither by name nor by content\)"):
        run(write(c=[10]), labels_dir)
    source = write(a=[10], b=[20])
    draw(tmp_path / "source" / "a.png", "other")
    draw(tmp_path / "source" / "b.png", "another")
    with pytest.raises(LabelError, match=r"2 have the name of one, such as a\.png, but show something else") as caught:
        run(source, labels_dir)
    assert "give these labels another --name" in str(caught.value)
    assert everything(labels_dir) == before


def test_a_picture_that_was_decoded_a_little_differently_is_the_same(write, labels_dir: Path, tmp_path: Path) -> None:
    source = write(a=[10], b=[20])
    run(source, labels_dir)
    path = tmp_path / "source" / "a.png"
    pixels = np.array(Image.open(path)).astype(int)
    Image.fromarray((pixels + (pixels < 250)).astype(np.uint8)).save(path)
    assert changes(run(source, labels_dir)) == (0, 0, 2, 0, 0)
    pixels[20:25, 30:35] = 255 - pixels[20:25, 30:35]  # a small animal is elsewhere
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    assert changes(run(source, labels_dir)) == (0, 1, 1, 1, 0)


def test_a_lost_image_is_put_back(write, labels_dir: Path) -> None:
    source = write(a=[10], b=[20])
    run(source, labels_dir)
    before = everything(labels_dir)
    (labels_dir / "mice" / "images" / "a.png").unlink()
    run(source, labels_dir)
    assert everything(labels_dir) == before


def test_links_are_made_for_new_images_only(write, labels_dir: Path) -> None:
    run(write(a=[10]), labels_dir)
    run(write(a=[10], b=[20]), labels_dir, link=True)
    images = labels_dir / "mice" / "images"
    assert [(images / name).is_symlink() for name in ("a.png", "b.png")] == [False, True]
    assert changes(run(write(a=[10], b=[20]), labels_dir, link=True)) == (0, 0, 2, 0, 0)


def test_images_keep_their_split_when_labels_are_added(write, labels_dir: Path) -> None:
    few = {f"i{number}": [10] for number in range(6)}
    run(write(**few), labels_dir)
    before = {image.file_name: image.split for image in load_label_set(labels_dir / "mice").images}
    run(write(**few, **{f"j{number}": [10] for number in range(30)}), labels_dir, val_fraction=0.5)
    after = {image.file_name: image.split for image in load_label_set(labels_dir / "mice").images}
    assert {name: after[name] for name in before} == before
    assert set(after.values()) == {"train", "val"}


def test_a_prediction_that_comes_back_is_model_corrected_or_human(write, labels_dir: Path) -> None:
    run(write(a=[10, 40], b=[20]), labels_dir)
    exported = load_label_set(labels_dir / "mice")
    model = Provenance("model", 0.8, "poetlab", "001-poet-r18")
    images = tuple(
        replace(image, instances=tuple(replace(instance, provenance=model) for instance in image.instances))
        for image in exported.images
    )
    save_label_set(replace(exported, images=images), labels_dir / "mice")
    report = run(write(a=[12, 40, 58], b=[20]), labels_dir)
    assert (report.n_corrected, report.n_unconfirmed) == (1, 2)
    corrected, same, new = load_label_set(labels_dir / "mice").images[0].instances
    assert [entry.provenance.made_by for entry in (corrected, same, new)] == ["corrected", "model", "human"]
    assert (corrected.provenance.score, corrected.provenance.tool, corrected.provenance.file) == (
        0.8,
        "coco",
        "labels.json",
    )
    assert same.provenance == model
    report = run(write(a=[12, 40, 58], b=[20]), labels_dir, confirmed=True)
    assert (report.n_corrected, report.n_unconfirmed) == (3, 0)


@pytest.mark.parametrize("step", range(1, 7))
def test_an_interruption_leaves_all_as_it_was(write, labels_dir: Path, step: int) -> None:
    run(write(a=[10], b=[20]), labels_dir)
    before = everything(labels_dir)

    def interrupt(done: int, _total: int) -> None:
        if done == step:
            raise KeyboardInterrupt

    source = write(a=[12], c=[30], b=[20])
    with pytest.raises(KeyboardInterrupt):
        run(source, labels_dir, on_progress=interrupt)
    assert everything(labels_dir) == before
    assert [path.name for path in labels_dir.iterdir()] == ["mice"]


@pytest.mark.parametrize("n_moves", [0, 1, 2])
def test_a_failure_while_files_are_moved_leaves_all_as_it_was(
    write, labels_dir: Path, n_moves: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(write(a=[10]), labels_dir)
    before = everything(labels_dir)
    source = write(a=[10], b=[20], c=[30])
    moved = []
    move = Path.replace

    def fail(path: Path, target: Path) -> Path:
        if not path.name.endswith(".partial"):
            if len(moved) == n_moves:
                raise KeyboardInterrupt
            moved.append(target)
        return move(path, target)

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(KeyboardInterrupt):
        run(source, labels_dir)
    assert len(moved) == n_moves
    assert everything(labels_dir) == before
    assert [path.name for path in labels_dir.iterdir()] == ["mice"]


@pytest.mark.shared_data
def test_frames_of_a_video_are_recognized(labels_dir: Path, shared_data: Path) -> None:
    """A SLEAP project imported twice decodes the same frames, and has them once."""
    source = shared_data / "flies_pair" / "labels.slp"
    first = run(source, labels_dir)
    before = everything(labels_dir)
    report = run(source, labels_dir)
    assert changes(report) == (0, 0, first.n_images, 0, 0)
    assert report.n_made == 0
    assert everything(labels_dir) == before


def test_a_label_set_whose_keypoints_are_not_the_projects_is_refused(write, labels_dir: Path) -> None:
    source = write(a=[10])
    skeleton = run(source, labels_dir).skeleton
    reordered = replace(skeleton, keypoints=skeleton.keypoints[::-1])
    with pytest.raises(LabelError, match="has other keypoints than the project"):
        run(source, labels_dir, skeleton=reordered)


def test_a_damaged_label_set_is_not_written_over(write, labels_dir: Path) -> None:
    source = write(a=[10])
    run(source, labels_dir)
    (labels_dir / "mice" / "annotations.json").write_text("{")
    with pytest.raises(LabelError, match=r"to start anew, delete .*mice first"):
        run(source, labels_dir)


def test_labels_may_lack_keypoints_of_the_project(write, labels_dir: Path) -> None:
    report = run(write(a=[10]), labels_dir)
    skeleton = replace(report.skeleton, keypoints=("tail", *report.skeleton.keypoints), sigmas=())
    report = run(write(a=[10]), labels_dir, skeleton=skeleton, name="more")
    assert report.lacking == ("tail",)
    (instance,) = load_label_set(labels_dir / "more").instances
    np.testing.assert_array_equal(instance.keypoints[:2], [[np.nan, np.nan, 0], [10, 20, 2]])


def test_keypoints_are_renamed_and_selected(write, labels_dir: Path) -> None:
    report = run(write(a=[10]), labels_dir, rename={"nose": "snout"}, keypoints=["left_ear", "snout"])
    assert report.skeleton.keypoints == ("left_ear", "snout")
    assert report.skeleton.edges == (("snout", "left_ear"),)
    (instance,) = load_label_set(labels_dir / "mice").instances
    np.testing.assert_array_equal(instance.keypoints, [[15, 24, 1], [10, 20, 2]])
    report = run(write(a=[10]), labels_dir, name="one", keypoints=["nose"])
    assert report.left_out == {"point of a keypoint that is not among --keypoints": (1, ("a.png",))}


def test_a_split_file_names_who_validates(write, labels_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "split.csv").write_text("name,split\nb.png,val\na.png,train\n")
    report = run(write(a=[10], b=[20]), labels_dir, split=tmp_path / "split.csv")
    assert {image.file_name: image.split for image in load_label_set(labels_dir / "mice").images} == {
        "a.png": "train",
        "b.png": "val",
    }
    assert all(image.is_split_given for image in load_label_set(labels_dir / "mice").images)
    assert report.split_rule == "as split.csv says"


def test_what_came_in_says_where_from(write, labels_dir: Path) -> None:
    run(write(a=[10]), labels_dir)
    content = json.loads((labels_dir / "mice" / "annotations.json").read_text())
    provenance = content["annotations"][0]["provenance"]
    assert {key: provenance[key] for key in ("made_by", "tool", "file")} == {
        "made_by": "human",
        "tool": "coco",
        "file": "labels.json",
    }
    assert len(provenance["imported"]) == len("2026-11-22T15:20:00Z")
    shutil.copytree(labels_dir / "mice", labels_dir.parent / "exported")
    run(labels_dir.parent / "exported", labels_dir, name="again")
    again = json.loads((labels_dir / "again" / "annotations.json").read_text())
    assert again["annotations"] == content["annotations"]
