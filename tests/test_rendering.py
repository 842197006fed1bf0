"""Poses drawn onto images and videos."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from poetlab.errors import VideoError
from poetlab.poses import Poses
from poetlab.rendering import PALETTE, draw_instances, individual_colors, render_video
from poetlab.skeleton import Skeleton
from poetlab.video.reading import open_video
from poetlab.video.writing import VideoWriter

SKELETON = Skeleton("stick", ("top", "bottom"), (("top", "bottom"),))
NO_EDGES = Skeleton("dots", ("top", "bottom"))
RED = (255, 0, 0)


def gray(height: int = 200, width: int = 300) -> np.ndarray:
    return np.full((height, width, 3), 128, np.uint8)


def draw(
    points: list[list[float]],
    visibility: tuple[float, float] = (1.0, 1.0),
    skeleton: Skeleton = SKELETON,
    label: str | None = None,
    image: np.ndarray | None = None,
) -> np.ndarray:
    labels = None if label is None else [label]
    picture = gray() if image is None else image
    return draw_instances(picture, np.array([points]), np.array([visibility]), skeleton, [RED], labels=labels)


def changed(image: np.ndarray) -> np.ndarray:
    return (image != 128).any(axis=-1)


def redness(image: np.ndarray) -> np.ndarray:
    return image[..., 0].astype(float) - image[..., 1]


def test_the_result_is_a_new_image():
    image = gray()
    drawn = draw([[50, 60], [200, 100]], image=image)
    assert (image == 128).all()
    assert drawn.shape == image.shape
    assert drawn.dtype == np.uint8
    drawn[0, 0] = 0  # and it can be written to


@pytest.mark.parametrize(("place", "tolerance"), [((50.0, 60.0), 0.01), ((50.5, 60.3), 0.2), ((50.25, 60.75), 0.2)])
def test_a_dot_is_centered_on_its_keypoint(place: tuple[float, float], tolerance: float):
    red = redness(draw([[*place], [np.nan, np.nan]]))
    y, x = np.indices(red.shape)
    center = (x * red).sum() / red.sum(), (y * red).sum() / red.sum()
    np.testing.assert_allclose(center, place, rtol=0, atol=tolerance)


def test_dots_have_the_individuals_color():
    keypoints = np.array([[[50, 60], [50, 100]], [[150, 60], [150, 100]]], float)
    colors = individual_colors(2)
    drawn = draw_instances(gray(), keypoints, np.ones((2, 2)), SKELETON, colors)
    for points, color in zip(keypoints.astype(int), colors, strict=True):
        for x, y in points:
            assert tuple(drawn[y, x]) == color


def test_edges_are_drawn_between_present_keypoints_only():
    assert tuple(draw([[50, 60], [250, 60]])[60, 150]) == RED
    assert not changed(draw([[50, 60], [250, 60]], skeleton=NO_EDGES))[60, 150]
    assert not changed(draw([[50, 60], [np.nan, np.nan]]))[:, 100:].any()


def test_keypoints_that_are_not_visible_are_rings_with_faint_edges():
    large = gray(600, 900)
    faint = redness(draw([[100, 300], [800, 300]], visibility=(0.9, 0.1), image=large))
    solid = redness(draw([[100, 300], [800, 300]], visibility=(0.9, 0.9), image=large))
    assert faint[300, 100] == solid[300, 800] == 255
    assert faint[300, 800] < 60
    assert faint[300, 790:811].max() > 240
    assert 0 < faint[300, 450] < 200 < solid[300, 450]


def test_nothing_is_drawn_for_nothing():
    nothing = np.full((2, 2), np.nan).tolist()
    assert not changed(draw(nothing, label="absent")).any()
    empty = draw_instances(gray(), np.zeros((0, 2, 2)), np.zeros((0, 2)), SKELETON, [])
    assert not changed(empty).any()


def test_poses_may_leave_the_image():
    assert changed(draw([[-20, 60], [50, 60]], label="leaving"))[60, 0]
    assert not changed(draw([[-200, 60], [-100, 60]])).any()


def test_strokes_grow_with_the_image():
    points = np.array([[0.2, 0.2], [0.8, 0.8]])
    shares = [
        changed(draw((points * size).tolist(), image=gray(size, size))).mean() * size for size in (300, 600, 1200)
    ]
    assert shares[0] < 0.7 * shares[1] < 0.5 * shares[2]


def test_a_label_stands_above_its_animal_and_inside_the_image():
    without = draw([[150, 100], [150, 150]])
    drawn = (draw([[150, 100], [150, 150]], label="mouse 0.98") != without).any(axis=-1)
    rows, columns = np.nonzero(drawn)
    assert rows.min() > 60
    assert rows.max() < 100
    assert abs(columns.mean() - 150) < 10
    at_corner = (draw([[299, 0], [299, 50]], label="mouse 0.98") != draw([[299, 0], [299, 50]])).any(axis=-1)
    assert at_corner.sum() > 0.8 * drawn.sum()


@pytest.mark.parametrize("n", [0, 1, 7, 8, 25, 60])
def test_every_individual_has_its_own_color(n: int):
    colors = individual_colors(n)
    assert len(set(colors)) == n
    assert colors[:7] == PALETTE[:n]
    assert all(0 <= channel <= 255 for color in colors for channel in color)


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


def test_the_video_shows_each_frames_poses(video: Path, tmp_path: Path):
    poses = make_poses(30)
    progress: list[tuple[int, int]] = []
    render_video(video, poses, tmp_path / "out.mp4", on_progress=lambda done, total: progress.append((done, total)))
    frames = list(open_video(tmp_path / "out.mp4"))
    assert len(frames) == 30
    assert progress == [(i, 30) for i in range(1, 31)]
    np.testing.assert_allclose([frame.time for frame in frames], poses.times, atol=1e-6)
    for frame in frames:
        for individual, y in enumerate((130, 270)):
            is_present = individual == 0 or frame.index % 3 > 0
            distance = np.abs(color_at(frame.image, 20 + frame.index, y) - PALETTE[individual]).max()
            assert (distance < 40) == is_present, (frame.index, individual)


def test_names_are_written_only_where_they_mean_something(video: Path, tmp_path: Path):
    for name, tracked in (("tracked.mp4", True), ("slots.mp4", False)):
        render_video(video, make_poses(30, tracked=tracked), tmp_path / name)
    tracked_image, slots_image = (
        next(iter(open_video(tmp_path / name))).image for name in ("tracked.mp4", "slots.mp4")
    )
    above_first = np.s_[:35]
    assert (tracked_image[above_first] > 150).sum() > 1.3 * (slots_image[above_first] > 150).sum() > 0


def test_poses_of_another_size_are_refused(video: Path, tmp_path: Path):
    with pytest.raises(VideoError, match=r"frames of \(288, 384\), the poses \(200, 300\)"):
        render_video(video, make_poses(30, size=(200, 300)), tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_only_frames_with_poses_are_written(video: Path, tmp_path: Path):
    render_video(video, make_poses(20), tmp_path / "out.mp4")
    assert len(list(open_video(tmp_path / "out.mp4"))) == 20


def test_every_how_many_th_frame_is_shown_for_as_long_as_it_stands_for(tmp_path: Path):
    path = tmp_path / "brighter.mp4"
    with VideoWriter(path, (288, 384), 25) as writer:
        for index in range(30):
            writer.write(gray(288, 384) // 2 + 4 * index)
    chosen = np.arange(4, 30, 5)
    render_video(path, replace(make_poses(6), frames=chosen), tmp_path / "out.mp4")
    shown, originals = list(open_video(tmp_path / "out.mp4")), list(open_video(path))
    np.testing.assert_allclose([frame.time for frame in shown], np.arange(6) / 5, atol=1e-6)
    for row, index in enumerate(chosen):
        assert abs(shown[row].image[:, 300:].mean() - originals[index].image[:, 300:].mean()) < 2


def test_a_video_shorter_than_its_poses_is_logged(video: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        render_video(video, make_poses(40), tmp_path / "out.mp4")
    assert "has 30 frames, but there are poses of 40" in caplog.text
    assert len(list(open_video(tmp_path / "out.mp4"))) == 30
