"""Links of one frame."""

import numpy as np

from poetlab.tracking.assignment import WORST_LINK, find_duplicates, find_links
from poetlab.tracking.motion import Observed

KNOWN = np.ones(2, bool)
NO_DUPLICATES = np.zeros(2, bool)


def test_links_are_the_cheapest_in_all() -> None:
    links = find_links(np.array([[0.5, 1.0], [0.6, 4.9]]), NO_DUPLICATES, KNOWN)
    assert dict(zip(links.rows.tolist(), links.detections.tolist(), strict=True)) == {0: 1, 1: 0}
    assert not links.doubtful.any()


def test_what_could_be_exchanged_is_in_doubt() -> None:
    links = find_links(np.array([[0.5, 1.0], [1.0, 0.5]]), NO_DUPLICATES, KNOWN)
    assert links.doubtful.tolist() == [True, True]
    links = find_links(np.array([[0.5, 7.0], [7.0, 0.5]]), NO_DUPLICATES, KNOWN)
    assert links.doubtful.tolist() == [False, False]


def test_a_detection_that_an_unseen_animal_could_be_is_in_doubt() -> None:
    links = find_links(np.array([[0.5], [1.0]]), NO_DUPLICATES[:1], KNOWN)
    assert (links.rows.tolist(), links.doubtful.tolist()) == ([0], [True])
    links = find_links(np.array([[0.5], [1.0]]), NO_DUPLICATES[:1], np.array([True, False]))
    assert links.doubtful.tolist() == [False]  # the other may have been a false detection


def test_a_detection_that_a_lost_animal_could_be_has_to_fit_better() -> None:
    def is_doubtful(cost: float, of_lost: float) -> bool:
        links = find_links(np.array([[cost]]), NO_DUPLICATES[:1], KNOWN[:1], np.array([of_lost]))
        return bool(links.doubtful[0])

    assert not is_doubtful(4.0, WORST_LINK)  # no lost animal is near enough
    assert is_doubtful(4.0, 7.0)
    assert not is_doubtful(0.5, 7.0)
    assert is_doubtful(0.5, 1.0)  # it agrees nearly as well


def test_what_is_too_far_is_not_linked_and_what_is_rather_far_is_in_doubt() -> None:
    links = find_links(np.array([[6.0, 9.0], [9.0, 9.0]]), NO_DUPLICATES, KNOWN)
    assert (links.rows.tolist(), links.detections.tolist(), links.doubtful.tolist()) == ([0], [0], [True])


def test_a_duplicate_is_taken_only_by_an_animal_that_has_no_other() -> None:
    is_duplicate = np.array([False, True])
    links = find_links(np.array([[1.0, 0.5]]), is_duplicate, KNOWN[:1])
    assert links.detections.tolist() == [0]
    links = find_links(np.array([[1.0, 0.5], [9.0, 2.0]]), is_duplicate, KNOWN)
    assert links.detections.tolist() == [0, 1]
    links = find_links(np.array([[1.0, 0.5], [9.0, 3.5]]), is_duplicate, KNOWN)
    assert links.detections.tolist() == [0]


def test_the_surer_of_two_near_detections_is_no_duplicate() -> None:
    pose = np.array([[0.0, 0], [1, 0]])
    observed = Observed(np.stack([pose, pose + 0.02, pose + 0.5]), np.ones((3, 2)))
    spread = np.array([0.05, 0.05])
    assert find_duplicates(observed, np.array([0.5, 0.9, 0.1]), spread).tolist() == [True, False, False]
    assert find_duplicates(observed, np.array([0.9, 0.9, 0.1]), spread).tolist() == [False, True, False]
