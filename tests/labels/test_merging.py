"""Animals that the project has, merged with those that their labels have now."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poetlab.labels.label_set import LabeledInstance
from poetlab.labels.merging import FoundInstance, Told, merge_instances, new_instances
from poetlab.labels.provenance import ImportStamp, Provenance

STAMP = ImportStamp("sleap", "labels.slp", "2026-11-22T15:20:00Z")
CONFIRMING = replace(STAMP, is_confirmed=True)
MASK = [[0, 0, 9, 0, 9, 9]]


def animal(x: float = 10, y: float = 10, made_by: str | None = None, score: float | None = None, **changes):
    keypoints = np.array([[x, y, 2], [x + 20, y, 1], [np.nan, np.nan, 0]])
    provenance = made_by and Provenance(made_by, score, "poetlab", "001-poet-r18", "2026-01-01T00:00:00Z")
    return replace(LabeledInstance(keypoints, (x, y, 20, 10), 200, provenance=provenance), **changes)


def stated(made_by: str, score: float | None = None) -> Provenance:
    return Provenance(made_by, score)


def merge(known, found, stamp=STAMP, *, is_boxed=False, keypoints=(True, True, True), untouched=(), **told):
    entries = [FoundInstance(instance, is_boxed) for instance in found]
    known_to_labels = Told(np.array(keypoints), **({"occlusion": True, "crowds": True, "bare": True} | told))
    return merge_instances(known, entries, stamp, known_to_labels, untouched)


def maker_after(known: LabeledInstance, found: LabeledInstance, stamp: ImportStamp = STAMP) -> str:
    (merged,), _ = merge([known], [found], stamp)
    return merged.provenance.made_by


@pytest.mark.parametrize(
    ("before", "says", "is_moved", "after"),
    [
        ("model", None, False, "model"),
        ("model", None, True, "corrected"),
        ("model", "human", False, "corrected"),
        ("model", "human", True, "corrected"),
        ("model", "corrected", False, "corrected"),
        ("model", "model", False, "model"),
        ("model", "model", True, "corrected"),
        ("human", None, False, "human"),
        ("human", None, True, "human"),
        ("human", "model", False, "human"),
        ("corrected", None, False, "corrected"),
        ("corrected", None, True, "corrected"),
        ("corrected", "human", True, "corrected"),
        (None, None, False, "human"),
        (None, None, True, "human"),
        (None, "corrected", False, "corrected"),
    ],
)
def test_who_made_an_animal_that_comes_back(before, says, is_moved: bool, after: str) -> None:
    score = 0.9 if before in {"model", "corrected"} else None
    found = animal(12 if is_moved else 10, provenance=says and stated(says, 0.9 if says == "model" else None))
    known = animal(made_by=before, score=score)
    (merged,), _ = merge([known], [found])
    assert merged.provenance.made_by == after
    assert merged.provenance.score == score


def test_a_new_animal_is_a_persons_unless_its_source_says_otherwise() -> None:
    found = [animal(), animal(100, provenance=stated("model", 0.5)), animal(200, provenance=stated("corrected"))]
    merged = new_instances([FoundInstance(instance, is_boxed=False) for instance in found], STAMP)
    assert [instance.provenance for instance in merged] == [
        Provenance("human", None, "sleap", "labels.slp", "2026-11-22T15:20:00Z"),
        Provenance("model", 0.5, "sleap", "labels.slp", "2026-11-22T15:20:00Z"),
        Provenance("corrected", None, "sleap", "labels.slp", "2026-11-22T15:20:00Z"),
    ]


def test_the_user_can_confirm_all_predictions() -> None:
    known = animal(made_by="model", score=0.9)
    assert maker_after(known, animal(), CONFIRMING) == "corrected"
    assert maker_after(known, animal(provenance=stated("model", 0.9)), CONFIRMING) == "corrected"
    assert maker_after(animal(made_by="human"), animal(), CONFIRMING) == "human"
    (new,), _ = merge([], [animal(provenance=stated("model", 0.9))], CONFIRMING)
    assert new.provenance.made_by == "corrected"


def test_a_prediction_with_another_score_is_a_new_one() -> None:
    found = animal(12, provenance=stated("model", 0.7))
    (merged,), is_changed = merge([animal(made_by="model", score=0.9)], [found])
    assert (merged.provenance.made_by, merged.provenance.score, is_changed) == ("model", 0.7, True)


@pytest.mark.parametrize("made_by", ["human", "corrected", None])
def test_a_prediction_never_replaces_what_a_person_has_labeled(made_by: str | None) -> None:
    known = animal(made_by=made_by)
    (merged,), is_changed = merge([known], [animal(12, provenance=stated("model", 0.9))])
    assert merged is known
    assert not is_changed


def test_a_change_is_noted_with_its_file_and_time_and_nothing_else_is() -> None:
    known = [animal(made_by="model", score=0.9), animal(100, made_by="human")]
    (moved, same), is_changed = merge(known, [animal(13), animal(100)])
    assert is_changed
    assert moved.provenance == Provenance("corrected", 0.9, "sleap", "labels.slp", "2026-11-22T15:20:00Z")
    assert same.provenance == known[1].provenance
    assert moved.keypoints[0, 0] == 13


def test_what_a_format_rounds_is_no_change() -> None:
    known = animal(10.123456, made_by="model")
    (merged,), is_changed = merge([known], [animal(10.13)])
    assert not is_changed
    assert merged.keypoints[0, 0] == 10.123456


def test_a_box_mask_and_name_that_the_labels_do_not_have_stay() -> None:
    known = animal(segmentation=MASK, bbox=(1, 2, 30, 40), area=77, individual="anna")
    (merged,), is_changed = merge([known], [animal(bbox=(10, 10, 20, 1), area=20)])
    assert (merged.segmentation, merged.bbox, merged.area) == (MASK, (1, 2, 30, 40), 77)
    assert (merged.individual, is_changed) == ("anna", False)


def test_a_box_or_mask_that_the_labels_have_replaces_the_known_one() -> None:
    known = animal(segmentation=MASK, bbox=(1, 2, 30, 40), area=77)
    (merged,), is_changed = merge([known], [animal(bbox=(1, 2, 30, 50), area=1500)], is_boxed=True)
    assert (merged.bbox, merged.area, merged.segmentation, is_changed) == ((1, 2, 30, 50), 1500, None, True)
    (merged,), is_changed = merge([known], [animal(bbox=(1, 2, 30, 40), area=1200)], is_boxed=True)
    assert (merged.segmentation, merged.area, is_changed) == (MASK, 77, False)
    other = [[0, 0, 5, 0, 5, 5]]
    (merged,), is_changed = merge([known], [animal(bbox=(1, 2, 30, 40), segmentation=other)], is_boxed=True)
    assert (merged.segmentation, is_changed) == (other, True)


def test_names_that_are_exchanged_are_a_change() -> None:
    known = [animal(individual="anna"), animal(100, individual="berta")]
    merged, is_changed = merge(known, [animal(individual="berta"), animal(100, individual="anna")])
    assert [instance.individual for instance in merged] == ["berta", "anna"]
    assert is_changed


def test_labels_without_occlusion_do_not_make_points_visible() -> None:
    shown = animal()
    shown.keypoints[1, 2] = 2
    (merged,), is_changed = merge([animal()], [shown], occlusion=False)
    assert (merged.keypoints[1, 2], is_changed) == (1, False)
    (merged,), is_changed = merge([animal()], [shown])
    assert (merged.keypoints[1, 2], is_changed) == (2, True)


def test_keypoints_that_the_labels_do_not_have_stay() -> None:
    found = animal(12)
    found.keypoints[1] = np.nan, np.nan, 0
    (merged,), is_changed = merge([animal()], [found], keypoints=(True, False, True))
    np.testing.assert_array_equal(merged.keypoints, [[12, 10, 2], [30, 10, 1], [np.nan, np.nan, 0]])
    assert (merged.bbox, merged.area, is_changed) == ((10, 10, 20, 10), 200, True)
    made = animal(bbox=(10, 9.5, 20, 1), area=20)
    (merged,), _ = merge([made], [found], keypoints=(True, False, True))
    assert (merged.bbox, merged.area) == ((12, 9.5, 18, 1), 18)
    found = animal()
    found.keypoints[1] = np.nan, np.nan, 0
    assert not merge([animal()], [found], keypoints=(True, False, True))[1]
    (merged,), is_changed = merge([animal()], [found])
    assert (merged.n_labeled, is_changed) == (1, True)


def test_animals_are_found_again_in_any_order_and_others_are_new_or_gone() -> None:
    known = [animal(made_by="model"), animal(100, made_by="human"), animal(300, made_by="corrected")]
    merged, is_changed = merge(known, [animal(102), animal(200), animal(10.5)])
    assert [instance.provenance.made_by for instance in merged] == ["human", "human", "corrected"]
    assert is_changed
    assert merge(known, [])[1]


def test_an_animal_that_stayed_keeps_its_partner_though_another_came_near() -> None:
    known = [animal(made_by="human"), animal(14, made_by="model")]
    merged, _ = merge(known, [animal(14), animal(9)])
    assert [instance.provenance.made_by for instance in merged] == ["model", "human"]


def test_animals_without_keypoints_are_known_by_their_boxes() -> None:
    empty = replace(animal(), keypoints=np.full((3, 3), (np.nan, np.nan, 0)))
    crowd = replace(empty, is_crowd=True)
    merged, is_changed = merge([empty, crowd], [crowd, empty], is_boxed=True)
    assert [instance.is_crowd for instance in merged] == [True, False]
    assert not is_changed
    assert merge([empty], [animal()])[1]


def test_a_prediction_that_lies_untouched_in_the_labels_was_not_deleted() -> None:
    known = [animal(made_by="model"), animal(100, made_by="model"), animal(200, made_by="human")]
    same = animal(100)
    merged, is_changed = merge(known, [animal(12)], untouched=[same])
    assert [(one.keypoints[0, 0], one.provenance.made_by) for one in merged] == [(12, "corrected"), (100, "model")]
    assert is_changed
    merged, _ = merge(known, [animal(12)], untouched=[animal(103), animal(200)])
    assert [one.keypoints[0, 0] for one in merged] == [12]


def test_animals_stay_that_the_labels_have_no_place_for() -> None:
    bare = replace(animal(), keypoints=np.full((3, 3), (np.nan, np.nan, 0)))
    crowd = replace(bare, is_crowd=True)
    merged, is_changed = merge([animal(), bare, crowd], [animal()], crowds=False, bare=False)
    assert ([one.is_crowd for one in merged], is_changed) == ([False, False, True], False)
    merged, is_changed = merge([animal(), bare, crowd], [animal()], crowds=False)
    assert ([one.is_crowd for one in merged], is_changed) == ([False, True], True)


def test_a_box_of_its_own_stays_as_long_as_the_points_are_in_it() -> None:
    known = animal(bbox=(1, 2, 60, 40), area=77, segmentation=MASK)
    (merged,), is_changed = merge([known], [animal(13, bbox=(13, 10, 20, 1), area=20)])
    assert (merged.keypoints[0, 0], merged.bbox, merged.area, merged.segmentation) == (13, (1, 2, 60, 40), 77, MASK)
    assert is_changed
    (merged,), _ = merge([known], [animal(45, bbox=(45, 10, 20, 1), area=20)])
    assert (merged.bbox, merged.area, merged.segmentation) == ((45, 10, 20, 1), 20, None)


def test_what_a_format_cuts_at_the_edge_of_the_image_is_no_change() -> None:
    known, cut = animal(-0.4, bbox=(-5, 2, 70, 40)), animal(0, bbox=(0, 2, 64, 40))
    known.keypoints[1], cut.keypoints[1] = (20, 10, 1), (20, 10, 1)
    (merged,), is_changed = merge([known], [cut], is_boxed=True, size=(48, 64))
    assert (merged.keypoints[0, 0], merged.bbox, is_changed) == (-0.4, (-5, 2, 70, 40), False)
    assert merge([known], [cut], is_boxed=True, size=(48, 100))[1]


places = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=6, unique=True)


@given(places=places, data=st.data())
def test_the_same_animals_in_any_order_change_nothing(places: list[tuple[int, int]], data: st.DataObject) -> None:
    makers = st.sampled_from(["human", "model", "corrected"])
    known = [animal(x, y, data.draw(makers), individual=f"{x} {y}") for x, y in places]
    shuffled = data.draw(st.permutations(known))
    found = [replace(instance, provenance=None, individual=None) for instance in shuffled]
    merged, is_changed = merge(known, found)
    assert not is_changed
    for one, other in zip(merged, shuffled, strict=True):
        np.testing.assert_array_equal(one.keypoints, other.keypoints)
        assert (one.provenance, one.individual) == (other.provenance, other.individual)
