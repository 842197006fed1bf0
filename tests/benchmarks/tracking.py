"""How well animals are told apart: prints the table of docs/tracking.md.

python tests/benchmarks/tracking.py [--seeds 5] [--first-seed 0]
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from poetlab.drawn.detections import DrawnAnimals, Faults, darting_animals, detect, wandering_animals
from poetlab.drawn.scenario import Scenario
from poetlab.results.detections import DetectionBlock, join_instances
from poetlab.results.pose_blocks import fill_gaps, place_in_slots
from poetlab.tracking.figures import TrackingFigures, tracking_figures
from poetlab.tracking.identities import Identities, identities_of_blocks
from poetlab.tracking.settings import TrackingSettings
from poetlab.tracking.track import track_detections


@dataclass(frozen=True)
class Case:
    """A recording to draw, and how a network fails on it."""

    name: str
    animals: Callable[[int], DrawnAnimals]
    faults: Faults


def lizards(
    n: int, fps: float, *, length: float, roaming: float, speed: float = 1.5, side: int = 384
) -> Callable[[int], DrawnAnimals]:
    """Smooth walkers; the higher `roaming`, the longer they are out of the picture."""
    scenario = Scenario(body_length=length, roaming=roaming, speed=speed, sociability=0.4)
    return lambda seed: wandering_animals(
        seed, n_frames=2000, n_animals=n, size=(side, side), fps=fps, scenario=scenario
    )


def beetles(n: int, fps: float, side: int) -> Callable[[int], DrawnAnimals]:
    """Stiff animals, all alike, that dart at one another, stop and turn on the spot."""
    return lambda seed: darting_animals(
        seed, n_frames=2000, n_animals=n, size=(side, side), fps=fps, body_length=50, sociability=0.5
    )


USUAL = Faults(missed=0.1, false=0.02, noise=2)
WORSE = Faults(missed=0.1, false=0.02, noise=2, duplicates=0.05, missing_keypoints=0.1)
HIDDEN = Faults(missed=0.1, false=0.02, noise=2, duplicates=0.05, missing_keypoints=0.1, hidden_seconds=1.0)
LONG_HIDDEN = Faults(missed=0.1, false=0.02, noise=2, duplicates=0.05, missing_keypoints=0.1, hidden_seconds=2.0)

CASES = (
    Case("5 lizards, 25 fps, leave the picture", lizards(5, 25, length=0.17, roaming=0.6), USUAL),
    Case("the same, worse detections", lizards(5, 25, length=0.17, roaming=0.6), WORSE),
    Case("5 lizards, out of the picture half the time", lizards(5, 25, length=0.26, roaming=1.0, side=256), USUAL),
    Case("10 lizards, crowded, 50 fps", lizards(10, 50, length=0.15, roaming=-0.2, speed=3, side=256), WORSE),
    Case("4 lizards, one hidden up to 1 s a touch", lizards(4, 25, length=0.15, roaming=-0.2, speed=3), HIDDEN),
    Case("2 beetles, 30 fps", beetles(2, 30, 200), WORSE),
    Case("2 beetles, one hidden up to 1 s a touch", beetles(2, 30, 200), HIDDEN),
    Case("2 beetles, one hidden up to 2 s a touch", beetles(2, 30, 200), LONG_HIDDEN),
    Case("5 beetles, 25 fps", beetles(5, 25, 400), WORSE),
    Case("5 beetles, 100 fps", beetles(5, 100, 400), WORSE),
    Case("5 beetles, 100 fps, hidden up to 1 s a touch", beetles(5, 100, 400), HIDDEN),
)


def run(case: Case, seed: int) -> TrackingFigures:
    """Draw, find, track and compare."""
    animals = case.animals(seed)
    drawn = detect(animals, case.faults, seed)
    frames = list(zip(range(len(drawn.frames)), animals.times.tolist(), drawn.frames, strict=True))
    n_animals = animals.keypoints.shape[1]
    tracks = track_detections(frames, animals.skeleton, TrackingSettings(), n_animals)
    assert len(tracks.individuals) == n_animals
    truth = Identities(tuple(map(str, range(n_animals))), np.arange(len(frames)), animals.keypoints)
    counts = np.array([len(instances) for instances in drawn.frames])
    block = DetectionBlock(truth.frames, animals.times, counts, join_instances(drawn.frames))
    poses = fill_gaps(place_in_slots([block], tracks.slots, n_animals), TrackingSettings().fill_gap)
    found = identities_of_blocks(tracks.individuals, poses, truth.frames)
    return tracking_figures(truth, found, animals.skeleton)


def main() -> None:
    """Print one row a case: medians and worst over the seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    choices = parser.parse_args()
    seeds = range(choices.first_seed, choices.first_seed + choices.seeds)
    print("| recording | IDF1 of found: median, worst | switches: median, worst | IDF1 | HOTA |")
    print("|---|---|---|---|---|")
    for case in CASES:
        results = [run(case, seed) for seed in seeds]
        of_found = [figures.idf1_of_found for figures in results]
        switches = [figures.switches for figures in results]
        idf1, hota = (np.median([getattr(figures, name) for figures in results]) for name in ("idf1", "hota"))
        print(
            f"| {case.name} | {np.median(of_found):.3f}, {min(of_found):.3f} | {np.median(switches):.0f}, "
            f"{max(switches)} | {idf1:.3f} | {hota:.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
