"""The wide table of a result file: DeepLabCut's layout, one row a frame."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

TABLE_KEY = "df_with_missing"
COORDINATES = ("x", "y", "likelihood")
_LEVEL_NAMES = ("scorer", "individuals", "bodyparts", "coords")


def wide_table(values: np.ndarray, scorer: str, individuals: Sequence[str], keypoints: Sequence[str]) -> pd.DataFrame:
    """A table of x, y and likelihood, with a column for each individual and keypoint, present or not.

    The levels of the columns keep the order they are given in, so that pandas takes them as sorted.

    Args:
        values: (frames, individuals, k, 3) pixels x, y and likelihood.
        scorer: What DeepLabCut calls the model.
        individuals: Unique names of the individual axis.
        keypoints: Unique names of the keypoint axis.

    Returns:
        One row a frame, named `frame` and counted from 0; columns of the levels `scorer`, `individuals`,
        `bodyparts` and `coords`.
    """
    levels = ((scorer,), tuple(individuals), tuple(keypoints), COORDINATES)
    codes = [axis.ravel() for axis in np.indices([len(level) for level in levels])]
    columns = pd.MultiIndex(levels=levels, codes=codes, names=_LEVEL_NAMES)
    # A named index keeps the file free of pickles: PyTables would pickle the name None.
    index = pd.RangeIndex(len(values), name="frame")
    return pd.DataFrame(values.reshape(len(values), -1), index=index, columns=columns)
