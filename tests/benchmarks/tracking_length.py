"""How the time and memory of tracking grow with a video: prints the table of docs/tracking.md.

python tests/benchmarks/tracking_length.py
"""

import time
import tracemalloc
from collections.abc import Iterator, Sequence

from poetlab.drawn.detections import Faults, detect, wandering_animals
from poetlab.drawn.scenario import Scenario
from poetlab.poses import Instances
from poetlab.tracking.settings import TrackingSettings
from poetlab.tracking.track import track_detections

FAULTS = Faults(missed=0.1, false=0.02, noise=2)
SCENARIO = Scenario(body_length=0.17, roaming=0.6, sociability=0.4)
PART = 2000


def frames(drawn: Sequence[Instances], n_frames: int) -> Iterator[tuple[int, float, Instances]]:
    """So many frames, made as they are asked for: the same recording, forwards and backwards."""
    for number in range(n_frames):
        there, place = divmod(number, PART)
        yield number, number / 25, drawn[place if there % 2 == 0 else PART - 1 - place]


def main() -> None:
    """Print one row a length; memory in a second run, since measuring it takes time."""
    animals = wandering_animals(0, n_frames=PART, n_animals=5, size=(384, 384), fps=25, scenario=SCENARIO)
    skeleton, drawn = animals.skeleton, detect(animals, FAULTS, 0).frames
    print("| frames | seconds | ms a frame | most memory, MB | bytes a detection |")
    print("|---|---|---|---|---|")
    for n_frames in (2000, 8000, 32000):
        begin = time.perf_counter()
        n_detections = len(track_detections(frames(drawn, n_frames), skeleton, TrackingSettings(), 5).slots)
        seconds = time.perf_counter() - begin
        tracemalloc.start()
        track_detections(frames(drawn, n_frames), skeleton, TrackingSettings(), 5)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        print(
            f"| {n_frames} | {seconds:.1f} | {1000 * seconds / n_frames:.2f} | {most / 1e6:.1f} "
            f"| {most / n_detections:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
