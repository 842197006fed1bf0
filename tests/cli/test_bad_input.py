"""Everything that a user can get wrong ends in one clear line, and nothing is lost."""

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from poetlab.project import Project, open_project

Run = Callable[..., Any]
"""The fixture that runs a command."""


def test_outside_a_project(run: Run, tmp_path: Path) -> None:
    for command in (("train",), ("evaluate",), ("analyze", "x.mp4"), ("import", "x.json")):
        assert run(*command, "--project", tmp_path).fails_in_one_line("not inside a poetlab project", "poetlab init")


def test_an_unknown_setting_names_the_nearest(run: Run, project: Project) -> None:
    config = project.path / "config.yaml"
    config.write_text(config.read_text().replace("  learning_rate:", "  lerning_rate:"))
    assert run("train", "--project", project.path).fails_in_one_line("training.lerning_rate", "'learning_rate'")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("individuals: [", ("not valid YAML",)),
        ("individuals: many", ("individuals", "valid integer", "many")),
        ("preset: poet-r99", ("poet-r99", "poet-r50")),
        ("training: {learning_rate: .inf}", ("training.learning_rate", "finite")),
        ("training: {seed: 99999999999999999999999}", ("training.seed",)),
    ],
)
def test_a_wrong_setting(run: Run, project: Project, line: str, words: tuple[str, ...]) -> None:
    (project.path / "config.yaml").write_text(f"poetlab: 1\n{line}\n")
    assert run("train", "--project", project.path).fails_in_one_line(*words)


