"""Poses drawn into a copy of their video."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from poetlab.errors import VideoError
from poetlab.poses import Poses
from poetlab.rendering.colors import PALETTE
from poetlab.rendering.video import Look, labels_of, render_video
from poetlab.skeleton import Skeleton
from poetlab.video.reading import open_video
from poetlab.video.writing import VideoWriter

SKELETON = Skeleton("stick", ("top", "bottom"), (("top", "bottom"),))
NO_EDGES = Skeleton("dots", ("top", "bottom"))


def gray(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), 128, np.uint8)


def make_poses(n_frames: int, size: tuple[int, int] = (288, 384), **changes: object) -> Poses:
    """Two animals that walk to the right; the second is absent in every third frame."""
    keypoints = np.zeros((n_frames, 2, 2, 2))
    keypoints[..., 0] = 20 + np.arange(n_frames)[:, None, None]
    keypoints[..., 1] = np.array([[40, 130], [160, 270]])
    visibility, scores = np.ones((n_frames, 2, 2)), np.full((n_frames, 2), 0.9)
    keypoints[::3, 1], visibility[::3, 1], scores[::3, 1] = np.nan, 0, 0
    facts = {"fps": 25.0, "video": "walk.mp4", "model": "m", "tracked": True} | changes
    frames = np.arange(n_frames)
    return Poses(SKELETON, ("ada", "bob"), keypoints, visibility, scores, frames, frames / 25, size, **facts)  # type: ignore[arg-type]


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "walk.mp4"
    with VideoWriter(path, (288, 384), 25) as writer:
        for _ in range(30):
            writer.write(gray(288, 384))
    return path


def color_at(image: np.ndarray, x: float, y: float) -> np.ndarray:
    return image[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2].reshape(-1, 3).mean(axis=0)


def test_the_video_shows_each_frames_poses(tmp_path: Path):
    video = numbered_video(tmp_path / "walk.mp4", np.full(30, 16), size=(576, 768))
    poses = make_poses(30, size=(576, 768))
    poses.keypoints[:] *= 2  # with dots large enough for the coarse colors of videos
    progress: list[tuple[int, int]] = []
    render_video(video, poses, tmp_path / "out.mp4", on_progress=lambda done, total: progress.append((done, total)))
    frames = list(open_video(tmp_path / "out.mp4"))
    assert len(frames) == 30
    assert progress == [(i, 30) for i in range(1, 31)]
    np.testing.assert_allclose([frame.time for frame in frames], poses.times, atol=1e-6)
    for frame in frames:
        for individual, y in enumerate((130, 270)):
            is_present = individual == 0 or frame.index % 3 > 0
            distance = np.abs(color_at(frame.image, 40 + 2 * frame.index, 2 * y) - PALETTE[individual]).max()
            assert (distance < 40) == is_present, (frame.index, individual)


def test_names_can_be_left_out(video: Path, tmp_path: Path):
    render_video(video, make_poses(30), tmp_path / "out.mp4", look=Look(names=False))
    above_first = next(iter(open_video(tmp_path / "out.mp4"))).image[:35]
    assert (np.abs(above_first.astype(int) - 128) < 40).all()


def test_names_are_written_only_where_they_mean_something():
    poses = make_poses(3, size=(64, 64))
    assert labels_of(poses, 0) == ["ada", "bob"]
    assert labels_of(replace(poses, tracked=False), 0) == ["0.90", "0.00"]
    assert labels_of(replace(poses, tracked=False), 1) == ["0.90", "0.90"]


def trail_behind(path: Path, index: int) -> np.ndarray:
    """How far each column's color, on the first animal's way, is from the gray of the empty video."""
    image = list(open_video(path))[index].image.astype(int)
    return np.abs(image[82:89, : index + 12] - 128).max(axis=(0, 2))


def test_a_trail_fades_behind_a_tracked_individual(video: Path, tmp_path: Path):
    poses = replace(make_poses(30), skeleton=NO_EDGES)
    for name, look, tracked in (("a", Look(trail=0.8), True), ("b", Look(trail=0), True), ("c", Look(), False)):
        render_video(video, replace(poses, tracked=tracked), tmp_path / f"{name}.mp4", look=look)
    with_trail, without, of_slots = (trail_behind(tmp_path / f"{name}.mp4", 28) for name in "abc")
    assert without.max() < 10
    assert of_slots.max() < 10
    pieces = [with_trail[start : start + 5].mean() for start in (24, 28, 32, 36)]  # it begins at x = 20 + 8 frames
    assert pieces == sorted(pieces)
    assert pieces[-1] > pieces[0] + 15
    assert with_trail[:24].max() < 10


def test_a_trail_has_a_gap_where_nothing_was_found(video: Path, tmp_path: Path):
    poses = replace(make_poses(30), skeleton=NO_EDGES)
    poses.keypoints[8:16, 0], poses.visibility[8:16, 0] = np.nan, 0
    render_video(video, poses, tmp_path / "out.mp4", look=Look(trail=10))
    trail = trail_behind(tmp_path / "out.mp4", 28)
    assert trail[31:33].max() < 10
    assert min(trail[22:26].min(), trail[38:].min()) > 25


@pytest.mark.parametrize("frames", [range(0, 30, 3), range(7, 30), [2, 4, 8, 20]])
def test_only_analyzed_frames_are_written(tmp_path: Path, frames: Sequence[int]):
    numbers = np.array(frames)
    video = numbered_video(tmp_path / "numbered.mp4", range(30))
    everything = make_poses(30)
    poses = replace(
        everything,
        keypoints=np.full_like(everything.keypoints[numbers], np.nan),
        visibility=everything.visibility[numbers],
        scores=everything.scores[numbers],
        frames=numbers,
        times=numbers / 25,
    )
    assert render_video(video, poses, tmp_path / "out.mp4", look=Look(names=False)) == len(numbers)
    with open_video(tmp_path / "out.mp4") as written:
        shown = list(written)
        assert [round(float(frame.image.mean()) / 8) for frame in shown] == list(frames)
        np.testing.assert_allclose([frame.time for frame in shown], (numbers - numbers[0]) / 25, atol=1e-4)
        last = np.median(np.diff(numbers)) / 25
        assert written.duration == pytest.approx(shown[-1].time + last, abs=1e-3)
        assert written.fps == pytest.approx(len(numbers) / written.duration, rel=1e-3)


def test_start_and_stop_count_frames_of_the_video(tmp_path: Path):
    video = numbered_video(tmp_path / "numbered.mp4", range(30))
    poses = make_poses(30)
    poses.keypoints[:] = np.nan
    render_video(video, poses, tmp_path / "out.mp4", look=Look(names=False, start=10, stop=13))
    shown = [round(float(frame.image.mean()) / 8) for frame in open_video(tmp_path / "out.mp4")]
    assert shown == [10, 11, 12]


def numbered_video(path: Path, numbers: Sequence[int] | np.ndarray, size: tuple[int, int] = (288, 384)) -> Path:
    """Frames whose gray is eight times their number."""
    with VideoWriter(path, size, 25) as writer:
        for number in numbers:
            writer.write(np.full((*size, 3), 8 * number, np.uint8))
    return path


@pytest.mark.parametrize(
    "numbers", [{"trail": -1.0}, {"trail": float("nan")}, {"start": -1}, {"start": 5, "stop": 5}], ids=str
)
def test_numbers_that_do_not_fit_are_refused(numbers: dict[str, Any]):
    with pytest.raises(VideoError, match=r"trail is|are none"):
        Look(**numbers)


def test_no_frame_to_draw_is_an_error(video: Path, tmp_path: Path):
    with pytest.raises(VideoError, match="no frame from 40 to the end was analyzed"):
        render_video(video, make_poses(30), tmp_path / "out.mp4", look=Look(start=40))
    assert not (tmp_path / "out.mp4").exists()


def test_an_interruption_leaves_no_file(video: Path, tmp_path: Path):
    def interrupt(done: int, _: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_video(video, make_poses(30), tmp_path / "out.mp4", on_progress=interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["walk.mp4"]


def test_poses_of_another_size_are_refused(video: Path, tmp_path: Path):
    with pytest.raises(VideoError, match=r"frames of \(288, 384\), the poses \(200, 300\)"):
        render_video(video, make_poses(30, size=(200, 300)), tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_only_frames_with_poses_are_written(video: Path, tmp_path: Path):
    render_video(video, make_poses(20), tmp_path / "out.mp4")
    assert len(list(open_video(tmp_path / "out.mp4"))) == 20


def test_a_video_shorter_than_its_poses_is_logged(video: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        render_video(video, make_poses(40), tmp_path / "out.mp4")
    assert "10 of the 40 frames with poses are not in it" in caplog.text
    assert len(list(open_video(tmp_path / "out.mp4"))) == 30
