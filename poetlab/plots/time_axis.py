"""Time as the horizontal axis: frames gathered until a picture can show them, and a unit that is easy to read."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

_MOST_GROUPS = 1500
"""About as many as a picture is pixels wide."""
_UNITS = ((2 * 3600.0, 3600.0, "h"), (180.0, 60.0, "min"), (0.0, 1.0, "s"))
"""From which length of a video on, how many seconds a unit has, and its name."""


@dataclass(frozen=True, eq=False)
class TimeAxis:
    """Rows of a result in time, in groups of equally many successive ones, or each its own group where they are few.

    Attributes:
        first_rows: (groups,) the first row of each group.
        n_rows: Rows in all.
        edges: (groups + 1,) when each group begins, and when the last ends, in `unit`.
        unit: Name of the unit of time.
    """

    first_rows: np.ndarray
    n_rows: int
    edges: np.ndarray
    unit: str

    @property
    def middles(self) -> np.ndarray:
        """(groups,) the middle of each group's time."""
        return (self.edges[1:] + self.edges[:-1]) / 2

    @property
    def is_grouped(self) -> bool:
        """Whether a group has more than one row."""
        return len(self.first_rows) < self.n_rows

    def sums(self, values: np.ndarray) -> np.ndarray:
        """(groups, ...) sum of the values of each group's rows."""
        return np.add.reduceat(values, self.first_rows, axis=0, dtype=np.float64)

    def means(self, values: np.ndarray) -> np.ndarray:
        """(groups, ...) mean of those of (rows, ...) values that are finite; NaN where none is."""
        is_known = np.isfinite(values)
        counts = self.sums(is_known)
        return np.divide(
            self.sums(np.where(is_known, values, 0)), counts, out=np.full(counts.shape, np.nan), where=counts > 0
        )

    def highest(self, values: np.ndarray) -> np.ndarray:
        """(groups, ...) largest of those of (rows, ...) values that are known; NaN where none is."""
        return np.fmax.reduceat(values, self.first_rows, axis=0)

    def lowest(self, values: np.ndarray) -> np.ndarray:
        """(groups, ...) smallest of those of (rows, ...) values that are known; NaN where none is."""
        return np.fmin.reduceat(values, self.first_rows, axis=0)

    def label(self, axes: Axes) -> None:
        """Make time the horizontal axis of a plot."""
        axes.set(xlabel=f"time ({self.unit})", xlim=(self.edges[0], self.edges[-1]))


def time_axis(times: np.ndarray) -> TimeAxis:
    """The axis of (rows,) times in seconds, at least one and rising."""
    first_rows = np.arange(0, len(times), -(-len(times) // _MOST_GROUPS))
    period = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    seconds = np.append(times[first_rows], times[-1] + period)
    length, name = next((size, name) for least, size, name in _UNITS if seconds[-1] - seconds[0] >= least)
    return TimeAxis(first_rows, len(times), seconds / length, name)
