"""What is in a result file, with pandas: who was found, where, how fast.

    python examples/read_results.py results/video.h5 --keypoint head

A file that is not tracked has slots, ordered by score in each frame. With several animals, a slot's speed is not that
of one animal; the distance between two animals needs no identities.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

import poetlab


def main() -> None:
    """Show what is in the file of the command line."""
    parser = argparse.ArgumentParser(description="Read a result file with pandas.")
    parser.add_argument("results", type=Path, help="the HDF5 file of a video")
    parser.add_argument("--keypoint", help="the first one if omitted")
    parser.add_argument("--likelihood", type=float, default=0.5, help="from which a keypoint counts as visible")
    arguments = parser.parse_args()

    poses = poetlab.read_poses(arguments.results)
    keypoint = arguments.keypoint or poses.skeleton.keypoints[0]
    print(
        f"{poses.video}: {poses.n_frames} frames, individuals {', '.join(poses.individuals)}, tracked: {poses.tracked}"
    )

    table = pd.read_hdf(arguments.results)  # needs no poetlab
    print(table.head())

    x, y = visible_positions(table, keypoint, arguments.likelihood)
    print(f"\nframes in which {keypoint} is visible:")
    print(x.notna().mean().map("{:.1%}".format).to_string())

    print(f"\nmedian speed of {keypoint}, pixels a second:")
    print(speeds(x, y, poses.times).median().round(1).to_string())

    if len(poses.individuals) > 1:
        print(f"\nmedian distance of {keypoint} between the first two, pixels: {distance(x, y).median():.1f}")


def visible_positions(table: pd.DataFrame, keypoint: str, likelihood: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The x and y of one keypoint, one column an individual; NaN where it is not likely visible."""
    one = table.droplevel("scorer", axis=1).xs(keypoint, level="bodyparts", axis=1)
    x, y, visible = (one.xs(name, level="coords", axis=1) for name in ("x", "y", "likelihood"))
    return x.where(visible >= likelihood), y.where(visible >= likelihood)


def speeds(x: pd.DataFrame, y: pd.DataFrame, times: np.ndarray) -> pd.DataFrame:
    """Pixels a second from each frame to the next, by the frames' own times."""
    return np.hypot(x.diff(), y.diff()).div(pd.Series(times).diff(), axis=0)


def distance(x: pd.DataFrame, y: pd.DataFrame) -> pd.Series:
    """Pixels between the first two individuals in each frame."""
    return np.hypot(x.iloc[:, 0] - x.iloc[:, 1], y.iloc[:, 0] - y.iloc[:, 1])


if __name__ == "__main__":
    main()
