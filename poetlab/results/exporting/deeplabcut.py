"""The files that DeepLabCut writes when it analyzes a video.

The layout is that of `deeplabcut.analyze_videos`: a table with a row a frame, whose columns have the levels `scorer`,
`bodyparts`, `coords` for one animal, and `scorer`, `individuals`, `bodyparts`, `coords` for several. The file's name is
the video's followed by the scorer's, which starts with `DLC`; DeepLabCut and tools around it find files by that
(https://github.com/DeepLabCut/DeepLabCut, `auxiliaryfunctions.find_analyzed_data`).

Pixels are DeepLabCut's as they are: (0, 0) is the top-left pixel itself
(https://github.com/DeepLabCut/DeepLabCut/issues/2906), which is the center of it.

Where an animal is absent, likelihood is 0 and not NaN: pandas takes a row of nothing but NaN after the header of a csv
for the names of the index, and would lose the first frame.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from poetlab.poses import Poses
from poetlab.results.exporting.writers import Writer, file_name_part, parts_of
from poetlab.results.table import TABLE_KEY, wide_table


def deeplabcut_files(poses: Poses, name: str) -> dict[str, Writer]:
    """One h5 and one csv of the same table."""
    stem = f"{name}{file_name_part(_scorer(poses))}"
    return {f"{stem}.h5": write_h5, f"{stem}.csv": write_csv}


def write_h5(poses: Poses, path: Path) -> None:
    """Write the table in the form that pandas 2 and 3 both read, without pickles."""
    _table(poses).to_hdf(path, key=TABLE_KEY, mode="w", format="fixed")


def write_csv(poses: Poses, path: Path) -> None:
    """Write the table as text, in UTF-8."""
    with path.open("w", encoding="utf-8", newline="") as file:
        for number, part in enumerate(parts_of(poses)):
            # the name of the index would become a line of its own, which DeepLabCut's files do not have
            _table(part).rename_axis(index=None).to_csv(file, header=number == 0)


def _scorer(poses: Poses) -> str:
    return f"DLC_{poses.model}"


def _table(poses: Poses) -> pd.DataFrame:
    values = np.concatenate([poses.keypoints, poses.visibility[..., None]], axis=-1)
    table = wide_table(values, poses.frames, _scorer(poses), poses.individuals, poses.skeleton.keypoints)
    return table if len(poses.individuals) > 1 else table.droplevel("individuals", axis="columns")
