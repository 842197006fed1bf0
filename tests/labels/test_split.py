"""Splitting images into train and val."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from poetlab.errors import LabelError
from poetlab.labels.split import split_by_image

names = st.lists(st.text(min_size=1), unique=True, max_size=30)
fractions = st.floats(0, 1)


@given(names=names, fraction=fractions, seed=st.randoms())
def test_the_order_of_the_names_does_not_matter(names: list[str], fraction: float, seed) -> None:
    shuffled = list(names)
    seed.shuffle(shuffled)
    assert split_by_image(names, fraction) == split_by_image(shuffled, fraction)


@given(names=names, added=names, fraction=fractions)
def test_added_images_move_at_most_one_image_and_only_out_of_a_split_of_one(names, added, fraction: float) -> None:
    before = split_by_image(names, fraction)
    after = split_by_image([*names, *added], fraction)
    moved = [name for name in before if before[name] != after[name]]
    assume(len(before) > 1)
    assert len(moved) <= 1
    assert all(list(before.values()).count(before[name]) == 1 for name in moved)


@given(names=names, fraction=fractions)
def test_both_splits_have_an_image_where_that_is_possible(names: list[str], fraction: float) -> None:
    splits = split_by_image(names, fraction)
    assert list(splits) == names
    if fraction == 1:
        assert set(splits.values()) <= {"val"}
    elif fraction == 0 or len(names) < 2:
        assert set(splits.values()) <= {"train"}
    else:
        assert set(splits.values()) == {"train", "val"}


def test_the_fraction_is_met_over_many_images() -> None:
    splits = split_by_image([f"frames/{number:05d}.png" for number in range(10_000)], 0.2)
    share = sum(split == "val" for split in splits.values()) / len(splits)
    assert share == pytest.approx(0.2, abs=0.015)  # nearly four standard deviations of a binomial


def test_names_keep_their_split_between_versions_of_poetlab() -> None:
    """The first digits of `printf NAME | b2sum -l 48` say it: 0 to 7 is below one half."""
    digits = {"a.png": "b", "b.png": "3", "c.png": "8", "d.png": "b", "frames/0001.png": "3", "mäuse.png": "5"}
    splits = split_by_image(digits, 0.5)
    assert splits == {name: "val" if digit in "01234567" else "train" for name, digit in digits.items()}


@pytest.mark.parametrize("fraction", [-0.1, 1.01, 1.5, float("nan")])
def test_a_fraction_outside_its_range_is_refused(fraction: float) -> None:
    with pytest.raises(LabelError, match="validation fraction"):
        split_by_image(["a.png"], fraction)
