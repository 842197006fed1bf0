"""Which frames and which part of them are analyzed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poetlab.analysis.selection import Crop, Selection
from poetlab.errors import ConfigError

WHOLE = st.integers(0, 30)
SELECTIONS = st.builds(
    lambda start, length, stride, most: Selection(start, None if length is None else start + length, stride, most),
    WHOLE,
    st.none() | st.integers(1, 30),
    st.integers(1, 6),
    st.none() | st.integers(1, 20),
)


def indices(selection: Selection, n_frames: int) -> list[int]:
    """The selected frames, said as plainly as can be."""
    chosen = [
        i
        for i in range(n_frames)
        if i >= selection.start
        and (selection.stop is None or i < selection.stop)
        and (i - selection.start) % selection.stride == 0
    ]
    return chosen[: selection.max_frames]


@given(SELECTIONS, st.integers(0, 60))
def test_the_end_and_the_count_are_those_of_the_selected_frames(selection: Selection, n_frames: int) -> None:
    expected = indices(selection, n_frames)
    assert list(range(n_frames))[selection.start : selection.end : selection.stride] == expected
    assert selection.count(n_frames) == len(expected)


@given(SELECTIONS, SELECTIONS, st.integers(0, 60))
def test_a_selection_is_done_only_by_one_that_has_all_its_frames(
    wanted: Selection, earlier: Selection, n_frames: int
) -> None:
    done = indices(earlier, n_frames)
    if wanted.is_done_by(earlier, len(done)):
        assert set(indices(wanted, n_frames)) <= set(done)
    elif wanted.goes_on_from(earlier):
        assert len(done) == earlier.count()  # nobody knows whether the video goes on


def test_a_selection_without_a_limit_has_no_count_of_its_own() -> None:
    assert Selection(start=3, stride=2).count() is None
    assert Selection(start=3, stride=2, max_frames=4).count() == 4


@given(SELECTIONS)
def test_a_selection_survives_json(selection: Selection) -> None:
    assert Selection.from_dict({"threshold": 0.5, **selection.to_dict()}) == selection


def test_what_older_results_do_not_say_was_not_limited() -> None:
    assert Selection.from_dict({"threshold": 0.5, "max_frames": None}) == Selection()


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ({"start": -1}, "start is -1"),
        ({"start": 5, "stop": 5}, "stop is 5"),
        ({"stride": 0}, "stride is 0"),
        ({"max_frames": 0}, "max_frames is 0"),
    ],
)
def test_numbers_that_do_not_fit_are_named(numbers: dict[str, int], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Selection(**numbers)


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "1.5,0,3,3", "-1,0,3,3", "0,0,0,3", "0,0,3,-2"])
def test_what_is_no_crop_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ConfigError, match="crop") as caught:
        Crop.parse(text)
    assert "\n" not in str(caught.value)


def test_a_crop_cuts_whole_pixels() -> None:
    crop = Crop.parse("2, 1,3,4")
    image = np.arange(6 * 8 * 3).reshape(6, 8, 3)
    np.testing.assert_array_equal(crop.cut(image), image[1:5, 2:5])
    assert Crop.parse(str(crop)) == crop


def test_a_crop_fits_up_to_the_last_pixel() -> None:
    assert Crop(2, 1, 6, 5).fits_in((6, 8))
    assert not Crop(3, 1, 6, 5).fits_in((6, 8))
    assert not Crop(2, 2, 6, 5).fits_in((6, 8))
