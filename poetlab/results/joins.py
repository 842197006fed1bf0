"""Where tracking took two stretches of detections for one animal: the places in which animals could be switched."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import h5py
import numpy as np

if TYPE_CHECKING:
    import pandas as pd

JOINS = "joins"


@dataclass(frozen=True, eq=False)
class Joins:
    """Joins of a video in the order of time.

    Attributes:
        individuals: (n,) position of the individual among the names.
        last_frames: (n,) number of the frame in which it is last seen before the join.
        first_frames: (n,) number of the frame in which it is first seen after it.
    """

    individuals: np.ndarray
    last_frames: np.ndarray
    first_frames: np.ndarray

    def __len__(self) -> int:
        return len(self.individuals)

    def to_table(self, names: tuple[str, ...]) -> "pd.DataFrame":
        """One row a join: individual, last_frame, first_frame; `names` are those of the individuals."""
        import pandas as pd

        individuals = [names[number] for number in self.individuals]
        columns = {"individual": individuals, "last_frame": self.last_frames, "first_frame": self.first_frames}
        return pd.DataFrame(columns)


def make_joins(joins: list[tuple[int, int, int]]) -> Joins:
    """Joins from their first frames, last frames and individuals, in any order."""
    first_frames, last_frames, individuals = np.array(sorted(joins), dtype=np.int64).reshape(-1, 3).T
    return Joins(individuals, last_frames, first_frames)


def store_joins(group: h5py.Group, joins: Joins) -> None:
    """Write joins into poetlab's group of a result file: (n, 3) individual, last frame, first frame."""
    group.create_dataset(JOINS, data=np.stack([joins.individuals, joins.last_frames, joins.first_frames], axis=1))


def load_joins(group: h5py.Group) -> Joins | None:
    """Read joins from poetlab's group of a result file; None where it has none, not even their number."""
    return Joins(*group[JOINS][:].T) if JOINS in group else None
