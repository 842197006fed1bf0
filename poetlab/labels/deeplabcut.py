"""DeepLabCut: a project folder, the folder of one video in it, or one table of labels.

Layout: `config.yaml`, and in `labeled-data/<video>/` images with `CollectedData_<scorer>.csv` and `.h5`.
Source: https://deeplabcut.github.io/DeepLabCut/docs/standardDeepLabCut_UserGuide.html
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poetlab.errors import LabelError
from poetlab.labels.pose_csv import is_pose_csv, read_pose_csv
from poetlab.labels.pose_h5 import PickledTableError, is_pose_h5, read_pose_h5
from poetlab.labels.pose_table import LABELED_DATA, UNIQUE, PoseTable, drop_columns, pose_images
from poetlab.labels.source_labels import LeftOut, SourceLabels
from poetlab.skeleton import infer_skeleton
from poetlab.yaml_file import read_yaml

_CONFIG = "config.yaml"
_PREFIX = "CollectedData_"


@dataclass(frozen=True, slots=True)
class _Config:
    """What `config.yaml` says about labels; a table without one has an empty one."""

    task: str | None = None
    scorer: str | None = None
    keypoints: tuple[str, ...] = ()
    edges: tuple[tuple[str, ...], ...] = ()


def matches_deeplabcut(path: Path) -> bool:
    """Whether a path is a project's folder or `config.yaml`, the folder of one video, or one table of labels.

    A CSV beside `labeled-data` is Lightning Pose's; DeepLabCut keeps its tables below that folder.
    """
    if path.name == _CONFIG:
        return any(_tables_below(path.parent / LABELED_DATA))
    if path.is_dir():
        labeled_data = path / LABELED_DATA
        return any(_tables_below(labeled_data)) or (not labeled_data.exists() and any(_tables_in(path)))
    return is_pose_h5(path) or (is_pose_csv(path) and not (path.parent / LABELED_DATA).exists())


def read_deeplabcut(path: Path) -> SourceLabels:
    """Read labels of one or several animals.

    The order of the keypoints and the edges are those of the project's `config.yaml`; without one, the order is that
    of the tables. Of a table that lies there as .h5 and .csv, the .h5 is read, as DeepLabCut does, unless parts of it
    are pickled.

    Raises:
        LabelError: If a table or `config.yaml` is malformed, or if labels contradict each other.
    """
    left_out = LeftOut()
    config = _read_config(path.absolute())
    tables = [_read_table(file, left_out) for file in _choose_tables(path, config, left_out)]
    tables = [_without_unique(table, left_out) for table in tables]
    keypoints = config.keypoints or tuple(dict.fromkeys(name for table in tables for name in table.keypoint_names))
    reason = "point of a bodypart that config.yaml does not list"
    tables = [drop_columns(table, lambda column: column[1] not in keypoints, reason, left_out) for table in tables]
    edges = [
        (edge[0], edge[1])
        for edge in config.edges
        if len(edge) == len(("start", "end")) and set(edge) <= set(keypoints)
    ]
    for edge in config.edges:
        if edge not in edges:
            left_out.add("edge that does not link two of the listed bodyparts", "-".join(edge))
    name = config.task or _folder_of(path.absolute()).name
    images = pose_images(tables, keypoints, left_out)
    return SourceLabels(infer_skeleton(name, keypoints, edges), images, "as given in the file", left_out)


def _tables_in(folder: Path) -> Iterator[Path]:
    """The tables in the folder of one video."""
    return (path for suffix in (".h5", ".csv") for path in folder.glob(f"{_PREFIX}*{suffix}"))


def _tables_below(labeled_data: Path) -> Iterator[Path]:
    """The tables of all videos of a project."""
    return (path for suffix in (".h5", ".csv") for path in labeled_data.glob(f"*/{_PREFIX}*{suffix}"))


def _folder_of(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def _choose_tables(path: Path, config: _Config, left_out: LeftOut) -> list[Path]:
    """One table for each video: the h5 before the CSV, and that of the config's scorer before those of others."""
    if path.is_file() and path.name != _CONFIG:
        return [path]
    folder = _folder_of(path)
    found: dict[Path, dict[str, Path]] = {}
    for table in sorted(_tables_below(folder / LABELED_DATA)) or sorted(_tables_in(folder)):  # .csv before .h5
        found.setdefault(table.parent, {})[table.stem] = table
    chosen = []
    for video, tables in found.items():
        own = f"{_PREFIX}{config.scorer}"
        if len(tables) > 1 and own not in tables:
            names = ", ".join(tables)
            raise LabelError(f"{video}: holds tables of several scorers ({names}); give one of them")
        for stem, table in tables.items():
            if len(tables) == 1 or stem == own:
                chosen.append(table)
            else:
                left_out.add("table of another scorer than config.yaml's", f"{video.name}/{table.name}")
    if not chosen:
        raise LabelError(f"{path}: holds no {_PREFIX}*.csv or .h5; give a project, or one of its tables")
    return chosen


def _read_table(path: Path, left_out: LeftOut) -> PoseTable:
    if path.suffix.lower() == ".csv":
        return read_pose_csv(path)
    try:
        return read_pose_h5(path)
    except PickledTableError:
        if not (beside := path.with_suffix(".csv")).is_file():
            raise
    left_out.add("h5 table with pickled parts (nothing is lost: the CSV beside it is read)", path.name)
    return read_pose_csv(beside)


def _without_unique(table: PoseTable, left_out: LeftOut) -> PoseTable:
    """The table without the bodyparts that are not the individuals', because a label set has one skeleton."""
    if table.individuals in ((None,), (UNIQUE,)):
        return table
    reason = "point of a unique bodypart (the individuals have others)"
    return drop_columns(table, lambda column: column[0] == UNIQUE, reason, left_out)


def _read_config(path: Path) -> _Config:
    """The `config.yaml` of the project that a path belongs to; an empty one if there is none of DeepLabCut's."""
    folder = _folder_of(path)
    if folder.parent.name == LABELED_DATA:
        folder = folder.parent.parent
    if not (file := folder / _CONFIG).is_file():
        return _Config()
    content = read_yaml(file, LabelError)
    if not isinstance(content, dict) or "bodyparts" not in content:
        return _Config()
    key = "multianimalbodyparts" if content.get("multianimalproject") else "bodyparts"
    try:
        return _Config(
            task=_name(content["Task"]) if content.get("Task") else None,
            scorer=_name(content["scorer"]) if content.get("scorer") else None,
            keypoints=_names(content.get(key)),
            edges=tuple(_names(edge) for edge in content.get("skeleton") or ()),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise LabelError(f"{file}: '{key}' or 'skeleton' {error}; correct it") from error


def _names(content: Any) -> tuple[str, ...]:
    if not isinstance(content, list):
        raise TypeError("is not a list of names")
    return tuple(map(_name, content))


def _name(content: Any) -> str:
    if isinstance(content, bool) or not isinstance(content, str | int | float):
        raise TypeError("has an entry that is no name")
    return str(content)
