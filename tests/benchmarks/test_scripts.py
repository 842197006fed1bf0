"""The benchmarks of learning run, and their tables have a row for every network; their figures are not looked at."""

import subprocess
import sys
from pathlib import Path

import pytest

from poetlab.drawn.dataset import draw_dataset

BENCHMARKS = Path(__file__).parent

SMALL = ("--set", "image_size.letterbox=[64,64]", "training.batch_size=4")


def table_of(script: str, *arguments: str | Path) -> list[list[str]]:
    """The cells of the rows of what a benchmark prints, its head first."""
    command = [sys.executable, str(BENCHMARKS / script), *map(str, arguments), *SMALL, "--device", "cpu"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed.startswith("poetlab ")
    assert "areas that scale OKS: " in printed.splitlines()[-1]
    rows = [line.strip("| ").split(" | ") for line in printed.splitlines() if line.startswith("|")]
    assert {len(row) for row in rows} == {len(rows[0])}
    return [rows[0], *rows[2:]]


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six drawn images, each with an animal."""
    folder = tmp_path_factory.mktemp("labels") / "drawn"
    draw_dataset(folder, n_images=6, n_animals=(1, 2), size=(48, 48), negatives=0, seed=0)
    return folder


@pytest.mark.slow
def test_few_labels(labels: Path) -> None:
    head, *rows = table_of("few_labels.py", labels, "--training", 3, "--validation", 2, "--seeds", 2, "--epochs", 1)
    assert [row[:2] for row in rows] == [["poet-r18", "0"], ["poet-r18", "1"]]
    for row in rows:
        cells = dict(zip(head, row, strict=True))
        assert int(cells["animals"]) in range(2, 5)
        assert float(cells["peak GiB"]) > 0.1
        assert float(cells["CPU minutes"]) > 0


@pytest.mark.slow
def test_cross_validation_measures_every_image_once(labels: Path) -> None:
    _, *parts, whole = table_of("cross_validation.py", labels, "--parts", 2, "--epochs", 1)
    assert [row[2] for row in [*parts, whole]] == ["1", "2", "all"]
    assert sum(int(row[3]) for row in parts) == int(whole[3]) >= 6


@pytest.mark.slow
def test_convergence_has_a_row_for_every_part_removed() -> None:
    sizes = ("--training", 4, "--held-out", 2, "--epochs", 4)
    head, whole, part = table_of("convergence.py", *sizes, "--without", "training.loss.centers=0")
    assert (whole[0], part[0]) == ("poet-r18", "poet-r18, training.loss.centers=0")
    assert head[2:6] == ["AP 1", "AP 2", "AP 3", "AP 4"]
    assert whole[head.index("AP 4")] == whole[head.index("AP")], "measured is the network of the last epoch"


@pytest.mark.slow
def test_ablation_has_a_row_for_every_part_removed() -> None:
    sizes = ("--training", 4, "--held-out", 2, "--epochs", 1)
    removed = ("nothing", "the pose field", "attention within a pose", "the encoder")
    _, *rows = table_of("ablation.py", *sizes, "--part", *removed)
    assert [row[:3] for row in rows] == [["poet-swift-light", part, "0"] for part in removed]


@pytest.mark.slow
def test_few_frames() -> None:
    _, row = table_of("few_frames.py", "--frames", 4, "--held-out", 2, "--seeds", 1, "--epochs", 1)
    assert row[:2] == ["poet-r18", "4"]
    assert all(cell in {"0 of 1", "1 of 1"} for cell in row[-2:])


@pytest.mark.slow
def test_suggested_frames_are_compared_with_random_ones() -> None:
    sizes = ("--frames", 2, "--recorded", 12, "--held-out", 3, "--seeds", 2, "--epochs", 1)
    head, *rows = table_of("suggested_frames.py", *sizes)
    assert [row[:2] for row in rows] == [["poet-swift-light", seed] for seed in ("0", "1", "mean")]
    assert head[2:6] == ["AP before", "AP with random", "AP with suggested", "gain"]
    for row in rows:
        _, random, suggested, gain = map(float, row[2:6])
        assert gain == pytest.approx(suggested - random, abs=0.002)


def test_a_setting_that_does_not_exist_is_said(labels: Path) -> None:
    command = [sys.executable, BENCHMARKS / "few_labels.py", labels, "--set", "training.epoch=3"]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    assert outcome.returncode == 1
    assert "did you mean 'epochs'?" in outcome.stderr
