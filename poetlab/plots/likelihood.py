"""How sure the network was of each keypoint."""

from pathlib import Path

import numpy as np

from poetlab.plots.figure import new_figure, save_figure
from poetlab.plots.time_axis import time_axis
from poetlab.poses import SEEN, Poses

_ROW_HEIGHT = 0.2
_NOTHING = "0.9"


def plot_likelihood(poses: Poses, path: Path) -> None:
    """Draw the likelihood of each keypoint over time as colors, and its mean over all frames as bars beside.

    Likelihood is the predicted visibility; it is averaged over the animals found. Gray is where there was none.

    Args:
        poses: Poses, tracked or not.
        path: PNG to write or replace.
    """
    k = poses.skeleton.n_keypoints
    figure = new_figure(width=10, height=max(2.4, 1.1 + _ROW_HEIGHT * k))
    over_time, means = figure.subplots(1, 2, sharey=True, width_ratios=(6, 1))
    time = time_axis(poses.times)
    is_found = np.isfinite(poses.keypoints).all(axis=-1) & (poses.scores > 0)[..., None]
    counts = time.sums(is_found.sum(axis=1))
    sums = time.sums(np.where(is_found, poses.visibility, 0).sum(axis=1))
    likelihood = np.divide(sums, counts, out=np.full(counts.shape, np.nan), where=counts > 0)
    over_time.set_facecolor(_NOTHING)
    colors = over_time.pcolormesh(
        time.edges, np.arange(k + 1) - 0.5, np.ma.masked_invalid(likelihood.T), vmin=0, vmax=1, cmap="viridis"
    )
    over_time.set_yticks(range(k), poses.skeleton.keypoints, fontsize="small")
    over_time.set(ylim=(k - 0.5, -0.5))
    time.label(over_time)
    figure.colorbar(colors, ax=(over_time, means), label="likelihood", pad=0.01, fraction=0.025)
    overall = np.divide(sums.sum(axis=0), counts.sum(axis=0), out=np.zeros(k), where=counts.sum(axis=0) > 0)
    means.axvline(SEEN, color="0.8", linewidth=0.8)
    means.barh(range(k), overall, height=0.7, color="0.45")
    means.tick_params(left=False, labelleft=False)
    means.set(xlim=(0, 1), xlabel="mean")
    save_figure(figure, path)
