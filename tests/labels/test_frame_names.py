"""Names of frames: they tell video and frame, wherever the file comes to lie, and imports read that."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from poetlab.errors import LabelError
from poetlab.labels.frame_names import frame_file_name, frame_of, video_names
from poetlab.project import create_project
from poetlab.workflow.importing import import_labels

names = st.text("abc_-. 0189", min_size=1, max_size=12).filter(lambda text: text.strip(" .") and text[0] != ".")


@given(names, st.sampled_from(["mp4", "avi", "MOV"]), st.integers(0, 10**9))
def test_a_name_is_read_back_in_any_folder(stem: str, suffix: str, frame: int) -> None:
    video = f"{stem}.{suffix}"
    name = frame_file_name(video, frame)
    file = name.rpartition("/")[2]
    for place in (name, file, f"labeled-data/{name}", file.replace(".png", ".jpg")):
        assert frame_of(place) == (video, frame)


@pytest.mark.parametrize(
    "name", ["cam1/frame_000012.png", "cam1_frame_000012.png", "cam1/img0012.png", "cam1.mp4_frame_12.png", "a.png"]
)
def test_other_tools_names_tell_nothing(name: str) -> None:
    assert frame_of(name) == (None, None)


def test_videos_of_one_name_are_told_apart() -> None:
    assert video_names([Path("day1/cam1.mp4"), Path("day1/cam2.mp4")]) == ["cam1.mp4", "cam2.mp4"]
    assert video_names([Path("day1/cam1.mp4"), Path("day2/cam1.mp4")]) == ["day1-cam1.mp4", "day2-cam1.mp4"]
    with pytest.raises(LabelError, match="would be called like"):
        video_names([Path("a-b/c.mp4"), Path("a/b-c.mp4"), Path("d/c.mp4")])


def labels_of(folder: Path, file_names: list[str]) -> Path:
    """COCO labels of one animal on each of some images, which say nothing of videos."""
    images, annotations = [], []
    for number, name in enumerate(file_names, start=1):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (32, 24), (number, 0, 0)).save(folder / name)
        images.append({"id": number, "file_name": name, "width": 32, "height": 24})
        annotations.append({"id": number, "image_id": number, "category_id": 1, "keypoints": [5, 6, 2], "iscrowd": 0})
    category = {"id": 1, "name": "fly", "keypoints": ["head"], "skeleton": []}
    content = {"images": images, "annotations": annotations, "categories": [category]}
    (folder / "labels.json").write_text(json.dumps(content))
    return folder / "labels.json"


@pytest.mark.parametrize("in_folders", [True, False])
def test_an_import_knows_the_frames_and_keeps_those_of_a_video_together(tmp_path: Path, in_folders: bool) -> None:
    names = [frame_file_name(f"cam{video}.mp4", frame) for video in range(5) for frame in (3, 40, 500)]
    names = names if in_folders else [name.rpartition("/")[2] for name in names]
    project = create_project(tmp_path / "project")
    import_labels(project, labels_of(tmp_path / "labels", names), name="flies")
    images = project.label_set("flies").images
    assert [(image.video, image.frame) for image in images] == [frame_of(name) for name in names]
    by_video = {(image.video, image.split) for image in images}
    assert len(by_video) == 5
    assert {split for _, split in by_video} == {"train", "val"}


def test_an_import_leaves_other_names_as_they_are(tmp_path: Path) -> None:
    project = create_project(tmp_path / "project")
    import_labels(project, labels_of(tmp_path / "labels", ["cam1/frame_000012.png"]), name="flies")
    (image,) = project.label_set("flies").images
    assert (image.video, image.frame) == (None, None)
