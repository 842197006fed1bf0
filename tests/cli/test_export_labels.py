"""`poetlab export-labels`: labels and predictions out, and corrected back in."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from poetlab.drawn.tracks import draw_video
from poetlab.poses import Instances
from poetlab.project import Project
from poetlab.results.writing import ResultsWriter
from poetlab.training.data import TrainingData
from poetlab.training.settings import TrainingConfig
from poetlab.video.fingerprint import fingerprint

Run = Callable[..., Any]


@pytest.fixture
def analyzed(project: Project, tmp_path: Path) -> Callable[..., Path]:
    """`analyzed("cam.mp4", seed=2)`: the result file of a drawn video of eight frames; frame 3 is found empty.

    In frame 5 a second animal is found, of which one keypoint is likely to be hidden.
    """
    skeleton = project.skeleton()

    def make(name: str, seed: int = 2, shift: float = 0, **changes: Any) -> Path:
        video = tmp_path / "videos" / name
        video.parent.mkdir(parents=True, exist_ok=True)
        if not video.exists():  # encoders with several threads do not write the same bytes twice
            draw_video(video, n_frames=8, n_animals=2, size=(64, 64), seed=seed)
        path = project.results_dir / Path(name).with_suffix(".h5")
        path.parent.mkdir(parents=True, exist_ok=True)
        facts = {"size": (64, 64), "fps": 10.0, "video": video.name, "model": "001-poet-r18", "settings": {}}
        facts |= {"skeleton": skeleton, "video_fingerprint": fingerprint(video), "individuals": ("a", "b")}
        with ResultsWriter(path, **({"tracked": True} | facts | changes)) as writer:
            for frame in range(8):
                n = {3: 0, 5: 2}.get(frame, 1)
                row = np.arange(facts["skeleton"].n_keypoints)
                poses = [np.stack([row + 10.0 * k + shift, row + frame + 20.0], -1) for k in range(n)]
                keypoints = np.array(poses).reshape(n, len(row), 2)
                visibility = np.full((n, len(row)), 0.9)
                visibility[1:, 0] = 0.3
                writer.append([frame / 10], [Instances(keypoints, visibility, np.array([0.8, 0.6])[:n])], [frame])
            writer.finish()
        return path

    return make


def decode(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_label_sets_are_exported_and_come_back(run: Run, project: Project) -> None:
    outcome = run("export-labels", "--to", "dlc", "--project", project.path)
    assert outcome.status == 0, outcome.text
    assert "exports/001-dlc/drawn: 12 images" in outcome.text
    assert "no place for" in outcome.text
    outcome = run("import", project.path / "exports" / "001-dlc" / "drawn", "--project", project.path)
    assert "updated drawn (dlc)" in outcome.text
    assert "0 images added, 0 changed" in outcome.text
    assert run("export-labels", "--to", "coco", "--labels", "drawn", "--project", project.path).status == 0
    assert sorted(path.name for path in project.exports_dir.iterdir()) == ["001-dlc", "002-coco"]


def test_predictions_go_out_and_train_when_they_are_corrected(
    run: Run, project: Project, analyzed: Callable[..., Path], tmp_path: Path
) -> None:
    result = analyzed("cam.mp4")
    arguments = ("--videos", tmp_path / "videos", "--project", project.path)
    outcome = run("export-labels", "--to", "coco", result, "--frames", "5,3,0", *arguments)
    assert outcome.status == 0, outcome.text
    assert "labels/corrections: 3 images added, 0 renewed" in outcome.text
    assert "3 images, 3 animals, 3 of them predictions" in outcome.text
    labels = project.label_set("corrections")
    assert [(image.video, image.frame, len(image.instances)) for image in labels.images] == [
        ("cam.mp4", 0, 1),
        ("cam.mp4", 3, 0),
        ("cam.mp4", 5, 2),
    ]
    frames = decode(tmp_path / "videos" / "cam.mp4")
    for image in labels.images:
        pixels = np.asarray(Image.open(labels.image_path(image)).convert("RGB"))
        np.testing.assert_array_equal(pixels, frames[image.frame])
    second = labels.images[2].instances[1]
    assert second.individual == "b"
    assert second.provenance
    assert (second.provenance.made_by, second.provenance.file) == ("model", "cam.h5")
    assert second.provenance.score == pytest.approx(0.6, abs=1e-6)
    np.testing.assert_array_equal(second.keypoints[0], [np.nan, np.nan, 0])
    np.testing.assert_allclose(second.keypoints[1], [11, 26, 2], atol=1e-5)
    assert n_to_learn_from(project) == 12

    folder = project.exports_dir / "001-coco" / "corrections"
    content = json.loads((folder / "annotations.json").read_text())
    assert content["annotations"][0]["provenance"]["made_by"] == "model"
    content["annotations"][0]["keypoints"][0] += 3
    (folder / "annotations.json").write_text(json.dumps(content))
    outcome = run("import", folder, "--project", project.path)
    assert "1 of them are corrected or confirmed predictions" in outcome.text
    assert "2 predictions that nobody has confirmed" in outcome.text
    assert "1 image in which a model has found no animal" in outcome.text
    assert n_to_learn_from(project) == 13
    assert "3 of them are corrected" in run("import", folder, "--confirmed", "--project", project.path).text
    assert n_to_learn_from(project) == 15


def n_to_learn_from(project: Project) -> int:
    data = TrainingData.from_label_sets(project.label_sets(), TrainingConfig())
    return sum(label_set.n_images for label_set in (*data.training, *data.validation))


def test_new_predictions_replace_old_ones_and_never_what_a_person_has_labeled(
    run: Run, project: Project, analyzed: Callable[..., Path], tmp_path: Path
) -> None:
    arguments = ("--videos", tmp_path / "videos", "--project", project.path)
    result = analyzed("cam.mp4")
    run("export-labels", "--to", "coco", result, "--frames", "0,1", *arguments)
    folder = project.exports_dir / "001-coco" / "corrections"
    content = json.loads((folder / "annotations.json").read_text())
    content["annotations"][0]["keypoints"][0] += 3
    (folder / "annotations.json").write_text(json.dumps(content))
    run("import", folder, "--project", project.path)
    corrected = project.label_set("corrections").images[0].instances[0].keypoints
    result.unlink()
    outcome = run("export-labels", "--to", "sleap", analyzed("cam.mp4", shift=2), "--frames", "0,1,2", *arguments)
    assert "1 image added, 1 renewed" in outcome.text
    assert "1 image labeled by a person before: exported as they are" in outcome.text
    labels = project.label_set("corrections")
    assert [image.frame for image in labels.images] == [0, 1, 2]
    np.testing.assert_array_equal(labels.images[0].instances[0].keypoints, corrected)
    assert [image.instances[0].keypoints[0, 0] for image in labels.images[1:]] == [2, 2]
    assert (project.exports_dir / "002-sleap" / "corrections" / "corrections.slp").is_file()


def test_the_frames_of_a_table_are_taken_of_their_videos(
    run: Run, project: Project, analyzed: Callable[..., Path], tmp_path: Path
) -> None:
    results = [analyzed("day1/cam.mp4", seed=2), analyzed("day2/cam.mp4", seed=3), analyzed("other.mp4", seed=4)]
    table = tmp_path / "frames.csv"
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([["video", "frame", "score"], ["day1-cam.mp4", 1, 9], ["day2-cam.mp4", 6, 8]])
    arguments = ("--videos", tmp_path / "videos", "--project", project.path, "--labels", "mine")
    outcome = run("export-labels", "--to", "yolo", *results, "--frames", table, *arguments)
    assert outcome.status == 0, outcome.text
    labels = project.label_set("mine")
    assert [(image.video, image.frame) for image in labels.images] == [("day1-cam.mp4", 1), ("day2-cam.mp4", 6)]
    for image, video in zip(labels.images, ("day1/cam.mp4", "day2/cam.mp4"), strict=True):
        frame = decode(tmp_path / "videos" / video)[image.frame]
        np.testing.assert_array_equal(np.asarray(Image.open(labels.image_path(image)).convert("RGB")), frame)
    # another video of the same name never replaces a picture
    arguments = ("--video", tmp_path / "videos" / "day2" / "cam.mp4", *arguments[2:])
    run("export-labels", "--to", "yolo", results[1], "--frames", "1", *arguments)
    arguments = ("--video", tmp_path / "videos" / "day1" / "cam.mp4", *arguments[2:])
    outcome = run("export-labels", "--to", "yolo", results[0], "--frames", "1", *arguments)
    assert outcome.status == 0, outcome.text
    labels = project.label_set("mine")
    assert len({image.file_name for image in labels.images}) == labels.n_images == 4
    pictures = [np.asarray(Image.open(labels.image_path(image)).convert("RGB")) for image in labels.images]
    np.testing.assert_array_equal(pictures[2], decode(tmp_path / "videos" / "day2" / "cam.mp4")[1])
    np.testing.assert_array_equal(pictures[3], decode(tmp_path / "videos" / "day1" / "cam.mp4")[1])


def test_what_cannot_be_done_is_said_in_one_line_and_changes_nothing(
    run: Run, project: Project, analyzed: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = analyzed("cam.mp4")
    monkeypatch.chdir(project.path)
    before = sorted(path for path in project.path.rglob("*"))

    def refused(*arguments: str | Path, words: str, to: str = "sleap") -> bool:
        return run("export-labels", "--to", to, *arguments).fails_in_one_line(words)

    videos = ("--videos", tmp_path / "videos")
    assert refused(words="is no format to export labels to", to="excel")
    assert refused("--labels", "none", words="no label set 'none'")
    assert refused("--frames", "1", words="give their RESULTS too")
    assert refused(result, *videos, words="say which frames to export, with --frames")
    assert refused(result, "--frames", "1", words="the video is not beside")
    assert refused(result, *videos, "--frames", "99", words="cam.h5: frame 99 was not analyzed")
    assert refused(result, *videos, "--frames", "few", words="neither numbers")
    assert refused(result, *videos, "--frames", "1", "--labels", "a", "--labels", "b", words="give --labels once")
    assert refused(result, *videos, "--frames", "1", "--labels", "../a", words="cannot be the name of a label set")
    assert refused("missing.h5", *videos, "--frames", "1", words="missing.h5")
    assert refused(result, *videos, "--frames", "1", "--output", project.labels_dir, words="exports never overwrite")
    assert sorted(path for path in project.path.rglob("*")) == before


def test_results_with_other_keypoints_are_refused(
    run: Run, project: Project, make_result: Callable[..., Path], tmp_path: Path
) -> None:
    video = tmp_path / "cam.mp4"
    draw_video(video, n_frames=3, n_animals=1, size=(64, 64), seed=1)
    result = make_result(tmp_path / "cam.h5", n_frames=3, size=(64, 64), video_fingerprint=fingerprint(video))
    outcome = run("export-labels", "--to", "coco", result, "--frames", "1", "--project", project.path)
    assert outcome.fails_in_one_line("has other keypoints than the project")
