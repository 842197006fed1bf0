"""Whether frames that `poetlab suggest` chooses teach more than random ones: prints a row a seed, and the mean.

    python tests/benchmarks/suggested_frames.py [--preset poet-swift-light] [--frames 20] [--epochs 100] [--seeds 5]

Each seed draws a recording of its own (128 pixels wide, 3 alike animals that meet and hide each other). A network
learns from random frames of its first part, and analyzes that part. Then one network learns from these frames and as
many suggested ones, and others from these and as many random ones. All start anew, learn for as many epochs, and are
measured on frames spread over the rest of the recording. The networks of the last epoch count, so no frame validates.
"""

import argparse
import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import trials

import poetlab
from poetlab.drawn.tracks import DrawnTracks, draw_video
from poetlab.frames.folder import write_frames
from poetlab.labels.frame_names import frame_file_name
from poetlab.labels.label_set import IMAGES, LabeledImage, LabeledInstance, LabelSet
from poetlab.video.reading import open_video

N_ANIMALS = 3
VIDEO = "drawn.mp4"


def main() -> None:
    """Compare suggested with random frames, with every preset and seed."""
    options = parse_options()
    columns = ("network", "seed", "AP before", "AP with random", "AP with suggested", "gain", "missed", "minutes")
    trials.print_head(options, *columns)
    for config in trials.configs_from(options):
        rows = []
        for seed in range(options.seeds):
            with tempfile.TemporaryDirectory() as folder:
                labels = draw_recording(Path(folder), options, seed)
                outcomes = compare(trials.trial_from(options, labels, config, seed), Path(folder) / VIDEO, options)
            before, *randoms, suggested = outcomes
            aps = [each.evaluation.coco["AP"] for each in outcomes]
            figures = [aps[0], float(np.mean(aps[1:-1])), aps[-1], aps[-1] - float(np.mean(aps[1:-1]))]
            rows.append(figures)
            missed = [f"{1 - each.evaluation.recall:.3f}" for each in (before, randoms[0], suggested)]
            minutes = sum(each.minutes for each in outcomes)
            print_row(config.preset, str(seed), figures, ", ".join(missed), f"{minutes:.2f}")
        print_row(config.preset, "mean", np.mean(rows, axis=0).tolist())
        gains = np.array(rows)[:, -1]
        error = gains.std(ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else float("nan")
        print(f"\ngain of suggested over random frames: {gains.mean():+.3f}, standard error {error:.3f}, ", end="")
        print(f"above 0 with {(gains > 0).sum()} of {len(gains)} seeds")
    trials.print_rules(suggested.evaluation)


def parse_options() -> argparse.Namespace:
    """What to train, and on how much."""
    parser = trials.new_parser(__doc__, seeds=5, epochs=100, preset=["poet-swift-light"])
    parser.add_argument("--frames", type=int, default=20, help="frames to begin with, and frames to add")
    parser.add_argument("--randoms", type=int, default=1, help="draws of random frames to compare with")
    parser.add_argument("--recorded", type=int, default=1000, help="frames to choose among")
    parser.add_argument("--held-out", type=int, default=100, help="frames to measure on, of half as many recorded ones")
    options = parser.parse_args()
    side = trials.DRAWN_SIDE
    common = {
        "individuals": N_ANIMALS,
        "image_size.letterbox": [side, side],
        "training.patience": 0,
        "training.validate_every": options.epochs,
        "analysis.threshold": 0.3,
    }
    options.set = list((common | dict(options.set)).items())
    return options


def draw_recording(folder: Path, options: argparse.Namespace, seed: int) -> LabelSet:
    """A drawn video in a folder, with all frames to choose among and those to measure on as a label set."""
    n_frames = options.recorded + options.recorded // 2
    size = (trials.DRAWN_SIDE, trials.DRAWN_SIDE)
    tracks = draw_video(folder / VIDEO, n_frames=n_frames, n_animals=N_ANIMALS, size=size, seed=seed)
    held_out = np.linspace(options.recorded, n_frames - 1, options.held_out).astype(int).tolist()
    frames = [*range(options.recorded), *held_out]
    (folder / IMAGES).mkdir()
    with open_video(folder / VIDEO) as video:
        write_frames(video, VIDEO, frames, folder / IMAGES, lambda _: None)
    images = tuple(labeled_frame(tracks, frame) for frame in frames)
    return LabelSet("drawn", tracks.skeleton, images, "pixels that can be seen", folder / IMAGES)


def labeled_frame(tracks: DrawnTracks, frame: int) -> LabeledImage:
    """What is true of a frame; animals that are out of sight are not labeled."""
    animals = zip(tracks.keypoints[frame], tracks.bboxes[frame], tracks.areas[frame], strict=True)
    instances = tuple(
        LabeledInstance(keypoints, tuple(bbox.tolist()), float(area)) for keypoints, bbox, area in animals if area
    )
    return LabeledImage(frame_file_name(VIDEO, frame), tracks.size, instances, "train", video=VIDEO, frame=frame)


def compare(trial: trials.Trial, video: Path, options: argparse.Namespace) -> list[trials.Outcome]:
    """The outcomes without added frames, with each draw of random ones, and with suggested ones."""
    held_out = range(options.recorded, trial.labels.n_images)
    trial = replace(trial, measured=held_out, snapshot="last")
    parts = trials.draw_numbers(options.recorded, trial.seed, *[options.frames] * (1 + options.randoms))
    first = replace(trial, training=parts[0])
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as processes:
        before, suggested = processes.submit(suggest, first, video, options).result()
    added = [*parts[1:], suggested]
    return [before, *(trials.run(replace(trial, training=sorted([*parts[0], *frames]))) for frames in added)]


def suggest(trial: trials.Trial, video: Path, options: argparse.Namespace) -> tuple[trials.Outcome, list[int]]:
    """The outcome of a trial, and the frames that its network suggests."""
    with tempfile.TemporaryDirectory() as folder:
        project = trials.project_of(trial, Path(folder) / "project")
        outcome = trials.run_in(project, trial)
        network = f"{project.runs()[-1].name}/{trial.snapshot}"
        (analyzed,) = poetlab.analyze(
            project, [video], snapshot=network, max_frames=options.recorded, device=trial.device
        )
        suggestions = poetlab.suggest_frames(
            project,
            [analyzed.path],
            options.frames,
            snapshot=network,
            video=video,
            output=Path(folder) / "suggested",
            device=trial.device,
        )
    return outcome, [one.frame for one in suggestions]


def print_row(name: str, seed: str, figures: list[float], *further: str) -> None:
    """Print a row of the table; the mean has no further cells."""
    before, random, suggested, gain = figures
    cells = [f"{before:.3f}", f"{random:.3f}", f"{suggested:.3f}", f"{gain:+.3f}"]
    trials.print_row([name, seed, *cells, *(further or "--")])


if __name__ == "__main__":
    main()
