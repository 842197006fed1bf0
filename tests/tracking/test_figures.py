"""Figures of tracking where they can be told by hand."""

import sys

import numpy as np
import pytest

from poetlab.errors import PoetlabError
from poetlab.skeleton import Skeleton
from poetlab.tracking.figures import tracking_figures
from poetlab.tracking.identities import Identities

SKELETON = Skeleton("worm", ("head", "tail"))


def two_worms() -> Identities:
    """Two animals far apart in ten frames."""
    keypoints = np.zeros((10, 2, 2, 2))
    keypoints[:, :, 1] = 30
    keypoints[:, 1] += 200
    return Identities(("ada", "bob"), np.arange(10), keypoints)


def test_perfect_tracks_are_perfect_under_any_names() -> None:
    labels = two_worms()
    figures = tracking_figures(labels, Identities(("x", "y"), labels.frames, labels.keypoints[:, ::-1]), SKELETON)
    assert (figures.n_frames, figures.n_labeled, figures.n_missed) == (10, 20, 0)
    assert (figures.switches, figures.fragments) == (0, 0)
    assert (figures.idf1, figures.idf1_of_found, figures.hota) == pytest.approx((1, 1, 1))


def test_an_exchange_of_names_is_two_switches() -> None:
    labels = two_worms()
    keypoints = labels.keypoints.copy()
    keypoints[6:] = keypoints[6:, ::-1]
    figures = tracking_figures(labels, Identities(("x", "y"), labels.frames, keypoints), SKELETON)
    assert figures.switches == 2
    assert figures.idf1 == figures.idf1_of_found == pytest.approx(12 / 20)
    assert figures.hota < 0.8


def test_misses_count_only_where_all_are_asked_for() -> None:
    labels = two_worms()
    keypoints = labels.keypoints.copy()
    keypoints[3:5, 0] = np.nan
    figures = tracking_figures(labels, Identities(("x", "y"), labels.frames, keypoints), SKELETON)
    assert (figures.n_missed, figures.switches, figures.fragments) == (2, 0, 1)
    assert figures.idf1 == pytest.approx(2 * 18 / (20 + 18))
    assert figures.idf1_of_found == 1


def test_only_labeled_frames_are_compared() -> None:
    labels = two_worms()
    few = Identities(labels.individuals, labels.frames[[2, 7]], labels.keypoints[[2, 7]])
    figures = tracking_figures(few, labels, SKELETON)
    assert (figures.n_frames, figures.n_labeled, figures.idf1) == (2, 4, 1)
    elsewhere = Identities(labels.individuals, labels.frames + 100, labels.keypoints)
    assert tracking_figures(few, elsewhere, SKELETON).n_missed == 4


def test_nothing_to_compare_with_is_an_error() -> None:
    labels = two_worms()
    nobody = Identities(labels.individuals, labels.frames, np.full_like(labels.keypoints, np.nan))
    with pytest.raises(PoetlabError, match="nothing to compare with"):
        tracking_figures(nobody, labels, SKELETON)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trackeval.metrics", None)
    with pytest.raises(PoetlabError, match=r"pip install 'poetlab\[figures\]'"):
        tracking_figures(two_worms(), two_worms(), SKELETON)
