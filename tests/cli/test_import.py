"""`poetlab import`, from the command line."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from poetlab.project import Project


def test_an_update_says_what_has_changed(run: Callable[..., Any], project: Project, drawn_labels: Path) -> None:
    outcome = run("import", drawn_labels, "--name", "drawn", "--project", project.path)
    assert outcome.status == 0
    assert "updated drawn (coco)" in outcome.text
    assert "0 images added, 0 changed, 12 unchanged, 0 gone" in outcome.text


def test_images_that_are_gone_are_kept_or_removed(
    run: Callable[..., Any], project: Project, drawn_labels: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(drawn_labels, tmp_path / "labels")
    (path,) = folder.glob("*.json")
    content = json.loads(path.read_text())
    gone = content["images"].pop()["id"]
    content["annotations"] = [entry for entry in content["annotations"] if entry["image_id"] != gone]
    path.write_text(json.dumps(content))
    outcome = run("import", folder, "--name", "drawn", "--project", project.path)
    assert "11 unchanged, 1 gone" in outcome.text
    assert "kept; to remove them, import with --prune" in outcome.text
    assert project.label_set("drawn").n_images == 12
    outcome = run("import", folder, "--name", "drawn", "--prune", "--project", project.path)
    assert "removed with their labels" in outcome.text
    assert project.label_set("drawn").n_images == 11


def test_names_that_differ_are_told_with_what_mends_them(
    run: Callable[..., Any], project: Project, drawn_labels: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(drawn_labels, tmp_path / "labels")
    (path,) = folder.glob("*.json")
    content = json.loads(path.read_text())
    first, *others = content["categories"][0]["keypoints"]
    content["categories"][0]["keypoints"] = [f"{first}s", *others]
    path.write_text(json.dumps(content))
    arguments = ("import", folder, "--name", "more", "--project", project.path)
    assert run(*arguments).fails_in_one_line(f"the labels lack: {first}", f"--rename {first}s={first}")
    outcome = run(*arguments, "--rename", f"{first}s={first}")
    assert outcome.status == 0
    assert "not in these labels" not in outcome.text
    outcome = run(*arguments[:3], "fewer", *arguments[4:], "--keypoints", ",".join(others))
    assert f"not in these labels: {first}" in outcome.text
    assert run(*arguments[:3], "bad", *arguments[4:], "--rename", "x").fails_in_one_line("OLD=NEW")
    assert run(*arguments[:3], "bad", *arguments[4:], "--split", "week").fails_in_one_line("no way to split")
    assert not (project.labels_dir / "bad").exists()
