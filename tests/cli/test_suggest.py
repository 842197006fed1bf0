"""`poetlab suggest` on results of a small network: what it writes and prints, and what it refuses."""

import csv
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from poetlab.drawn.tracks import draw_video
from poetlab.labels.label_set import save_label_set
from poetlab.project import Project, open_project
from poetlab.video.reading import open_video
from poetlab.workflow.analyzing import analyze
from poetlab.workflow.suggesting import suggest_frames
from poetlab.workflow.training import train

Run = Callable[..., Any]

N_FRAMES = 60


@dataclass(frozen=True)
class Analyzed:
    """A project with a network that has learned nothing, and the results of a video."""

    project: Project
    video: Path
    result: Path


@pytest.fixture(scope="module")
def analyzed(labeled_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Analyzed:
    folder = tmp_path_factory.mktemp("analyzed")
    project = open_project(shutil.copytree(labeled_project, folder / "project"))
    video = folder / "lizards.mp4"
    draw_video(video, n_frames=N_FRAMES, n_animals=2, size=(64, 64), seed=3)
    train(project, epochs=1, device="cpu")
    (result,) = analyze(project, [video], threshold=0.0, device="cpu")
    assert result.path is not None
    return Analyzed(project, video, result.path)


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "frames.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_frames_reasons_and_images(run: Run, analyzed: Analyzed, tmp_path: Path) -> None:
    project = ("--project", analyzed.project.path, "--device", "cpu")
    output = tmp_path / "out" / "suggested"
    outcome = run("suggest", analyzed.result, "-n", "12", "--output", output, *project)
    assert outcome.status == 0
    assert "12 images -> " in outcome.text
    assert "and 2 more" in outcome.text
    rows = rows_of(output)
    assert len({row["frame"] for row in rows}) == 12
    assert {row["video"] for row in rows} == {"lizards.mp4"}
    scores = [float(row["score"]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert all(row["reasons"] for row in rows)
    assert rows[0]["reasons"].split(" (")[0] in " ".join(outcome.text.split())
    with open_video(analyzed.video) as video:
        decoded = {frame.index: frame.image for frame in video}
    for row in rows:
        with Image.open(output / row["image"]) as image:
            np.testing.assert_array_equal(np.asarray(image.convert("RGB")), decoded[int(row["frame"])])
    again = run("suggest", analyzed.result, "-n", "2", "--video", analyzed.video, "--output", output, *project)
    assert again.fails_in_one_line("suggested: exists; choose another --output")
    assert len(rows_of(output)) == 12


def test_labeled_frames_are_left_out_until_there_are_no_more(analyzed: Analyzed, tmp_path: Path) -> None:
    project = open_project(shutil.copytree(analyzed.project.path, tmp_path / "project"))
    label_set = project.label_set("drawn")
    n_labeled = len(label_set.images)
    assert n_labeled < N_FRAMES
    images = tuple(replace(image, video="lizards.mp4", frame=frame) for frame, image in enumerate(label_set.images))
    save_label_set(replace(label_set, images=images), project.labels_dir / "drawn")
    done: list[tuple[str, int, int]] = []
    suggestions = suggest_frames(
        project,
        [analyzed.result],
        N_FRAMES,
        video=analyzed.video,
        output=tmp_path / "suggested",
        device="cpu",
        on_progress=lambda work, _, n, total: done.append((work, n, total)),
    )
    assert {one.frame for one in suggestions} == set(range(n_labeled, N_FRAMES))
    n_left = N_FRAMES - n_labeled
    assert ("looking again", n_left, n_left) in done
    assert done[-1] == ("writing", n_left, n_left)


@pytest.mark.parametrize("called", ["{folder}/lizards.mp4", "{folder}-lizards.mp4"])
def test_a_video_keeps_the_name_that_labels_have_for_it(analyzed: Analyzed, tmp_path: Path, called: str) -> None:
    """Else its labeled frames would be asked for again, and the new ones could go to the other side of the split."""
    folder = analyzed.video.parent.name
    project = open_project(shutil.copytree(analyzed.project.path, tmp_path / "project"))
    label_set = project.label_set("drawn")
    name = called.format(folder=folder)
    images = tuple(replace(image, video=name, frame=frame) for frame, image in enumerate(label_set.images))
    save_label_set(replace(label_set, images=images), project.labels_dir / "drawn")
    suggestions = suggest_frames(
        project, [analyzed.result], 3, video=analyzed.video, output=tmp_path / "suggested", device="cpu"
    )
    assert {one.video for one in suggestions} == {f"{folder}-lizards.mp4"}
    assert not {one.frame for one in suggestions} & set(range(len(images)))


def test_videos_are_found_in_a_folder_and_the_model_is_compared(run: Run, analyzed: Analyzed, tmp_path: Path) -> None:
    project = open_project(shutil.copytree(analyzed.project.path, tmp_path / "project"))
    (only,) = project.runs()
    shutil.copytree(only.path, project.models_dir / "002-other")
    outcome = run(
        *("suggest", analyzed.result, "-n", "3", "--videos", analyzed.video.parent, "-o", tmp_path / "suggested"),
        *("--project", project.path, "--device", "cpu"),
    )
    assert outcome.status == 0
    assert "but 002-other looks at its frames again" in outcome.text
    assert len(rows_of(tmp_path / "suggested")) == 3


def test_wrong_input_is_one_line_and_leaves_nothing(run: Run, analyzed: Analyzed, tmp_path: Path) -> None:
    other = tmp_path / "other.mp4"
    draw_video(other, n_frames=3, n_animals=1, size=(64, 64), seed=9)
    (tmp_path / "lost").mkdir()
    lost = shutil.copy(analyzed.result, tmp_path / "lost")
    video = ("--video", analyzed.video)
    for arguments, words in (
        ((analyzed.result, "-n", "0", *video), "choose at least 1"),
        ((lost, "-n", "2"), "lizards.mp4: the video is not beside"),
        ((analyzed.result, "-n", "2", "--video", other), "not the video of"),
        ((analyzed.result, "-n", "2", "--videos", tmp_path, *video), "not both"),
        ((analyzed.result, analyzed.result, "-n", "2", *video), "of the same video as another"),
        ((tmp_path / "no.h5", "-n", "2", *video), "no such result file"),
        ((other, "-n", "2", *video), "not a result file"),
        ((analyzed.result, "-n", "2", "--snapshot", "009-none", *video), "no snapshot"),
    ):
        outcome = run(
            "suggest", *arguments, "-o", tmp_path / "suggested", "--project", analyzed.project.path, "--device", "cpu"
        )
        assert outcome.fails_in_one_line(words), outcome.text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lost", "other.mp4"]
