"""Pictures of result files: that they show what is in them."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from poetlab.plots.likelihood import plot_likelihood
from poetlab.plots.presence import plot_presence
from poetlab.plots.speed import plot_speed
from poetlab.plots.trajectories import plot_trajectories
from poetlab.poses import Poses
from poetlab.rendering.colors import PALETTE, individual_colors
from poetlab.results.joins import make_joins
from poetlab.skeleton import Skeleton

Plot = Callable[[Poses, Path], None]
PLOTS = (plot_likelihood, plot_presence, plot_speed, plot_trajectories)
any_plot = pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.__name__)


def make_poses(n_frames: int, n_individuals: int = 2, n_keypoints: int = 3) -> Poses:
    """Animals that wander in their own part of the picture."""
    rng = np.random.default_rng(0)
    middles = np.cumsum(rng.normal(0, 2, (n_frames, n_individuals, 1, 2)), axis=0) % 80
    keypoints = middles + 60 * np.arange(n_individuals)[:, None, None] + rng.normal(0, 5, (n_keypoints, 2))
    frames = np.arange(n_frames)
    return Poses(
        Skeleton("s", tuple(f"keypoint {number}" for number in range(n_keypoints))),
        tuple(f"animal {number}" for number in range(n_individuals)),
        keypoints.astype(np.float32),
        np.full(keypoints.shape[:3], 0.9, np.float32),
        np.ones(keypoints.shape[:2], np.float32),
        frames,
        frames / 25,
        (240, 320),
        25.0,
        "video.mp4",
        "model",
        tracked=True,
    )


def without(poses: Poses, individual: int, rows: slice) -> Poses:
    keypoints, visibility, scores = poses.keypoints.copy(), poses.visibility.copy(), poses.scores.copy()
    keypoints[rows, individual], visibility[rows, individual], scores[rows, individual] = np.nan, 0, 0
    return replace(poses, keypoints=keypoints, visibility=visibility, scores=scores)


def amount(path: Path, color: tuple[int, int, int]) -> int:
    """Pixels of nearly this color."""
    image = np.asarray(Image.open(path).convert("RGB")).astype(int)
    return int((np.abs(image - color).max(axis=2) < 12).sum())


@any_plot
@pytest.mark.parametrize("n_frames", [1, 2, 40, 4000, 30_000])
def test_every_length_can_be_drawn(plot: Plot, n_frames: int, tmp_path: Path):
    plot(make_poses(n_frames), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.format == "PNG"
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@any_plot
@pytest.mark.parametrize("n_frames", [40, 30_000])
def test_nothing_found_can_be_drawn(plot: Plot, n_frames: int, tmp_path: Path):
    poses = without(without(make_poses(n_frames), 0, slice(None)), 1, slice(None))
    plot(poses, tmp_path / "a.png")
    assert (tmp_path / "a.png").exists()


@pytest.mark.parametrize("plot", [plot_presence, plot_speed, plot_trajectories])
def test_each_individual_has_its_color(plot: Plot, tmp_path: Path):
    poses = make_poses(200, n_individuals=3)
    plot(poses, tmp_path / "a.png")
    plot(without(poses, 1, slice(None)), tmp_path / "b.png")
    for color in PALETTE[:3]:
        assert amount(tmp_path / "a.png", color) > 100
    assert amount(tmp_path / "b.png", PALETTE[1]) < 0.5 * amount(tmp_path / "a.png", PALETTE[1])  # its name stays


def test_presence_is_drawn_as_long_as_it_is(tmp_path: Path):
    for name, gone in (("all", slice(0)), ("half", slice(100, 200))):
        plot_presence(without(make_poses(200), 0, gone), tmp_path / f"{name}.png")
    ratio = amount(tmp_path / "half.png", PALETTE[0]) / amount(tmp_path / "all.png", PALETTE[0])
    assert ratio == pytest.approx(0.5, abs=0.02)


def test_presence_shows_where_animals_could_be_switched(tmp_path: Path):
    poses = make_poses(200)
    plot_presence(poses, tmp_path / "plain.png")
    darkness = []
    for name, frame in (("early", 50), ("late", 150)):
        path = tmp_path / f"{name}.png"
        plot_presence(poses, path, make_joins([(frame, frame - 5, 1, 2.0)]))
        picture, plain = (np.asarray(Image.open(one).convert("L"), float) for one in (path, tmp_path / "plain.png"))
        rows, columns = np.nonzero(plain - picture > 100)
        assert len(columns) > 5
        assert rows.mean() > plain.shape[0] / 3, "above the second bar"
        darkness.append(columns.mean())
    assert darkness[1] - darkness[0] > 0.2 * plain.shape[1]


def test_likelihood_is_drawn_in_its_color(tmp_path: Path):
    bright, dark = (253, 231, 37), (68, 1, 84)  # the ends of viridis
    poses = make_poses(200, n_keypoints=24)
    for name, value in (("sure", 1.0), ("unsure", 0.0)):
        plot_likelihood(replace(poses, visibility=np.full_like(poses.visibility, value)), tmp_path / f"{name}.png")
    assert amount(tmp_path / "sure.png", bright) > 100 * amount(tmp_path / "unsure.png", bright) / 2
    assert amount(tmp_path / "unsure.png", dark) > 100 * amount(tmp_path / "sure.png", dark) / 2


def test_a_gap_in_a_path_stays_open(tmp_path: Path):
    poses = make_poses(40, n_individuals=1)
    poses.keypoints[:20] = np.array([20, 120]) + np.arange(20)[:, None, None, None] * np.array([1, 0])
    poses.keypoints[20:] = np.array([280, 120]) + np.arange(20)[:, None, None, None] * np.array([1, 0])
    plot_trajectories(poses, tmp_path / "joined.png")
    plot_trajectories(without(poses, 0, slice(19, 21)), tmp_path / "open.png")
    color = individual_colors(1)[0]
    joined, apart = (np.asarray(Image.open(tmp_path / f"{name}.png").convert("RGB")) for name in ("joined", "open"))
    columns = np.flatnonzero((np.abs(joined.astype(int) - apart).max(axis=2) > 60).any(axis=0))
    assert np.ptp(columns) > 400  # the line between the two parts, in pixels of the plot
    assert amount(tmp_path / "open.png", color) > 0


@pytest.mark.slow
@any_plot
def test_a_million_frames_take_seconds(plot: Plot, tmp_path: Path):
    poses = make_poses(1000)
    keypoints, visibility = (np.concatenate([values] * 1000) for values in (poses.keypoints, poses.visibility))
    scores, frames = np.ones((1_000_000, 2), np.float32), np.arange(1_000_000)
    many = replace(poses, keypoints=keypoints, visibility=visibility, scores=scores, frames=frames, times=frames / 25)
    started = time.process_time()
    plot(many, tmp_path / "a.png")
    assert time.process_time() - started < 20
    assert (tmp_path / "a.png").stat().st_size < 1_000_000
