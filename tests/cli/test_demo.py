"""`poetlab demo`, with fewer drawings and epochs than it has for users."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import poetlab.demo
from poetlab.training.settings import TrainingSettings

Run = Callable[..., Any]
"""The fixture that runs a command."""


@pytest.mark.slow
def test_the_demo_runs_the_whole_job(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = poetlab.demo.DEMO_CONFIG.model_copy(update={"training": TrainingSettings(epochs=1, batch_size=4)})
    monkeypatch.setattr(poetlab.demo, "DEMO_CONFIG", small)
    monkeypatch.setattr(poetlab.demo, "N_IMAGES", 10)
    monkeypatch.setattr(poetlab.demo, "N_FRAMES", 5)
    outcome = run("demo", tmp_path / "demo")
    assert outcome.status == 0, outcome.text
    assert "best validation AP" in outcome.text
    assert "bodyparts" in outcome.text
    assert len(pd.read_hdf(tmp_path / "demo" / "results" / "drawn.h5")) == 5
    assert (tmp_path / "demo" / "results" / "drawn_labeled.mp4").stat().st_size > 0
    assert run("demo", tmp_path / "demo").fails_in_one_line("exists")
