"""Tests of drawn images as a data set on disk."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from poetlab.drawn.animals import LIZARD
from poetlab.drawn.dataset import draw_dataset
from poetlab.drawn.scenario import Scenario
from poetlab.errors import LabelError

N_IMAGES = 40
SIZE = (72, 96)


@pytest.fixture(scope="module")
def annotations(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "nested" / "lizards"
    return draw_dataset(folder, n_images=N_IMAGES, n_animals=(2, 3), size=SIZE, seed=3)


@pytest.fixture
def content(annotations) -> dict[str, Any]:
    return json.loads(annotations.read_text(encoding="utf-8"))


def content_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_seed_writes_the_same_bytes_and_another_does_not(tmp_path, annotations):
    again = draw_dataset(tmp_path / "again", n_images=N_IMAGES, n_animals=(2, 3), size=SIZE, seed=3)
    other = draw_dataset(tmp_path / "other", n_images=N_IMAGES, n_animals=(2, 3), size=SIZE, seed=4)
    expected = content_of(annotations.parent)
    assert len(expected) == N_IMAGES + 1
    assert content_of(again.parent) == expected
    assert not set(content_of(other.parent).values()) & set(expected.values())


def test_images_are_there_in_the_given_size(annotations, content):
    assert len(content["images"]) == N_IMAGES
    for entry in content["images"]:
        with Image.open(annotations.parent / "images" / entry["file_name"]) as image:
            assert image.mode == "RGB"
            assert image.size == (entry["width"], entry["height"]) == (SIZE[1], SIZE[0])


def test_number_of_animals_and_negatives(content):
    counts = [sum(a["image_id"] == entry["id"] for a in content["annotations"]) for entry in content["images"]]
    assert counts.count(0) == 2
    assert set(counts) == {0, 2, 3}


def test_no_negatives_and_only_negatives(tmp_path):
    all_full = draw_dataset(tmp_path / "full", n_images=4, n_animals=(1, 1), size=SIZE, negatives=0.0)
    all_empty = draw_dataset(tmp_path / "empty", n_images=4, n_animals=(1, 1), size=SIZE, negatives=1.0)
    assert len(json.loads(all_full.read_text(encoding="utf-8"))["annotations"]) == 4
    assert json.loads(all_empty.read_text(encoding="utf-8"))["annotations"] == []


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools 2.0.11 with numpy 2
def test_pycocotools_reads_it(annotations):
    coco = COCO(str(annotations))
    assert len(coco.getImgIds()) == N_IMAGES
    labels = coco.loadAnns(coco.getAnnIds())
    assert len(labels) > N_IMAGES
    for label in labels:
        mask = coco.annToMask(label).astype(bool)
        rows, columns = np.nonzero(mask)
        assert mask.shape == SIZE
        assert label["area"] == label["bbox"][2] * label["bbox"][3] >= mask.sum() > 0
        low, high = [columns.min(), rows.min()], [columns.max(), rows.max()]
        assert label["bbox"] == [*low, high[0] - low[0] + 1, high[1] - low[1] + 1]
        assert label["iscrowd"] == 0


def test_keypoints_are_in_the_picture_or_zero(content):
    keypoints = np.array([label["keypoints"] for label in content["annotations"]])
    keypoints = keypoints.reshape(-1, LIZARD.n_keypoints, 3)
    labeled = keypoints[..., 2] > 0
    assert (keypoints[~labeled] == 0).all()
    assert (keypoints[labeled][:, :2] >= 0).all()
    assert (keypoints[labeled][:, :2] <= (SIZE[1] - 1, SIZE[0] - 1)).all()
    assert [label["num_keypoints"] for label in content["annotations"]] == labeled.sum(axis=1).tolist()
    assert set(np.unique(keypoints[..., 2])) == {0, 1, 2}


def test_the_category_names_the_keypoints_and_counts_edges_from_one(content):
    (category,) = content["categories"]
    assert tuple(category["keypoints"]) == LIZARD.keypoints
    edges = tuple((LIZARD.keypoints[a - 1], LIZARD.keypoints[b - 1]) for a, b in category["skeleton"])
    assert edges == LIZARD.edges


def test_an_animal_of_which_nothing_is_seen_has_no_label(tmp_path):
    scenario = Scenario(roaming=20.0, sociability=0.0)
    path = draw_dataset(tmp_path / "far", n_images=10, size=SIZE, negatives=0.0, scenario=scenario)
    content = json.loads(path.read_text(encoding="utf-8"))
    assert len(content["images"]) == 10
    assert len(content["annotations"]) < 10


def test_progress_is_reported(tmp_path):
    seen: list[tuple[int, int]] = []
    draw_dataset(tmp_path / "set", n_images=3, size=SIZE, on_progress=lambda *step: seen.append(step))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_an_empty_folder_is_filled_and_a_full_one_refused(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    draw_dataset(folder, n_images=1, size=SIZE)
    before = content_of(folder)
    with pytest.raises(LabelError, match=r"mine: exists already; delete it"):
        draw_dataset(folder, n_images=1, size=SIZE, seed=1)
    assert content_of(folder) == before


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "mine").write_text("precious", encoding="utf-8")
    with pytest.raises(LabelError, match="mine"):
        draw_dataset(tmp_path / "mine", n_images=1, size=SIZE)
    with pytest.raises(LabelError, match="cannot be written"):
        draw_dataset(tmp_path / "mine" / "below", n_images=1, size=SIZE)
    assert (tmp_path / "mine").read_text(encoding="utf-8") == "precious"


def test_an_interrupted_drawing_leaves_nothing_behind(tmp_path):
    def interrupt(done: int, total: int) -> None:
        if done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw_dataset(tmp_path / "half", n_images=3, size=SIZE, on_progress=interrupt)
    assert list(tmp_path.iterdir()) == []
