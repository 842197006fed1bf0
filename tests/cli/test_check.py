"""`poetlab check`."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from poetlab.labels.label_set import LabelSet, save_label_set
from poetlab.project import Project

Run = Callable[..., Any]
"""The fixture that runs a command."""


def change(project: Project, **changes: Any) -> LabelSet:
    """Save the project's drawn labels with a change of their first image that has animals."""
    labels = project.label_set("drawn")
    number = next(number for number, image in enumerate(labels.images) if image.instances)
    images = list(labels.images)
    images[number] = replace(images[number], **changes)
    labels = replace(labels, images=tuple(images))
    save_label_set(labels, project.labels_dir / "drawn")
    return labels


@pytest.fixture
def with_a_point_outside(project: Project) -> Project:
    labels = project.label_set("drawn")
    image = next(image for image in labels.images if image.instances)
    keypoints = image.instances[0].keypoints.copy()
    keypoints[0] = 500, 10, 2
    change(project, instances=(replace(image.instances[0], keypoints=keypoints), *image.instances[1:]))
    return project


def test_clean_labels_pass(run: Run, project: Project):
    outcome = run("check", "--project", project.path, "--fail-on", "note", "--min-images", 3)
    assert outcome.status == 0
    assert "checked drawn: 12 images" in outcome.text
    assert "written to" in outcome.text
    report = json.loads((project.labels_dir / "check.json").read_text())
    assert report["findings"] == []
    assert set(report["counts"]["bones"].values()) == {0}
    assert not (project.labels_dir / "check.png").exists()


def test_a_mistake_is_in_the_table_the_sheet_and_the_json(run: Run, with_a_point_outside: Project):
    outcome = run("check", "--project", with_a_point_outside.path)
    assert outcome.status == 3
    assert "error outside: drawn/drawn_0000" in outcome.text
    assert "snout: up to 436 pixels outside the image of 64 x 64" in outcome.text
    folder = with_a_point_outside.labels_dir
    report = json.loads((folder / "check.json").read_text())
    first = report["findings"][0]
    assert (first["check"], first["severity"], first["place"]["keypoints"]) == ("outside", "error", ["snout"])
    assert report["counts"]["outside"] == {"error": 1, "warning": 0, "note": 0}
    with Image.open(folder / "check.png") as sheet:
        assert sheet.width > 300


@pytest.mark.parametrize(("arguments", "status"), [(("--fail-on", "never"), 0), (("--skip", "outside"), 0), ((), 3)])
def test_the_exit_status_is_chosen(run: Run, with_a_point_outside: Project, arguments: tuple[str, ...], status: int):
    outcome = run("check", "drawn", *arguments, "--project", with_a_point_outside.path, "--no-images")
    assert outcome.status == status
    assert "not judged: images, duplicates, leaks: the images were not read" in outcome.text


def test_warnings_fail_only_where_asked(run: Run, project: Project):
    labels = project.label_set("drawn")
    image = next(image for image in labels.images if image.instances)
    change(project, instances=(*image.instances, image.instances[0]))
    assert run("check", "--project", project.path).status == 0
    assert run("check", "--project", project.path, "--fail-on", "warning").status == 3
    folder = project.labels_dir / "drawn"
    shutil.copy(project.label_set("drawn").image_path(image), folder / "images" / "copy.png")
    copied = replace(image, file_name="copy.png", id=None, split="val" if image.split == "train" else "train")
    save_label_set(replace(labels, images=(*labels.images, copied)), folder)
    outcome = run("check", "--project", project.path)
    assert outcome.status == 3
    assert "error leaks: drawn/copy.png" in outcome.text


def test_the_report_can_go_elsewhere_and_older_pictures_go(run: Run, with_a_point_outside: Project, tmp_path: Path):
    arguments = ("check", "--project", with_a_point_outside.path, "--output", tmp_path / "out" / "checks")
    run(*arguments)
    assert sorted(path.name for path in (tmp_path / "out" / "checks").iterdir()) == ["check.json", "check.png"]
    assert not (with_a_point_outside.labels_dir / "check.json").exists()
    run(*arguments, "--pictures", 0)
    assert [path.name for path in (tmp_path / "out" / "checks").iterdir()] == ["check.json"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("mice",), ("no label set 'mice'", "drawn")),
        (("--skip", "bone"), ("no check 'bone'", "left-right")),
        (("--min-images", "0"), ("at least 1 image",)),
        (("--pictures", "-1"), ("-1 pictures",)),
    ],
)
def test_what_cannot_be_is_one_line(run: Run, project: Project, arguments: tuple[str, ...], words: tuple[str, ...]):
    assert run("check", *arguments, "--project", project.path).fails_in_one_line(*words)
    assert not (project.labels_dir / "check.json").exists()


def test_a_file_in_the_way_is_one_line(run: Run, project: Project, tmp_path: Path):
    (tmp_path / "file").touch()
    outcome = run("check", "--project", project.path, "--output", tmp_path / "file")
    assert outcome.fails_in_one_line("file", "cannot be written")


def test_damaged_images_are_findings_and_have_no_picture(run: Run, project: Project):
    labels = project.label_set("drawn")
    labels.image_path(labels.images[0]).write_bytes(b"no image")
    labels.image_path(labels.images[1]).unlink()
    outcome = run("check", "--project", project.path)
    assert outcome.status == 3
    assert "the image file is missing" in outcome.text
    assert "the image file is damaged" in outcome.text
    assert (project.labels_dir / "check.png").is_file()


def test_what_is_accepted_is_not_reported_until_it_changes(run: Run, with_a_point_outside: Project):
    project = with_a_point_outside
    arguments = ("check", "--no-images", "--project", project.path)
    outcome = run(*arguments, "--fail-on", "error")
    assert outcome.status == 3
    report = json.loads((project.labels_dir / "check.json").read_text())
    names = [finding["id"] for finding in report["findings"] if finding["severity"] == "error"]
    assert f"({names[0]})" in outcome.text
    assert run(*arguments, "--accept", "none").fails_in_one_line("no finding 'none' in these labels")
    assert not (project.labels_dir / "check_accepted.yaml").exists()
    outcome = run(*arguments, *(part for name in names for part in ("--accept", name)))
    assert outcome.status == 0
    outcome = run(*arguments)
    assert outcome.status == 0
    assert f"{len(names)} finding" in outcome.text
    assert "accepted in check_accepted.yaml" in outcome.text
    again = json.loads((project.labels_dir / "check.json").read_text())
    assert again["n_accepted"] == len(names)
    assert [finding["id"] for finding in again["findings"]] == [
        finding["id"] for finding in report["findings"] if finding["id"] not in names
    ]
    labels = project.label_set("drawn")
    image = next(image for image in labels.images if image.instances)
    keypoints = image.instances[0].keypoints.copy()
    keypoints[0] = 400, 10, 2
    change(project, instances=(replace(image.instances[0], keypoints=keypoints), *image.instances[1:]))
    assert run(*arguments).status == 3
    assert run(*arguments, "--accept", "all", "--fail-on", "note").status == 0
    assert "outside: drawn/" in (project.labels_dir / "check_accepted.yaml").read_text()
