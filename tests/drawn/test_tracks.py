"""Tests of drawn videos and of the truth that comes with them."""

from pathlib import Path

import numpy as np
import pytest

from poetlab.drawn.animals import LIZARD
from poetlab.drawn.scenario import Scenario
from poetlab.drawn.scene import draw_shot
from poetlab.drawn.tracks import DrawnTracks, draw_video
from poetlab.errors import VideoError
from poetlab.video.reading import open_video

N_FRAMES, N_ANIMALS, SIZE, FPS, SEED = 30, 3, (96, 128), 12.5, 8
SCENARIO = Scenario(roaming=0.5)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> tuple[Path, DrawnTracks, list[tuple[int, int]]]:
    path = tmp_path_factory.mktemp("drawn") / "lizards.mp4"
    progress: list[tuple[int, int]] = []
    tracks = draw_video(
        path,
        n_frames=N_FRAMES,
        n_animals=N_ANIMALS,
        size=SIZE,
        fps=FPS,
        seed=SEED,
        scenario=SCENARIO,
        on_progress=lambda *step: progress.append(step),
    )
    return path, tracks, progress


def test_the_truth_is_the_shots(drawn):
    _, tracks, _ = drawn
    shot = list(
        draw_shot(
            np.random.default_rng(SEED), n_frames=N_FRAMES, n_animals=N_ANIMALS, size=SIZE, fps=FPS, scenario=SCENARIO
        )
    )
    assert tracks.keypoints.shape == (N_FRAMES, N_ANIMALS, LIZARD.n_keypoints, 3)
    np.testing.assert_array_equal(tracks.keypoints, [picture.keypoints for picture in shot])
    np.testing.assert_array_equal(tracks.bboxes, [picture.bboxes for picture in shot])
    np.testing.assert_array_equal(tracks.areas, [picture.masks.sum(axis=(1, 2)) for picture in shot])
    assert (tracks.skeleton, tracks.size, tracks.fps) == (LIZARD, SIZE, FPS)


def test_the_video_shows_the_frames_in_order(drawn):
    path, _, _ = drawn
    shot = draw_shot(
        np.random.default_rng(SEED), n_frames=N_FRAMES, n_animals=N_ANIMALS, size=SIZE, fps=FPS, scenario=SCENARIO
    )
    with open_video(path) as video:
        assert video.size == SIZE
        assert video.fps == pytest.approx(FPS)
        decoded = [frame.image.astype(float) for frame in video]
    drawn_images = [picture.image.astype(float) for picture in shot]
    assert len(decoded) == N_FRAMES
    for index, image in enumerate(decoded):
        differences = [np.abs(image - other).mean() for other in drawn_images]
        assert int(np.argmin(differences)) == index
        assert differences[index] < 6


def test_an_identity_moves_on_from_frame_to_frame(drawn):
    _, tracks, _ = drawn
    steps = np.linalg.norm(np.diff(tracks.keypoints[..., :2], axis=0), axis=-1)
    body_length = SCENARIO.body_length * min(SIZE)
    assert 0 < np.nanmax(steps) < 5 * SCENARIO.speed / FPS * body_length * (1 + SCENARIO.length_spread)


def test_progress_is_reported(drawn):
    assert drawn[2] == [(done, N_FRAMES) for done in range(1, N_FRAMES + 1)]


def test_a_video_that_cannot_be_written_is_an_error(tmp_path):
    with pytest.raises(VideoError):
        draw_video(tmp_path / "missing" / "lizards.mp4", n_frames=2, size=SIZE)
