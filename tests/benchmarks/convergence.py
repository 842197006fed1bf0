"""How fast networks learn from drawn animals, and which part of one makes it so: prints a row a network and seed.

    python tests/benchmarks/convergence.py --preset poet-r18 NAME [--epochs 80] [--without NAME=VALUE ...]

All networks learn from the same drawn frames (128 pixels wide, 2 to 5 alike animals) for as many epochs, and are
measured on the same held-out ones: after each quarter of the epochs, and the network of the last epoch in full.
Each `--without` adds a row: the last preset with that setting, or those settings, changed.
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import trials

from poetlab.config import Config


def main() -> None:
    """Train every preset, and the last without each of its parts."""
    options = parse_options()
    networks = dict(variants(options))
    quarter = quarter_of(options)
    marks = sorted({quarter, 2 * quarter, 3 * quarter, options.epochs})
    with tempfile.TemporaryDirectory() as folder:
        labels = trials.draw_once(options.training + options.held_out, Path(folder))
        training, held_out = range(options.training), range(options.training, labels.n_images)
        trials.print_head(options, "network", "seed", *(f"AP {mark}" for mark in marks), *trials.COLUMNS)
        for name, config in networks.items():
            for seed in range(options.seeds):
                trial = trials.trial_from(options, labels, config, seed)
                trial = replace(trial, training=training, validation=held_out, measured=held_out, snapshot="last")
                outcome = trials.run(trial)
                curve = [ap_after(outcome, mark) for mark in marks]
                figures = trials.figures(outcome.evaluation)
                trials.print_row([name, str(seed), *curve, *figures, *trials.costs([outcome])])
        trials.print_rules(outcome.evaluation)


def parse_options() -> argparse.Namespace:
    """What to train, and on how much."""
    parser = trials.new_parser(__doc__, seeds=1, epochs=80)
    parser.add_argument("--training", type=int, default=300, help="frames to learn from")
    parser.add_argument("--held-out", type=int, default=100, help="frames to measure on")
    parser.add_argument(
        "--set-for",
        nargs=2,
        action="append",
        default=[],
        metavar=("PRESET", "NAME=VALUE"),
        help="a setting of one preset alone",
    )
    parser.add_argument(
        "--without",
        type=trials.setting,
        nargs="+",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="settings that remove a part of the last preset",
    )
    options = parser.parse_args()
    side = trials.DRAWN_SIDE
    common = {
        "image_size.letterbox": [side, side],
        "training.validate_every": quarter_of(options),
        "training.patience": 0,
    }
    options.set = list((common | dict(options.set)).items())
    return options


def quarter_of(options: argparse.Namespace) -> int:
    """Epochs from one point of the curve to the next."""
    return max(1, options.epochs // 4)


def variants(options: argparse.Namespace) -> Iterator[tuple[str, Config]]:
    """Name and settings of every network to train."""
    for preset in options.preset:
        own = [trials.setting(text) for name, text in options.set_for if name == preset]
        settings = {"preset": preset, **dict(options.set), **dict(own)}
        yield named(preset, own), trials.config_with(settings)
    for removed in options.without:
        yield named(preset, [*own, *removed]), trials.config_with(settings | dict(removed))


def named(preset: str, settings: list[tuple[str, Any]]) -> str:
    """What the table calls a network."""
    return ", ".join([preset, *(f"{name}={value}" for name, value in settings)])


def ap_after(outcome: trials.Outcome, epoch: int) -> str:
    """The held-out AP after an epoch, or a dash if it was not measured then."""
    found = [row["val_AP"] for row in outcome.rows if row["epoch"] == epoch and "val_AP" in row]
    return f"{found[0]:.3f}" if found else "-"


if __name__ == "__main__":
    main()
