"""`poetlab train --also-evaluate` on screen."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from poetlab.drawn.dataset import draw_dataset
from poetlab.project import Project

Run = Callable[..., Any]
"""The fixture that runs a command."""


@pytest.mark.slow
def test_forgetting_is_shown_from_the_start(run: Run, project: Project, tmp_path: Path) -> None:
    draw_dataset(tmp_path / "old", n_images=3, n_animals=(1, 2), size=(48, 64), seed=9)
    imported = run("import", tmp_path / "old", "--name", "old", "--val-fraction", "1", "--project", project.path)
    assert "0 for training, 3 for validation" in imported.text

    trained = run("train", "--epochs", "1", "--device", "cpu", "--also-evaluate", "old", "--project", project.path)
    assert trained.status == 0, trained.text
    assert "old: 3 images, not trained on, measured at each validation" in trained.text
    lines = [line.strip() for line in trained.text.splitlines()]
    start, end = (next(i for i, line in enumerate(lines) if line.startswith(f"epoch {epoch}: ")) for epoch in (0, 1))
    assert lines[start].startswith("epoch 0: the start, validation AP ")
    assert lines[end].startswith("epoch 1: loss ")
    assert all(lines[number + 1].startswith("old: AP 0.") for number in (start, end))


@pytest.mark.slow
def test_no_epochs_only_measure_the_start(run: Run, project: Project) -> None:
    measured = run("train", "--epochs", "0", "--device", "cpu", "--project", project.path)
    assert measured.status == 0, measured.text
    assert "epoch 0: the start, validation AP" in measured.text
    assert "measured the start of" in measured.text
    assert "best validation AP" not in measured.text
    assert "all its epochs are done" not in measured.text


def test_an_unknown_label_set_is_named_with_the_nearest(run: Run, project: Project) -> None:
    ended = run("train", "--also-evaluate", "drwn", "--project", project.path)
    assert ended.fails_in_one_line("no label set 'drwn'", "the nearest is 'drawn'")
