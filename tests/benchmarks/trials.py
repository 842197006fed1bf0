"""Networks trained on a few labels and measured on others: what the benchmarks of learning have in common."""

import argparse
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from pydantic import ValidationError

import poetlab
from poetlab.config import Config, explain
from poetlab.drawn.dataset import draw_dataset
from poetlab.evaluation.evaluate import score_predictions
from poetlab.evaluation.predicting import PredictedImage, predict_images
from poetlab.evaluation.report import Evaluation
from poetlab.labels.label_set import IMAGES, LabeledImage, LabelSet, Split, save_label_set

COLUMNS = (
    "animals",
    "recall",
    "too many",
    "median px",
    "90% px",
    "AP",
    "calibration error",
    "minutes",
    "CPU minutes",
    "peak GiB",
)
"""What the table says of every network: `figures` and `costs`."""

DRAWN_SIDE = 128
"""Height and width of drawn images in pixels."""


@dataclass(frozen=True)
class Trial:
    """A network to train, and what to measure it on.

    Attributes:
        labels: Where the images are from.
        config: The settings, which name the network, too.
        seed: Of everything random in training.
        epochs: Times that every image is shown; None for the settings'.
        device: Where to compute; None to choose.
        training: Numbers of the images to learn from.
        validation: Numbers of those by which training picks its best network.
        measured: Numbers of those to measure the result on.
        snapshot: Which network to measure, `best` or `last`.
    """

    labels: LabelSet
    config: Config
    seed: int
    epochs: int | None
    device: str | None
    training: Sequence[int] = ()
    validation: Sequence[int] = ()
    measured: Sequence[int] = ()
    snapshot: str = "best"


@dataclass(frozen=True)
class Outcome:
    """What came of a trial.

    Attributes:
        predicted: The measured images with their predictions.
        threshold: Score from which a detection counts.
        rows: The metrics of each epoch.
        minutes: Time that training took, its validations included.
        cpu_minutes: The same, summed over all threads and processes.
        peak_gib: Most memory: of the GPU if there is one, else of the process.
    """

    predicted: list[PredictedImage]
    threshold: float
    rows: tuple[Mapping[str, Any], ...]
    minutes: float
    cpu_minutes: float
    peak_gib: float

    @property
    def evaluation(self) -> Evaluation:
        """The figures of the measured images."""
        return evaluation_of([self])


def evaluation_of(outcomes: Sequence[Outcome]) -> Evaluation:
    """The figures of several trials' images together, each predicted by the network of its own trial."""
    predicted = [each for outcome in outcomes for each in outcome.predicted]
    return score_predictions(predicted, predicted[0].label_set.skeleton, outcomes[0].threshold)


