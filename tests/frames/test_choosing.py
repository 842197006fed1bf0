"""Frames for the first round of labeling: as many as wanted, of all kinds, where something moves, evenly."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from poetlab.errors import ConfigError
from poetlab.frames.choosing import METHODS, choose_frames, typical_points
from poetlab.frames.scanning import scan_changes, scan_evenly
from poetlab.video.reading import open_video

MakeVideo = Callable[[Sequence[np.ndarray]], Path]


def plain(level: int, size: tuple[int, int] = (32, 48)) -> np.ndarray:
    return np.full((*size, 3), level, np.uint8)


def with_square(x: int, y: int) -> np.ndarray:
    image = plain(60, (64, 96))
    image[y : y + 12, x : x + 12] = 220
    return image


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [1, 7, 40, 60])
def test_as_many_different_frames_as_there_are(make_video: MakeVideo, method: str, n: int) -> None:
    noise = np.random.default_rng(0)
    with open_video(make_video([noise.integers(0, 255, (16, 16, 3), np.uint8) for _ in range(40)])) as video:
        frames = choose_frames(video, n, method, lambda _: None)
        assert frames == choose_frames(video, n, method, lambda _: None)
    assert len(frames) == min(n, 40)
    assert frames == sorted(set(frames))
    assert set(frames) <= set(range(40))


@pytest.mark.parametrize("method", METHODS)
def test_frames_that_are_all_the_same_still_give_frames(make_video: MakeVideo, method: str) -> None:
    with open_video(make_video([plain(90)] * 30)) as video:
        assert len(choose_frames(video, 5, method, lambda _: None)) == 5


def test_kmeans_finds_every_kind_of_frame(make_video: MakeVideo) -> None:
    """A kind that lasts 3 frames of 300 is found as well as those that last long."""
    levels = [20] * 150 + [120] * 3 + [70] * 97 + [230] * 50
    with open_video(make_video([plain(level) for level in levels])) as video:
        frames = choose_frames(video, 4, "kmeans", lambda _: None)
    assert sorted(levels[frame] for frame in frames) == [20, 70, 120, 230]


def test_uniform_frames_are_in_the_middle_of_equal_parts(make_video: MakeVideo) -> None:
    with open_video(make_video([plain(50)] * 100)) as video:
        assert choose_frames(video, 4, "uniform", lambda _: None) == pytest.approx([12, 37, 62, 87], abs=1)


def test_motion_is_where_an_animal_moves_and_not_where_all_flickers(make_video: MakeVideo) -> None:
    images = [with_square(10, 20)] * 120
    images[40] = plain(255, (64, 96))  # a flash: one frame that is unlike all others
    images[80:95] = [with_square(10 + 5 * step, 20) for step in range(15)]
    with open_video(make_video(images)) as video:
        (frame,) = choose_frames(video, 1, "motion", lambda _: None)
        frames = choose_frames(video, 4, "motion", lambda _: None)
    assert 79 <= frame <= 96
    assert frame in frames
    assert np.diff(frames).min() >= 15  # half of the distance that evenly spread frames have


def test_an_unknown_method_is_said(make_video: MakeVideo) -> None:
    with (
        open_video(make_video([plain(50)] * 3)) as video,
        pytest.raises(ConfigError, match="there are kmeans, uniform, motion"),
    ):
        choose_frames(video, 2, "random", lambda _: None)


@pytest.mark.parametrize("promised", [None, 10, 100, 100_000])
def test_candidates_are_spread_evenly_whatever_the_header_promises(make_video: MakeVideo, promised: int | None) -> None:
    with open_video(make_video([plain(2 * level) for level in range(100)])) as video:
        video.n_frames_estimate = promised
        seen: list[int] = []
        thumbnails = scan_evenly(video, 10, seen.append)
    assert 10 <= len(thumbnails.frames) <= 20
    assert len(set(np.diff(thumbnails.frames))) == 1
    assert thumbnails.frames[-1] >= 80
    assert thumbnails.images.mean(axis=(1, 2, 3)) == pytest.approx(2 * thumbnails.frames, abs=4)
    assert seen


def test_changes_are_those_of_the_pixels(make_video: MakeVideo) -> None:
    with open_video(make_video([plain(50)] * 10 + [plain(50 + 4 * step) for step in range(20)])) as video:
        changes = scan_changes(video, lambda _: None)
    assert len(changes) == 30
    assert changes[:7] == pytest.approx(np.zeros(7), abs=0.5)
    assert changes[14:27] == pytest.approx(np.full(13, 4.0), abs=1.0)


def test_a_typical_point_is_nearest_to_the_middle_of_its_kind() -> None:
    kinds = np.array([[0.0, 0.0], [100.0, 0.0], [0.0, 100.0]])
    spread = np.array([[0.0, 0.0], [3.0, 0.0], [-3.0, 0.0], [0.0, 3.0], [0.0, -3.0]])
    points = (kinds[:, None] + spread).reshape(-1, 2).astype(np.float32)
    assert sorted(typical_points(points, 3)) == [0, 5, 10]
