"""The folder of one training run: `models/<run>/`."""

import csv
import io
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from poetlab.errors import TrainingError
from poetlab.files import whole_file
from poetlab.labels.label_set import Split
from poetlab.labels.split_file import write_split_file


@dataclass(frozen=True)
class RunFolder:
    """Where a run keeps what it has learned.

    Attributes:
        path: The folder, `models/<run>`.
    """

    path: Path

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.path.name

    @property
    def best(self) -> Path:
        """The snapshot of the highest validation AP."""
        return self.path / "best.safetensors"

    @property
    def last(self) -> Path:
        """The latest snapshot, with everything that resuming needs."""
        return self.path / "last.safetensors"

    @property
    def settings(self) -> Path:
        """The settings that the run was started with."""
        return self.path / "settings.yaml"

    @property
    def split(self) -> Path:
        """Which images it learns from, and which validate: a file for `train --split`."""
        return self.path / "split.csv"

    @property
    def metrics(self) -> Path:
        """One row an epoch."""
        return self.path / "metrics.csv"

    @property
    def metrics_plot(self) -> Path:
        """A picture of the metrics."""
        return self.path / "metrics.png"

    def create(self, settings: Mapping[str, Any], split: Sequence[tuple[str, Split]]) -> None:
        """Make the folder and write down the settings and the split.

        Raises:
            TrainingError: If the folder exists or cannot be written.
        """
        try:
            self.path.mkdir(parents=True)
        except FileExistsError as error:
            raise TrainingError(f"{self.path}: this run exists; choose another name, or --resume it") from error
        except OSError as error:
            raise TrainingError(f"{self.path}: cannot be made ({error.strerror}); is the folder read-only?") from error
        self._write(self.settings, yaml.safe_dump(dict(settings), sort_keys=False))
        with self._explained(self.split):
            write_split_file(self.split, split)

    def discard(self) -> None:
        """Remove the folder and everything in it."""
        shutil.rmtree(self.path)

    def write_metrics(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write all epochs' metrics, replacing what was there."""
        columns = list(dict.fromkeys(name for row in reversed(rows) for name in row))  # epoch 0 has no training loss
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        self._write(self.metrics, text.getvalue())

    def _write(self, path: Path, text: str) -> None:
        with self._explained(path), whole_file(path) as partial:
            partial.write_text(text, encoding="utf-8")

    @contextmanager
    def _explained(self, path: Path) -> Iterator[None]:
        """Say in one line that a file cannot be written."""
        try:
            yield
        except OSError as error:
            raise TrainingError(
                f"{path}: cannot be written ({error.strerror}); free some space, then --resume"
            ) from error
