"""Where tracking took two stretches of detections for one animal: the places in which animals could be switched."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import h5py
import numpy as np

if TYPE_CHECKING:
    import pandas as pd

JOINS = "joins"
MARGINS = "join_margins"

DOUBTFUL = 3.0
"""Margin below which it is in doubt that a join is of one animal."""


@dataclass(frozen=True, eq=False)
class Joins:
    """Joins of a video in the order of time.

    Attributes:
        individuals: (n,) position of the individual among the names.
        last_frames: (n,) number of the frame in which it is last seen before the join.
        first_frames: (n,) number of the frame in which it is first seen after it.
        margins: (n,) how much less likely the best exchange with another join was, as a logarithm: from about 5 on a
            join is sure, at 0 it is a guess; infinite where there was no other way, NaN where it was not kept.
    """

    individuals: np.ndarray
    last_frames: np.ndarray
    first_frames: np.ndarray
    margins: np.ndarray

    def __len__(self) -> int:
        return len(self.individuals)

    @property
    def is_doubtful(self) -> np.ndarray:
        """(n,) whether another way to join was nearly as likely."""
        return self.margins < DOUBTFUL

    def to_table(self, names: tuple[str, ...]) -> "pd.DataFrame":
        """One row a join: individual, last_frame, first_frame, margin; `names` are those of the individuals."""
        import pandas as pd

        individuals = [names[number] for number in self.individuals]
        frames = {"last_frame": self.last_frames, "first_frame": self.first_frames}
        return pd.DataFrame({"individual": individuals, **frames, "margin": self.margins})


def make_joins(joins: list[tuple[int, int, int, float]]) -> Joins:
    """Joins from their first frames, last frames, individuals and margins, in any order."""
    first_frames, last_frames, individuals, margins = np.array(sorted(joins), dtype=float).reshape(-1, 4).T
    return Joins(individuals.astype(int), last_frames.astype(int), first_frames.astype(int), margins)


def store_joins(group: h5py.Group, joins: Joins) -> None:
    """Write joins into poetlab's group of a result file: (n, 3) individual, last frame, first frame; and margins."""
    group.create_dataset(JOINS, data=np.stack([joins.individuals, joins.last_frames, joins.first_frames], axis=1))
    group.create_dataset(MARGINS, data=joins.margins)


def load_joins(group: h5py.Group) -> Joins | None:
    """Read joins from poetlab's group of a result file; None where it has none, not even their number."""
    if JOINS not in group:
        return None
    individuals, last_frames, first_frames = group[JOINS][:].T
    margins = group[MARGINS][:] if MARGINS in group else np.full(len(individuals), np.nan)
    return Joins(individuals, last_frames, first_frames, margins)
