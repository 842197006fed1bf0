"""Label sets in memory and on disk."""

import errno
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools.coco import COCO

import poetlab
from poetlab.errors import LabelError
from poetlab.labels.label_set import LabeledImage, LabeledInstance, LabelSet, load_label_set, save_label_set
from poetlab.labels.provenance import Provenance
from poetlab.skeleton import Skeleton

SKELETON = Skeleton(
    "mouse",
    ("nose", "left_ear", "right_ear"),
    edges=(("nose", "left_ear"), ("nose", "right_ear")),
    symmetries=(("left_ear", "right_ear"),),
    sigmas=(0.025, 0.05, 0.06),
)

numbers = st.floats(-1e6, 1e6)
positive = st.floats(1e-3, 1e9)
texts = st.none() | st.text()
provenances = st.builds(
    Provenance,
    made_by=st.sampled_from(["human", "model", "corrected"]),
    score=st.none() | st.floats(0, 1),
    tool=texts,
    file=texts,
    imported=texts,
)


@st.composite
def skeletons(draw: st.DrawFn) -> Skeleton:
    names = draw(st.lists(st.text(min_size=1), min_size=1, max_size=6, unique=True))
    name = st.sampled_from(names)
    return Skeleton(
        name=draw(st.text()),
        keypoints=tuple(names),
        edges=tuple(draw(st.lists(st.tuples(name, name), max_size=4))),
        symmetries=tuple(zip(names[:-1:2], names[1::2], strict=False)),
        sigmas=tuple(draw(st.lists(positive, min_size=len(names), max_size=len(names)))),
    )


@st.composite
def instances(draw: st.DrawFn, n_keypoints: int) -> LabeledInstance:
    points = [draw(st.tuples(numbers, numbers, st.sampled_from([0, 1, 2]))) for _ in range(n_keypoints)]
    keypoints = np.array([point if point[2] else (np.nan, np.nan, 0) for point in points], dtype=np.float64)
    polygons = st.lists(st.lists(numbers | st.integers(), max_size=8), max_size=3)
    run_lengths = st.fixed_dictionaries({"size": st.just([4, 5]), "counts": st.text() | st.lists(st.integers())})
    return LabeledInstance(
        keypoints=keypoints,
        bbox=draw(st.tuples(numbers, numbers, positive, positive)),
        area=draw(positive),
        is_crowd=draw(st.booleans()),
        segmentation=draw(st.none() | polygons | run_lengths),
        individual=draw(st.none() | st.text()),
        provenance=draw(st.none() | provenances),
    )


@st.composite
def label_sets(draw: st.DrawFn) -> LabelSet:
    skeleton = draw(skeletons())
    image = st.builds(
        LabeledImage,
        file_name=st.text(min_size=1),
        size=st.tuples(st.integers(1, 9999), st.integers(1, 9999)),
        instances=st.lists(instances(skeleton.n_keypoints), max_size=3).map(tuple),
        split=st.sampled_from(["train", "val"]),
    )
    images = draw(st.lists(image, max_size=4))
    ids = draw(st.lists(st.integers(0, 2**53 - 1), min_size=len(images), max_size=len(images), unique=True))
    images = [
        replace(image, id=number if draw(st.booleans()) else None) for image, number in zip(images, ids, strict=True)
    ]
    return LabelSet("flies", skeleton, tuple(images), draw(st.text()), Path("images"))


def assert_equal(first: LabelSet, second: LabelSet) -> None:
    assert (first.name, first.skeleton, first.area_rule) == (second.name, second.skeleton, second.area_rule)
    for image, other in zip(first.images, second.images, strict=True):
        assert (image.file_name, image.size, image.split) == (other.file_name, other.size, other.split)
        for instance, twin in zip(image.instances, other.instances, strict=True):
            np.testing.assert_array_equal(instance.keypoints, twin.keypoints, strict=True)
            assert (instance.bbox, instance.area, instance.is_crowd) == (twin.bbox, twin.area, twin.is_crowd)
            assert (instance.segmentation, instance.individual) == (twin.segmentation, twin.individual)
            assert instance.provenance == twin.provenance


def make_instance(*visibility: int) -> LabeledInstance:
    keypoints = np.array([(10.0 * n, 5.0, v) if v else (np.nan, np.nan, 0) for n, v in enumerate(visibility)])
    return LabeledInstance(keypoints, (0.0, 5.0, 20.0, 1.0), 20.0)


@pytest.fixture
def label_set(tmp_path: Path) -> LabelSet:
    images = (
        LabeledImage("a.png", (48, 64), (make_instance(2, 1, 0), make_instance(0, 0, 0)), "train"),
        LabeledImage("b/c.png", (48, 64), (), "val"),
    )
    return LabelSet("mice", SKELETON, images, "as given", tmp_path / "mice" / "images")


@given(label_set=label_sets())
def test_what_is_saved_is_loaded_exactly(label_set: LabelSet) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "flies"
        save_label_set(label_set, folder)
        loaded = load_label_set(folder)
        assert_equal(loaded, label_set)
        assert tuple(image.id for image in loaded.images) == loaded.image_ids == label_set.image_ids
        assert loaded.images_dir == folder / "images"
        assert [path.name for path in folder.iterdir()] == ["annotations.json"]