def test_another_tools_config(run: Run, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("Task: reaching\nscorer: me\n")
    assert run("train", "--project", tmp_path).fails_in_one_line("no poetlab config")


def test_another_tools_config_below_the_project_does_not_hide_it(run: Run, project: Project) -> None:
    below = project.labels_dir / "drawn"
    (below / "config.yaml").write_text("Task: reaching\n")
    assert "12 images" in run("info", "--project", below).text


def test_an_init_that_fails_leaves_nothing(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    assert run("init", tmp_path / "study", "--skeleton", "macaque").fails_in_one_line("No space left on device")
    assert not [path for path in tmp_path.rglob("*") if path.name != "study"]
    monkeypatch.undo()
    assert run("init", tmp_path / "study", "--skeleton", "macaque").status == 0


@pytest.mark.parametrize("name", ["train", "val"])
def test_a_label_set_named_like_a_split(run: Run, project: Project, drawn_labels: Path, name: str) -> None:
    outcome = run("import", drawn_labels, "--name", name, "--project", project.path)
    assert outcome.fails_in_one_line("name of a split")


def test_training_without_labels(run: Run, tmp_path: Path) -> None:
    run("init", tmp_path / "study")
    assert run("train", "--project", tmp_path / "study").fails_in_one_line("no labels yet", "poetlab import")
    assert run("evaluate", "--project", tmp_path / "study").fails_in_one_line("no labels yet")


def test_no_snapshot(run: Run, project: Project) -> None:
    assert run("evaluate", "--project", project.path).fails_in_one_line("no trained network", "poetlab train")


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 half an archive"])
def test_pretrained_files_that_are_none(run: Run, project: Project, tmp_path: Path, content: bytes) -> None:
    for name in ("weights.pth", "weights.safetensors"):
        (tmp_path / name).write_bytes(content)
        assert run("train", "--pretrained", tmp_path / name, "--project", project.path).fails_in_one_line(name)
    assert not project.runs()


def test_a_pretrained_file_that_is_not_there(run: Run, project: Project) -> None:
    outcome = run("train", "--pretrained", "nowhere.pth", "--project", project.path)
    assert outcome.fails_in_one_line("nowhere.pth", "--pretrained")


def test_keypoints_that_were_reordered_after_the_import(run: Run, project: Project) -> None:
    skeleton = yaml.safe_load(project.skeleton_path.read_text())
    skeleton["keypoints"].reverse()
    project.skeleton_path.write_text(yaml.safe_dump(skeleton))
    assert run("train", "--project", project.path).fails_in_one_line("skeleton.yaml", "no longer those")


def test_no_memory_left(run: Run, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")

    monkeypatch.setattr("poetlab.training.loop.Objective.sums", fail)
    assert run("train", "--project", project.path).fails_in_one_line("out of memory", "--batch-size")


def test_an_unknown_label_set(run: Run, project: Project) -> None:
    from poetlab.workflow.training import train

    train(project, epochs=1, device="cpu")
    outcome = run("evaluate", "--split", "nothing", "--project", project.path)
    assert outcome.fails_in_one_line("no label set 'nothing'", "drawn")


def test_an_image_that_vanished_or_was_damaged_after_the_import(run: Run, project: Project) -> None:
    images = sorted((project.labels_dir / "drawn" / "images").rglob("*.png"))
    content = images[0].read_bytes()
    images[0].unlink()
    (project.path / "config.yaml").write_text("poetlab: 1\nimage_size: {short_side: [48, 64], long_side: 64}\n")
    everything = ("train", "--epochs", "1", "--batch-size", "12", "--project", project.path)
    assert run(*everything).fails_in_one_line(images[0].name, "missing")
    images[0].write_bytes(content[: len(content) // 2])
    assert run(*everything).fails_in_one_line(images[0].name, "cannot be read")


def test_labels_of_another_skeleton(run: Run, tmp_path: Path, drawn_labels: Path) -> None:
    run("init", tmp_path / "study", "--skeleton", "ap10k")
    outcome = run("import", drawn_labels, "--project", tmp_path / "study")
    assert outcome.fails_in_one_line("annotations.json")
    assert not list((tmp_path / "study" / "labels").iterdir())


def test_labels_cut_short(run: Run, tmp_path: Path, drawn_labels: Path) -> None:
    run("init", tmp_path / "study")
    cut = tmp_path / "cut.json"
    cut.write_text((drawn_labels / "annotations.json").read_text()[:3000])
    assert run("import", cut, "--project", tmp_path / "study").fails_in_one_line("cut.json")
    assert not list((tmp_path / "study" / "labels").iterdir())


def test_an_empty_label_set(run: Run, tmp_path: Path, drawn_labels: Path) -> None:
    run("init", tmp_path / "study")
    content = json.loads((drawn_labels / "annotations.json").read_text())
    empty = tmp_path / "empty.json"
    empty.write_text(json.dumps(content | {"images": [], "annotations": []}))
    assert run("import", empty, "--project", tmp_path / "study").fails_in_one_line("empty.json", "lists no image")


def test_points_that_are_no_numbers_or_outside_are_counted(run: Run, tmp_path: Path, drawn_labels: Path) -> None:
    run("init", tmp_path / "study")
    content = json.loads((drawn_labels / "annotations.json").read_text())
    content["annotations"][0]["keypoints"][:6] = [float("nan"), 3.0, 2, 900.0, 3.0, 2]
    odd = tmp_path / "odd.json"
    odd.write_text(json.dumps(content))
    outcome = run("import", odd, "--images", drawn_labels / "images", "--project", tmp_path / "study")
    assert outcome.status == 0
    assert outcome.text.count("left out:") >= 2


def test_a_folder_that_cannot_be_written(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert run("init", tmp_path / "file" / "study").fails_in_one_line("cannot be made")


@pytest.mark.slow
def test_a_full_disk_during_training_is_one_line(project: Project) -> None:
    def limit_file_size() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    ended = subprocess.run(
        [sys.executable, "-m", "poetlab", "train", "--project", project.path, "--device", "cpu"],
        preexec_fn=limit_file_size,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 1
    assert "Traceback" not in ended.stdout + ended.stderr
    assert "last.safetensors: cannot be written" in ended.stdout
    assert not list(project.models_dir.iterdir())
    assert open_project(project.path).label_sets()


def test_help_and_import_load_no_heavy_library() -> None:
    script = (
        "import sys, poetlab, poetlab.cli.main\n"
        "heavy = {'torch', 'pandas', 'matplotlib', 'scipy', 'av', 'pydantic', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
