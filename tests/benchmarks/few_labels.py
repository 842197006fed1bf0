"""What a lab reaches with a few labeled frames of one recording: prints a row a network and seed.

    python tests/benchmarks/few_labels.py LABELS [--preset poet-r18 ...] [--training 40] [--validation 10] [--seeds 3]

The seed chooses the frames that train and those that validate, and is the seed of training. Measured is what
`poetlab evaluate` measures by default: the best network, on the validation frames.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

import trials


def main() -> None:
    """Train every preset with every seed."""
    parser = trials.new_parser(__doc__)
    parser.add_argument("labels", type=Path, metavar="LABELS", help="labels of any format, such as labels.slp")
    parser.add_argument("--training", type=int, default=40, help="frames to learn from")
    parser.add_argument("--validation", type=int, default=10, help="frames to measure on")
    options = parser.parse_args()
    configs = trials.configs_from(options)
    with tempfile.TemporaryDirectory() as folder:
        labels = trials.import_once(options.labels, Path(folder))
        trials.print_head(options, "network", "seed", *trials.COLUMNS)
        for config in configs:
            for seed in range(options.seeds):
                training, validation = trials.draw_numbers(labels.n_images, seed, options.training, options.validation)
                trial = trials.trial_from(options, labels, config, seed)
                outcome = trials.run(replace(trial, training=training, validation=validation, measured=validation))
                trials.print_row(
                    [config.preset, str(seed), *trials.figures(outcome.evaluation), *trials.costs([outcome])]
                )
        trials.print_rules(outcome.evaluation)


if __name__ == "__main__":
    main()