def test_summaries_count_images_and_instances(label_set: LabelSet) -> None:
    assert (label_set.n_images, label_set.n_instances, label_set.n_labeled_instances) == (2, 2, 1)
    assert [instance.n_labeled for instance in label_set.instances] == [2, 0]
    assert label_set.image_path(label_set.images[1]) == label_set.images_dir / "b" / "c.png"


def test_select_keeps_one_split(label_set: LabelSet) -> None:
    assert [image.file_name for image in label_set.select("train").images] == ["a.png"]
    assert [image.file_name for image in label_set.select("val").images] == ["b/c.png"]
    assert label_set.select("val").skeleton == SKELETON


def test_images_keep_their_ids_and_others_are_numbered_on(label_set: LabelSet, tmp_path: Path) -> None:
    first, second = label_set.images
    assert label_set.image_ids == (1, 2)
    images = (
        replace(first, id=40),
        second,
        replace(second, file_name="d.png", id=7),
        replace(second, file_name="e.png"),
    )
    numbered = replace(label_set, images=images)
    assert numbered.image_ids == (40, 41, 7, 42)
    save_label_set(numbered, tmp_path / "mice")
    coco = COCO(tmp_path / "mice" / "annotations.json")
    assert coco.getImgIds() == [40, 41, 7, 42]
    assert [annotation["image_id"] for annotation in coco.loadAnns(coco.getAnnIds())] == [40, 40]
    assert load_label_set(tmp_path / "mice").select("val").image_ids == (41, 7, 42)


def test_the_file_is_coco_that_pycocotools_opens(label_set: LabelSet, tmp_path: Path) -> None:
    save_label_set(label_set, tmp_path / "mice")
    coco = COCO(tmp_path / "mice" / "annotations.json")
    assert coco.getImgIds() == [1, 2]
    assert coco.loadCats(1)[0]["skeleton"] == [[1, 2], [1, 3]]
    first, second = coco.loadAnns(coco.getAnnIds(imgIds=1))
    assert first["keypoints"] == [0, 5, 2, 10, 5, 1, 0, 0, 0]
    assert (first["num_keypoints"], second["num_keypoints"]) == (2, 0)
    assert coco.loadImgs(2)[0]["split"] == "val"


def test_the_file_says_who_wrote_it_and_how_areas_were_obtained(label_set: LabelSet, tmp_path: Path) -> None:
    save_label_set(label_set, tmp_path / "mice")
    content = json.loads((tmp_path / "mice" / "annotations.json").read_text(encoding="utf-8"))
    assert content["info"]["area_rule"] == "as given"
    assert content["info"]["version"] == poetlab.__version__
    assert content["categories"][0]["symmetries"] == [["left_ear", "right_ear"]]
    assert content["categories"][0]["sigmas"] == [0.025, 0.05, 0.06]


def test_a_full_disk_leaves_the_old_file_and_nothing_else(label_set: LabelSet, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    folder = tmp_path / "mice"
    save_label_set(label_set, folder)
    before = (folder / "annotations.json").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, hard))
    try:
        with pytest.raises(LabelError, match="cannot be written") as caught:
            save_label_set(replace(label_set, area_rule="other"), folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.__cause__.errno == errno.EFBIG
    assert (folder / "annotations.json").read_bytes() == before
    assert [path.name for path in folder.iterdir()] == ["annotations.json"]


def test_a_file_where_the_folder_should_be_is_one_line(label_set: LabelSet, tmp_path: Path) -> None:
    (tmp_path / "mice").write_text("")
    with pytest.raises(LabelError, match="cannot be written") as caught:
        save_label_set(label_set, tmp_path / "mice")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_file_that_is_cut_short_is_named_in_one_line(label_set: LabelSet, tmp_path: Path, share: float) -> None:
    path = tmp_path / "mice" / "annotations.json"
    save_label_set(label_set, tmp_path / "mice")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(LabelError, match="cut short or damaged, export it again") as caught:
        load_label_set(tmp_path / "mice")
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_folder_without_labels_says_so(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match=r"annotations\.json: cannot be read \(No such file"):
        load_label_set(tmp_path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda content: content.pop("info"), "KeyError: 'info'"),
        (lambda content: content["categories"].clear(), "IndexError"),
        (lambda content: content["categories"][0]["sigmas"].pop(), "3 keypoints but 2 sigmas"),
        (lambda content: content["images"][0].update(split="test"), "'test' is neither train nor val"),
        (lambda content: content["annotations"][0]["keypoints"].pop(), "ValueError"),
        (lambda content: content["annotations"][0].update(image_id=9), "KeyError: 9"),
        (lambda content: content["annotations"][0].update(bbox=None), "TypeError"),
        (
            lambda content: content["annotations"][0].update(provenance={"made_by": "me"}),
            "made_by is 'me', none of human",
        ),
        (lambda content: content["annotations"][0].update(provenance={"made_by": "human", "score": "x"}), "no number"),
        (lambda content: content["annotations"][0].update(provenance={"made_by": "human", "file": 3}), "no text"),
    ],
)
def test_a_file_that_poetlab_did_not_write_is_refused(label_set: LabelSet, tmp_path: Path, change, reason: str) -> None:
    path = tmp_path / "mice" / "annotations.json"
    save_label_set(label_set, tmp_path / "mice")
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(LabelError, match="not a label set of poetlab") as caught:
        load_label_set(tmp_path / "mice")
    assert reason in str(caught.value)
