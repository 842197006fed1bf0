"""Frames gathered along the time of a picture."""

import numpy as np
import pytest

from poetlab.plots.time_axis import time_axis


@pytest.mark.parametrize("n_rows", [1, 2, 1500, 1501, 4000, 10_007])
def test_groups_hold_every_row_once(n_rows: int):
    axis = time_axis(np.arange(n_rows) / 25)
    assert axis.sums(np.ones(n_rows)).sum() == n_rows
    assert len(axis.first_rows) == len(axis.middles) <= 1500
    assert axis.is_grouped == (n_rows > 1500)
    assert (np.diff(axis.edges) > 0).all()


def test_a_group_is_summarized_as_by_a_loop():
    rng = np.random.default_rng(0)
    values = rng.uniform(0, 1, (4000, 3))
    values[rng.uniform(size=values.shape) < 0.4] = np.nan
    values[900:1000, 1] = np.nan
    axis = time_axis(np.arange(4000) / 25)
    groups = np.split(values, axis.first_rows[1:])
    for summary, function in ((axis.means, np.nanmean), (axis.lowest, np.nanmin), (axis.highest, np.nanmax)):
        expected = [
            [function(column) if np.isfinite(column).any() else np.nan for column in group.T] for group in groups
        ]
        np.testing.assert_allclose(summary(values), expected)


@pytest.mark.parametrize(("seconds", "unit", "end"), [(60, "s", 60), (600, "min", 10), (36_000, "h", 10)])
def test_the_unit_suits_the_length(seconds: int, unit: str, end: float):
    axis = time_axis(np.arange(seconds).astype(float))
    assert axis.unit == unit
    assert axis.edges[-1] == pytest.approx(end)
