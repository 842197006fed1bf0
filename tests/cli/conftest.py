"""Running the command line inside the test's own process."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from poetlab.cli.main import main
from poetlab.drawn.tracks import draw_video


@dataclass(frozen=True)
class Outcome:
    """What a command printed, and its exit status."""

    status: int
    text: str

    def fails_in_one_line(self, *words: str) -> bool:
        """Whether the command ended with one line that says these words."""
        lines = self.text.strip().splitlines()
        errors = [line for line in lines if line.startswith("error:")]
        return (
            self.status == 1
            and len(errors) == 1
            and "Traceback" not in self.text
            and all(word in errors[0] for word in words)
        )


Run = Callable[..., Outcome]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `poetlab` with some arguments."""

    def run_poetlab(*arguments: str | Path) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["poetlab", *map(str, arguments)])
        capsys.readouterr()
        status = 0
        try:
            main()
        except SystemExit as ended:
            status = int(ended.code or 0)
        return Outcome(status, capsys.readouterr().out)

    return run_poetlab


@pytest.fixture(scope="session")
def drawn_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short drawn video of ten frames."""
    path = tmp_path_factory.mktemp("video") / "drawn.mp4"
    draw_video(path, n_frames=10, n_animals=2, size=(64, 64), seed=2)
    return path
