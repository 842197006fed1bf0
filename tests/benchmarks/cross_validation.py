"""What a network reaches on frames that it never saw, where frames are few: prints a row a part, and all together.

    python tests/benchmarks/cross_validation.py LABELS [--preset poet-r18 ...] [--parts 5] [--validation 0.2]

The frames are dealt out into parts. Each part is measured by a network that was trained on the other parts alone, some
of whose frames validate, and so choose the network. The last row measures all frames together, each predicted by the
network that did not see it. Every seed deals anew.
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import trials


def main() -> None:
    """Train every preset on all but each part, with every seed."""
    parser = trials.new_parser(__doc__, seeds=1)
    parser.add_argument("labels", type=Path, metavar="LABELS", help="labels of any format, such as labels.slp")
    parser.add_argument("--parts", type=int, default=5, help="parts to deal the frames into")
    parser.add_argument("--validation", type=float, default=0.2, help="part of the other frames that validates")
    options = parser.parse_args()
    configs = trials.configs_from(options)
    with tempfile.TemporaryDirectory() as folder:
        labels = trials.import_once(options.labels, Path(folder))
        trials.print_head(options, "network", "seed", "part", *trials.COLUMNS)
        for config in configs:
            for seed in range(options.seeds):
                outcomes: list[trials.Outcome] = []
                for trial in deal(trials.trial_from(options, labels, config, seed), options):
                    outcomes.append(trials.run(trial))
                    print_row(trial, str(len(outcomes)), outcomes[-1:])
                print_row(trial, "all", outcomes)
        trials.print_rules(outcomes[0].evaluation)


def deal(trial: trials.Trial, options: argparse.Namespace) -> Iterator[trials.Trial]:
    """The trial that measures each part, and learns from the others."""
    n_images = trial.labels.n_images
    if not 2 <= options.parts <= n_images:
        raise SystemExit(f"--parts is {options.parts}; {n_images} images make from 2 to {n_images} parts")
    order = np.random.default_rng(trial.seed).permutation(n_images).tolist()
    for first in range(options.parts):
        part = order[first :: options.parts]
        others = [number for number in order if number not in part]
        n_validation = max(1, round(options.validation * len(others)))
        yield replace(trial, training=others[n_validation:], validation=others[:n_validation], measured=part)


def print_row(trial: trials.Trial, part: str, outcomes: list[trials.Outcome]) -> None:
    """Print the figures of a part, or of all together."""
    evaluation = trials.evaluation_of(outcomes)
    trials.print_row([trial.config.preset, str(trial.seed), part, *trials.figures(evaluation), *trials.costs(outcomes)])


if __name__ == "__main__":
    main()
