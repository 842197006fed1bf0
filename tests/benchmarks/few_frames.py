"""Whether training on very few frames still gives something useful: prints a row a network and number of frames.

    python tests/benchmarks/few_frames.py [--preset poet-r18 ...] [--frames 10 20 50] [--seeds 5]

Each run learns from that many drawn frames (128 pixels wide, 2 to 5 alike animals), a fifth of which validate, and is
measured on drawn frames that no run sees. The seed chooses the frames, and is the seed of training.

A run is called dead if it finds nothing, and collapsed if the poses that it is most certain of are much the same in all
frames: `spread` is how far their keypoints vary about their mean pose, with 1 for as far as those of the labels.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import trials

LEAST_SPREAD = 0.25
"""Of a run that has not collapsed."""


def main() -> None:
    """Train every preset on every number of frames with every seed."""
    parser = trials.new_parser(__doc__, seeds=5)
    parser.add_argument("--frames", type=int, nargs="+", default=[10, 20, 50], help="labeled frames")
    parser.add_argument("--held-out", type=int, default=50, help="frames to measure on")
    options = parser.parse_args()
    configs = trials.configs_from(options)
    pool = 2 * max(options.frames)
    with tempfile.TemporaryDirectory() as folder:
        labels = trials.draw_once(pool + options.held_out, Path(folder))
        held_out = range(pool, labels.n_images)
        columns = ("AP: median, worst", "recall: median, worst", "spread: worst", "collapsed", "dead")
        trials.print_head(options, "network", "frames", *columns)
        for config in configs:
            for n_frames in options.frames:
                n_validation = max(1, n_frames // 5)
                outcomes = []
                for seed in range(options.seeds):
                    parts = trials.draw_numbers(pool, seed, n_frames - n_validation, n_validation)
                    trial = trials.trial_from(options, labels, config, seed)
                    trial = replace(trial, training=parts[0], validation=parts[1], measured=held_out)
                    outcomes.append(trials.run(trial))
                trials.print_row([config.preset, str(n_frames), *summary(outcomes)])
        trials.print_rules(outcomes[0].evaluation)


def summary(outcomes: Sequence[trials.Outcome]) -> list[str]:
    """The cells of the runs of one network and number of frames."""
    evaluations = [outcome.evaluation for outcome in outcomes]
    aps = [evaluation.coco["AP"] for evaluation in evaluations]
    recalls = [evaluation.recall for evaluation in evaluations]
    spreads = [spread(outcome) for outcome in outcomes]
    n_collapsed = sum(value < LEAST_SPREAD for value in spreads)
    n_dead = sum(evaluation.n_detections == 0 for evaluation in evaluations)
    return [
        *(f"{np.median(values):.3f}, {min(values):.3f}" for values in (aps, recalls)),
        f"{min(spreads):.2f}",
        *(f"{n} of {len(outcomes)}" for n in (n_collapsed, n_dead)),
    ]


def spread(outcome: trials.Outcome) -> float:
    """How far the poses that the network is most certain of vary from frame to frame, compared with the labels."""
    predicted = [each.instances.keypoints[0] for each in outcome.predicted]
    labeled = [animal.keypoints[:, :2] for each in outcome.predicted for animal in each.image.instances]
    return variation(predicted) / variation([pose for pose in labeled if np.isfinite(pose).all()])


def variation(poses: Sequence[np.ndarray]) -> float:
    """Pixels by which keypoints, seen from their pose's mean, vary about their own mean (root mean square)."""
    relative = np.stack([pose - pose.mean(axis=0) for pose in poses])
    return float(np.sqrt(relative.var(axis=0).sum(axis=-1).mean()))


if __name__ == "__main__":
    main()