def run(trial: Trial) -> Outcome:
    """Train and measure in a process of its own, whose memory and time can be told from those of other trials."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as processes:
        return processes.submit(_run_here, trial).result()


def _run_here(trial: Trial) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        return run_in(project_of(trial, Path(folder) / "project"), trial)


def run_in(project: poetlab.Project, trial: Trial) -> Outcome:
    """Train and measure in a project of `project_of`, which then has the network."""
    started, cpu_started = time.perf_counter(), sum(os.times()[:4])
    result = poetlab.train(
        project,
        epochs=trial.epochs,
        seed=trial.seed,
        device=trial.device,
        on_epoch=_show_progress,
    )
    minutes, cpu_minutes = (time.perf_counter() - started) / 60, (sum(os.times()[:4]) - cpu_started) / 60
    peak_gib = _peak_gib()
    predictor, _ = poetlab.load_predictor(project, f"{result.folder.name}/{trial.snapshot}", trial.device)
    labels = replace(trial.labels, images=tuple(trial.labels.images[number] for number in trial.measured))
    predicted = predict_images(predictor, [labels])
    return Outcome(predicted, project.config.analysis.threshold, result.rows, minutes, cpu_minutes, peak_gib)


def project_of(trial: Trial, folder: Path) -> poetlab.Project:
    """A project with the images to learn from and to validate on, and no others."""
    project = poetlab.create_project(folder, config=trial.config)
    project.write_skeleton(trial.labels.skeleton)
    images = _assigned(trial.labels, trial.training, "train") + _assigned(trial.labels, trial.validation, "val")
    place = project.labels_dir / trial.labels.name
    save_label_set(replace(trial.labels, images=images), place)
    (place / IMAGES).symlink_to(trial.labels.images_dir)
    return project


def _assigned(labels: LabelSet, numbers: Sequence[int], split: Split) -> tuple[LabeledImage, ...]:
    return tuple(replace(labels.images[number], split=split) for number in numbers)


def _show_progress(row: Mapping[str, Any]) -> None:
    if "val_AP" in row:
        print(f"epoch {row['epoch']}: validation AP {row['val_AP']:.3f}", file=sys.stderr, flush=True)


def _peak_gib() -> float:
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return torch.cuda.max_memory_allocated() / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # Linux counts in KiB


def config_with(settings: Mapping[str, Any]) -> Config:
    """The default settings but for those given by their dotted names.

    Raises:
        SystemExit: If there is no such setting, or a value does not fit.
    """
    content: dict[str, Any] = {"poetlab": 1}
    for name, value in settings.items():
        *groups, last = name.split(".")
        place = content
        for group in groups:
            place = place.setdefault(group, {})
        place[last] = value
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        raise SystemExit(explain(error, Config)) from error


def import_once(source: Path, folder: Path) -> LabelSet:
    """Labels of any format as a label set below a folder."""
    project = poetlab.create_project(folder / "imported")
    report = poetlab.import_labels(project, source.resolve())
    return project.label_set(report.name)


def draw_once(n_images: int, folder: Path) -> LabelSet:
    """Drawn images of 2 to 5 alike animals as a label set below a folder; the same ones each time."""
    drawn = folder / "drawn"
    draw_dataset(drawn, n_images=n_images, n_animals=(2, 5), size=(DRAWN_SIDE, DRAWN_SIDE), negatives=0, seed=0)
    return import_once(drawn, folder)


def draw_numbers(n_images: int, seed: int, *sizes: int) -> list[list[int]]:
    """As many different numbers of images as each size says, drawn by a seed."""
    if sum(sizes) > n_images:
        raise SystemExit(f"{sum(sizes)} images are asked for, and there are {n_images}")
    order = np.random.default_rng(seed).permutation(n_images).tolist()
    ends = np.cumsum(sizes).tolist()
    return [sorted(order[end - size : end]) for size, end in zip(sizes, ends, strict=True)]


def new_parser(description: str | None, **defaults: Any) -> argparse.ArgumentParser:
    """A parser with the options that all of these benchmarks have."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", nargs="+", default=["poet-r18"], metavar="NAME", help="networks to train")
    parser.add_argument("--epochs", type=int, help="instead of the settings'")
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds, counted from 0")
    parser.add_argument("--device", help="where to compute")
    parser.add_argument(
        "--set",
        type=setting,
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME=VALUE",
        help="settings, such as analysis.threshold=0.3",
    )
    parser.set_defaults(**defaults)
    return parser


def setting(text: str) -> tuple[str, Any]:
    """The dotted name and the value of a setting, from NAME=VALUE."""
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"'{text}' is not NAME=VALUE")
    return name, yaml.safe_load(value)


def configs_from(options: argparse.Namespace) -> list[Config]:
    """The settings of every preset."""
    return [config_with({"preset": preset, **dict(options.set)}) for preset in options.preset]


def trial_from(options: argparse.Namespace, labels: LabelSet, config: Config, seed: int) -> Trial:
    """A trial as the options of `new_parser` say, without images yet."""
    return Trial(labels, config, seed, options.epochs, options.device)


def print_head(options: argparse.Namespace, *columns: str) -> None:
    """Print what was run, and the head of the table."""
    epochs = "epochs as set" if options.epochs is None else f"{options.epochs} epochs"
    settings = ", ".join(f"{name}={value}" for name, value in options.set) or "default settings"
    print(f"poetlab {commit()}; {epochs}; {settings}; {options.device or 'any device'}, ", end="")
    print(f"{torch.get_num_threads()} threads\n")
    print_row(columns)
    print_row(["---"] * len(columns))


def print_row(cells: Sequence[str]) -> None:
    """Print a row of a Markdown table."""
    print(f"| {' | '.join(cells)} |", flush=True)


def print_rules(evaluation: Evaluation) -> None:
    """Print below the table what AP depends on."""
    print(f"\nareas that scale OKS: {evaluation.area_rule}; sigmas: {evaluation.sigma_rule}")


def figures(evaluation: Evaluation) -> list[str]:
    """The first cells of a row of the table."""
    errors = evaluation.keypoint_errors[-1]
    return [
        str(evaluation.n_animals),
        f"{evaluation.recall:.3f}",
        str(evaluation.n_extra),
        f"{errors.median:.2f}",
        f"{errors.percentile_90:.2f}",
        f"{evaluation.coco['AP']:.3f}",
        f"{evaluation.calibration.error:.3f}",
    ]


def costs(outcomes: Sequence[Outcome]) -> list[str]:
    """The last cells of a row of the table: times of all trials together, and the largest memory."""
    minutes, cpu_minutes = sum(each.minutes for each in outcomes), sum(each.cpu_minutes for each in outcomes)
    return [f"{value:.2f}" for value in (minutes, cpu_minutes, max(each.peak_gib for each in outcomes))]


def commit() -> str:
    """The commit of the code that runs, with a plus if files were changed since."""
    folder = Path(__file__).parent

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout

    changes = git("status", "--porcelain", "--untracked-files=no").strip()
    return git("rev-parse", "--short", "HEAD").strip() + "+" * bool(changes)
