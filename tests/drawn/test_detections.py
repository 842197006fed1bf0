"""Detections of drawn animals have the faults that they are said to have."""

import numpy as np
import pytest

from poetlab.drawn.detections import FALSE, DrawnAnimals, DrawnDetections, Faults, darting_animals, detect


@pytest.fixture(scope="module")
def beetles() -> DrawnAnimals:
    return darting_animals(0, n_frames=400, n_animals=3, size=(300, 300), fps=25, body_length=50)


def by_frame(drawn: DrawnDetections) -> list[np.ndarray]:
    return np.split(drawn.identities, np.cumsum([len(found) for found in drawn.frames])[:-1])


def test_without_faults_every_animal_is_found_where_it_is(beetles: DrawnAnimals) -> None:
    drawn = detect(beetles, Faults(), 0)
    for found, identities, truth in zip(drawn.frames, by_frame(drawn), beetles.keypoints, strict=True):
        np.testing.assert_array_equal(found.keypoints, truth[identities])
        assert (np.diff(found.scores) <= 0).all()


def test_misses_false_ones_duplicates_and_noise_are_as_many_as_asked_for(beetles: DrawnAnimals) -> None:
    faults = Faults(missed=0.2, false=0.1, noise=3, duplicates=0.1, missing_keypoints=0.15)
    drawn = detect(beetles, faults, 1)
    identities = np.concatenate(by_frame(drawn))
    n_found = sum(len(np.unique(there[there != FALSE])) for there in by_frame(drawn))
    assert n_found / 1200 == pytest.approx(0.8, abs=0.04)
    assert (identities == FALSE).sum() / 1200 == pytest.approx(0.1 / 0.9, abs=0.03)
    assert ((identities != FALSE).sum() - n_found) / n_found == pytest.approx(0.1, abs=0.03)
    keypoints = np.concatenate([found.keypoints for found in drawn.frames])
    frames = np.repeat(np.arange(400), [len(found) for found in drawn.frames])
    real = identities != FALSE
    off = keypoints[real] - beetles.keypoints[frames[real], identities[real]]
    known = np.isfinite(beetles.keypoints[frames[real], identities[real]])
    assert np.isnan(off[known]).mean() == pytest.approx(0.15, abs=0.02)
    assert np.nanstd(off) == pytest.approx(3, rel=0.05)


def test_of_two_that_touch_one_is_hidden_for_a_while(beetles: DrawnAnimals) -> None:
    drawn = detect(beetles, Faults(hidden_seconds=1.0), 0)
    n_hidden = 1200 - len(drawn.identities)
    assert 0 < n_hidden < 600


def test_darting_animals_touch_but_are_never_in_one_place_and_keep_their_shape(beetles: DrawnAnimals) -> None:
    middles = beetles.keypoints[:, :, 1:3].mean(2)
    distances = np.linalg.norm(middles[:, :, None] - middles[:, None], axis=-1)[:, *np.triu_indices(3, 1)]
    assert 10 < np.nanmin(distances) < 0.5 * beetles.body_length
    bones = np.linalg.norm(beetles.keypoints[:, :, 0] - beetles.keypoints[:, :, 2], axis=-1)
    assert np.nanmax(np.abs(bones - 0.65 * beetles.body_length)) < 1e-6
