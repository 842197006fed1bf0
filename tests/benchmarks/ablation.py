"""What each part of the swift family is worth: prints a row for the whole network, and one without each part.

    python tests/benchmarks/ablation.py [--part NAME ...] [--epochs 20] [--preset poet-swift-light]

All learn from the same drawn frames (128 pixels wide, 2 to 5 alike animals) for as many epochs, and the network of the
last epoch is measured on the same held-out frames. Some parts are removed by settings; the others are replaced, in the
process that trains, by what does nothing.
"""

import argparse
import multiprocessing
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

import torch
import trials
from torch import Tensor

from poetlab.model import swift
from poetlab.model.presets import PRESETS


@dataclass(frozen=True)
class Removal:
    """How to do without a part: by settings, by sizes of the network, or by a change of its code."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    sizes: Mapping[str, Any] = field(default_factory=dict)
    change: Callable[[], None] = lambda: None


def start_anywhere() -> None:
    """Queries start at the cells of a grid, and not at peaks of centers."""

    def grid(logits: Tensor, _: Tensor, n_queries: int) -> Tensor:
        side = int(n_queries**0.5)
        rows = -(-n_queries // side)
        y, x = torch.meshgrid(torch.linspace(0.1, 0.9, rows), torch.linspace(0.1, 0.9, side), indexing="ij")
        places = torch.stack([x, y], dim=-1).flatten(0, 1)[:n_queries]
        size = places.new_tensor([logits.shape[2], logits.shape[1]]) * swift.FINE_STRIDE
        return (places * size).expand(len(logits), -1, -1)

    swift.strongest_centers = grid


def start_without_pose() -> None:
    """Poses start as points: all keypoints at the center."""
    read = swift.PoseField.read
    swift.PoseField.read = lambda *arguments: 0 * read(*arguments)  # type: ignore[method-assign]


def look_at_center() -> None:
    """Tokens of keypoints look at the animal's center, and not where they believe their keypoints to be."""
    look = swift.Scene.look

    def look_there(self: swift.Scene, places: Tensor, scale: Tensor) -> Tensor:
        return look(self, places[:, :, :1].expand_as(places), scale)

    swift.Scene.look = look_there  # type: ignore[method-assign]


def look_without_hints() -> None:
    """Tokens see features, and not what the point map says of their own point."""
    look = swift.Scene.look

    def without_hints(self: swift.Scene, places: Tensor, scale: Tensor) -> Tensor:
        seen = look(self, places, scale)
        return torch.cat([seen[..., : -swift.N_HINTS], torch.zeros_like(seen[..., -swift.N_HINTS :])], dim=-1)

    swift.Scene.look = without_hints  # type: ignore[method-assign]


def silence(attention: str) -> None:
    """An attention of every decoder layer adds nothing."""
    initialize = swift.DecoderLayer.__init__

    def without(self: swift.DecoderLayer, *arguments: Any) -> None:
        initialize(self, *arguments)
        setattr(self, attention, Nothing())

    swift.DecoderLayer.__init__ = without  # type: ignore[method-assign]


class Nothing(torch.nn.Module):
    """Attention to nothing."""

    def forward(self, query: Tensor, *_: Any) -> Tensor:
        """Zeros like the queries."""
        return torch.zeros_like(query)


def rank_by_presence() -> None:
    """Scores are the probability of an animal alone."""
    swift.SwiftOutput.scores = property(lambda self: self.presence_logits.sigmoid())  # type: ignore[assignment]


REMOVALS = {
    "nothing": Removal(),
    "queries that start at peaks": Removal(change=start_anywhere),
    "the pose field": Removal({"training.swift_loss.field": 0}, change=start_without_pose),
    "looking where keypoints are": Removal(change=look_at_center),
    "what the point map tells of a token's point": Removal(change=look_without_hints),
    "maps of keypoints": Removal({"training.swift_loss.keypoint_maps": 0}),
    "ways to the nearest point": Removal({"training.swift_loss.shifts": 0}),
    "guided queries": Removal({"training.swift_loss.guided": 0}),
    "attention within a pose": Removal(change=lambda: silence("within_pose")),
    "attention among animals": Removal(change=lambda: silence("self_attention")),
    "two of three decoder layers": Removal(sizes={"n_decoder_layers": 1}),
    "the encoder": Removal(sizes={"n_encoder_layers": 0}),
    "OKS in the loss": Removal({"training.swift_loss.oks": 0}),
    "L1 distance in the loss": Removal({"training.swift_loss.keypoints": 0}),
    "expected OKS in the score": Removal({"training.swift_loss.expected_oks": 0}, change=rank_by_presence),
    "averaged weights": Removal({"training.averaging": 0}),
    "upright epochs": Removal({"training.augmentation.upright": 0}),
}
"""What is removed -> how."""


def main() -> None:
    """Train the whole network, and without each part."""
    options = parse_options()
    with tempfile.TemporaryDirectory() as folder:
        labels = trials.draw_once(options.training + options.held_out, Path(folder))
        training, held_out = range(options.training), range(options.training, labels.n_images)
        trials.print_head(options, "network", "without", "seed", *trials.COLUMNS)
        for preset, part, seed in product(options.preset, options.part, range(options.seeds)):
            config = trials.config_with({"preset": preset, **dict(options.set), **REMOVALS[part].settings})
            trial = trials.trial_from(options, labels, config, seed)
            trial = replace(trial, training=training, validation=held_out, measured=held_out, snapshot="last")
            outcome = run_without(part, trial)
            figures, costs = trials.figures(outcome.evaluation), trials.costs([outcome])
            trials.print_row([preset, part, str(seed), *figures, *costs])
        trials.print_rules(outcome.evaluation)


def parse_options() -> argparse.Namespace:
    """What to remove, and what to train on."""
    parser = trials.new_parser(__doc__, seeds=1, epochs=20, preset=["poet-swift-light"])
    parser.add_argument("--part", nargs="+", default=list(REMOVALS), choices=list(REMOVALS), help="parts to remove")
    parser.add_argument("--training", type=int, default=300, help="frames to learn from")
    parser.add_argument("--held-out", type=int, default=100, help="frames to measure on")
    options = parser.parse_args()
    side = trials.DRAWN_SIDE
    common = {
        "image_size.letterbox": [side, side],
        "training.validate_every": options.epochs,
        "training.patience": 0,
    }
    options.set = list((common | dict(options.set)).items())
    return options


def run_without(part: str, trial: trials.Trial) -> trials.Outcome:
    """The outcome of a trial in a process of its own, in which the network lacks a part."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as processes:
        return processes.submit(_run_without, part, trial).result()


def _run_without(part: str, trial: trials.Trial) -> trials.Outcome:
    removal = REMOVALS[part]
    removal.change()
    preset = trial.config.preset
    PRESETS[preset] = PRESETS[preset].model_copy(update=dict(removal.sizes))
    with tempfile.TemporaryDirectory() as folder:
        return trials.run_in(trials.project_of(trial, Path(folder) / "project"), trial)


if __name__ == "__main__":
    main()
