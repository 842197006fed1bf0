"""A result file without a network: drawn animals whose places and names are known, to try render, plot and export on.

python examples/known_animals.py lizards
"""

import argparse
from pathlib import Path

import numpy as np

from poetlab.drawn.scenario import Scenario
from poetlab.drawn.tracks import DrawnTracks, draw_video
from poetlab.poses import Instances
from poetlab.results.rewriting import rewrite_results
from poetlab.results.writing import ResultsWriter
from poetlab.video.fingerprint import fingerprint

NAMES = ("ada", "bob", "cleo")
LIKELIHOOD = np.array([0.0, 0.3, 0.95])
"""Of keypoints outside of the picture, hidden ones and visible ones."""


def main() -> None:
    """Draw the video and write its results into the folder of the command line."""
    parser = argparse.ArgumentParser(description="Draw a video of known animals, and write its result file.")
    parser.add_argument("folder", type=Path, help="the folder to write lizards.mp4 and lizards.h5 to")
    parser.add_argument("--frames", type=int, default=500)
    arguments = parser.parse_args()

    arguments.folder.mkdir(parents=True, exist_ok=True)
    video = arguments.folder / "lizards.mp4"
    scenario = Scenario(body_length=0.18, roaming=0.3)  # so that they leave the picture now and then
    tracks = draw_video(
        video, n_frames=arguments.frames, n_animals=len(NAMES), size=(288, 384), seed=11, scenario=scenario
    )
    write_results(video.with_suffix(".h5"), video, tracks)
    print(f"wrote {video} and {video.with_suffix('.h5')}")


def write_results(path: Path, video: Path, tracks: DrawnTracks) -> None:
    """Write what can be seen of the animals as detections, and then name each."""
    places, seen = tracks.keypoints[..., :2], tracks.keypoints[..., 2].astype(int)
    is_found = (seen == 2).sum(axis=2) > 2
    likelihood = LIKELIHOOD[seen] * np.random.default_rng(0).uniform(0.8, 1.05, seen.shape)
    with ResultsWriter(
        path,
        skeleton=tracks.skeleton,
        individuals=NAMES,
        size=tracks.size,
        fps=tracks.fps,
        video=video.name,
        video_fingerprint=fingerprint(video),
        model="drawn",
        tracked=False,
        settings={},
    ) as writer:
        for frame, found in enumerate(is_found):
            detections = Instances(places[frame, found], likelihood[frame, found], np.full(found.sum(), 0.9))
            writer.append([frame / tracks.fps], [detections], [frame])
        writer.finish()
    slots = np.nonzero(is_found)[1]
    rewrite_results(path, path, individuals=NAMES, slots=slots, tracked=True, overwrite=True)


if __name__ == "__main__":
    main()
