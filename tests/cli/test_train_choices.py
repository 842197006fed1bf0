"""What `poetlab train` says of its choices and of an early end."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from poetlab.project import Project
from poetlab.training import loop

Run = Callable[..., Any]
"""The fixture that runs a command."""


@pytest.fixture
def open_project_folder(project: Project) -> Project:
    """A project whose config.yaml leaves everything open but the preset, a swift one."""
    (project.path / "config.yaml").write_text("poetlab: 1\npreset: poet-swift-light\n")
    return project


@pytest.mark.slow
def test_choices_are_shown_with_their_reasons(run: Run, open_project_folder: Project) -> None:
    trained = run("train", "--epochs", "1", "--device", "cpu", "--project", open_project_folder.path)
    assert trained.status == 0, trained.text
    lines = [line.strip() for line in trained.text.splitlines()]
    start = lines.index("chosen for these images, and why; config.yaml can say otherwise:")
    told = lines[start + 1 : start + 14]
    assert told[0].startswith("image_size.letterbox [64, 64]: a typical animal, ")
    assert "training.batch_size 2: an epoch of 11 images has several steps" in told
    assert all(": " in line for line in told)
    assert not any(line.startswith("training.epochs ") for line in lines), "what was given is not chosen"


@pytest.mark.slow
def test_the_faithful_family_chooses_nothing(run: Run, open_project_folder: Project) -> None:
    (open_project_folder.path / "config.yaml").write_text(
        "poetlab: 1\npreset: poet-r18\nimage_size: {short_side: [48, 64], long_side: 64}\n"
    )
    trained = run("train", "--epochs", "1", "--device", "cpu", "--project", open_project_folder.path)
    assert trained.status == 0, trained.text
    assert "chosen" not in trained.text


def make_flat(project: Project, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
    """Let runs of up to 9 epochs count as flat two epochs after patience begins."""
    path = project.path / "config.yaml"
    content = yaml.safe_load(path.read_text())
    content["training"] |= {"patience": 1, "epochs": 9, "validate_every": 1} | settings
    path.write_text(yaml.safe_dump(content))
    monkeypatch.setattr(loop, "is_flat", lambda rows, patience, first: len(rows) - first == 2 * patience)


@pytest.mark.slow
def test_epochs_left_out_before_the_upright_ones_are_told(
    run: Run, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_flat(project, monkeypatch, augmentation={"upright": 0.2})
    trained = run("train", "--device", "cpu", "--project", project.path)
    assert trained.status == 0, trained.text
    assert "left out 5 epochs before the upright ones" in trained.text
    assert "epoch 3" not in trained.text
    assert "epoch 9" in trained.text
    assert "stopped early" not in trained.text


@pytest.mark.slow
def test_an_early_end_is_said_and_resuming_explains_it(
    run: Run, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_flat(project, monkeypatch)
    trained = run("train", "--device", "cpu", "--project", project.path)
    assert trained.status == 0, trained.text
    assert "stopped early: for 1 epoch validation AP has not become better" in trained.text
    assert "epoch 3" not in trained.text
    resumed = run("train", "--resume", "--device", "cpu", "--project", project.path)
    assert "it has ended early, since its validation AP was flat; to go on, give --epochs" in resumed.text
    further = run("train", "--resume", "--epochs", "3", "--device", "cpu", "--project", project.path)
    assert "epoch 3" in further.text
    assert "stopped early" not in further.text
    assert "ended early" not in further.text


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("schedule: linear", ("training.schedule", "'drop' or 'cosine'", "found 'linear'")),
        ("averaging: 1", ("training.averaging", "less than 1")),
        ("patience: -1", ("training.patience", "greater than or equal to 0")),
        ("patiens: 3", ("unknown setting 'training.patiens'", "'patience'")),
        ("augmentation: {rotation: 200}", ("training.augmentation.rotation", "180")),
    ],
)
def test_a_setting_that_does_not_fit_is_named(
    run: Run, open_project_folder: Project, line: str, words: tuple[str, ...]
) -> None:
    config = open_project_folder.path / "config.yaml"
    config.write_text(f"poetlab: 1\ntraining:\n  {line}\n")
    assert run("train", "--project", open_project_folder.path).fails_in_one_line(*words)
