"""How fast each individual was."""

from pathlib import Path

import numpy as np

from poetlab.plots.figure import new_figure, save_figure
from poetlab.plots.time_axis import time_axis
from poetlab.poses import SEEN, Poses
from poetlab.rendering.colors import individual_colors

_ROWS_AT_ONCE = 1 << 15
_FASTEST_SHOWN = 99.5
"""Percentile of all speeds that the axes show with room above; single jumps beyond would make the rest flat."""
_ROOM = 1.3


def speeds(poses: Poses) -> np.ndarray:
    """How fast each individual's center moved since the frame before.

    The center is that of the keypoints seen in both frames, so it does not jump when a keypoint is hidden.

    Returns:
        (frames, individuals) pixels a second; NaN in the first frame, where no keypoint is seen in both frames, and
        after frames that are missing.
    """
    found = np.full(poses.scores.shape, np.nan, np.float32)
    steps = np.diff(poses.frames)
    is_next = steps == (steps.min() if len(steps) else 1)
    for start in range(0, len(steps), _ROWS_AT_ONCE):
        rows = slice(start, min(start + _ROWS_AT_ONCE, len(steps)) + 1)
        seen = poses.visibility[rows] >= SEEN
        moved = np.diff(poses.keypoints[rows], axis=0)
        both = seen[1:] & seen[:-1] & np.isfinite(moved).all(axis=-1)
        counts = both.sum(axis=-1)
        distance = np.hypot(*np.moveaxis(np.where(both[..., None], moved, 0).sum(axis=-2), -1, 0))
        seconds = np.diff(poses.times[rows])[:, None]
        valid = (counts > 0) & is_next[start : rows.stop - 1, None]
        np.divide(distance, counts * seconds, out=found[start + 1 : rows.stop], where=valid, casting="same_kind")
    return found


def plot_speed(poses: Poses, path: Path) -> None:
    """Draw the speed of each individual over time, with a gap where it was not found.

    Of long videos, the line is the mean of successive frames, and the band around it their lowest to highest speed.

    Args:
        poses: Tracked poses.
        path: PNG to write or replace.
    """
    n = len(poses.individuals)
    figure = new_figure(width=10, height=1.0 + 1.1 * n)
    rows = figure.subplots(n, 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    time, values = time_axis(poses.times), speeds(poses)
    known = values[np.isfinite(values)]
    top = _ROOM * float(np.percentile(known, _FASTEST_SHOWN)) if len(known) else 1.0
    for axes, color, name, speed in zip(rows, individual_colors(n), poses.individuals, values.T, strict=True):
        rgb = np.array(color) / 255
        if time.is_grouped:
            axes.fill_between(time.middles, time.lowest(speed), time.highest(speed), color=rgb, alpha=0.35, linewidth=0)
        axes.plot(time.middles, time.means(speed), color=rgb, linewidth=0.9)
        n_beyond = int((speed > top).sum())
        beyond = f"   {n_beyond:,} of {np.isfinite(speed).sum():,} frames beyond the axis" if n_beyond else ""
        axes.set_title(name + beyond, loc="left", fontsize="small", pad=3)
    rows[-1].set(ylim=(0, top or 1.0))
    time.label(rows[-1])
    figure.supylabel("speed (px/s)", fontsize="medium")
    save_figure(figure, path)
