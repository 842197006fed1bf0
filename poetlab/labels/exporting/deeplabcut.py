"""A DeepLabCut project: `config.yaml`, and in `labeled-data/<video>/` images with a table of labels as .h5 and .csv.

Source: https://deeplabcut.github.io/DeepLabCut/docs/standardDeepLabCut_UserGuide.html. A project is of several animals
if an image has several, or if an animal has a name; those without one get names that the import knows to be none.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
import yaml

from poetlab.labels.exporting.folder import ExportFolder, unlike
from poetlab.labels.label_set import LabeledImage, LabeledInstance, LabelSet
from poetlab.labels.pose_table import LABELED_DATA, LEVELS, UNIQUE, UNNAMED

_SCORER = "poetlab"
_KEY = "df_with_missing"
_INDEX = ("folder", "video", "image")
"""Names of the index: PyTables would pickle missing ones."""

_Animals = dict[str, LabeledInstance]
"""The animals of an image by their names in the project."""


def deeplabcut_places(label_set: LabelSet) -> list[str]:
    """Every image in `labeled-data/<folder>/`, which is one level deep."""
    used: set[str] = set()
    places = []
    for image in label_set.images:
        *folders, name = PurePosixPath(image.file_name).parts
        places.append(unlike(f"{LABELED_DATA}/{'_'.join(folders) or label_set.name}/{name}", used))
    return places


def write_deeplabcut(folder: ExportFolder) -> None:
    """Write `config.yaml` and the tables of all videos."""
    label_set = folder.label_set
    animals = [_named(_labeled(image)) for image in label_set.images]
    names = sorted({name for named in animals for name in named}, key=lambda name: (is_placeholder(name), name))
    has_several = any(len(named) > 1 for named in animals) or any(not is_placeholder(name) for name in names)
    parts: dict[str, list[tuple[str, _Animals]]] = {}
    for place, named in zip(folder.places, animals, strict=True):
        _, video, name = place.split("/")
        rows = parts.setdefault(video, [])
        if named:
            rows.append((name, named))
    for video, rows in parts.items():
        if rows:
            table = _table(video, rows, names, label_set.skeleton.keypoints, has_several=has_several)
            _write_table(table, folder.path / LABELED_DATA / video / f"CollectedData_{_SCORER}")
    config = _config(label_set, list(parts), names, has_several=has_several)
    text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
    (folder.path / "config.yaml").write_text(text, encoding="utf-8")


def is_placeholder(name: str) -> bool:
    """Whether a name stands for an animal that has none."""
    return UNNAMED.fullmatch(name) is not None


def can_be_named(name: str | None) -> bool:
    """Whether a project can have an animal of this name."""
    return bool(name) and name != UNIQUE and not is_placeholder(str(name))


def _labeled(image: LabeledImage) -> Iterable[LabeledInstance]:
    return (instance for instance in image.instances if instance.n_labeled and not instance.is_crowd)


def _named(instances: Iterable[LabeledInstance]) -> _Animals:
    """The animals of an image by name; those without a usable one, or with that of another, get a placeholder."""
    named: _Animals = {}
    nameless = []
    for instance in instances:
        if instance.individual is not None and can_be_named(instance.individual) and instance.individual not in named:
            named[instance.individual] = instance
        else:
            nameless.append(instance)
    return named | {f"unnamed_{number}": instance for number, instance in enumerate(nameless, start=1)}


def _table(
    video: str,
    rows: Sequence[tuple[str, _Animals]],
    names: Sequence[str],
    keypoints: Sequence[str],
    *,
    has_several: bool,
) -> pd.DataFrame:
    values = np.full((len(rows), len(names), len(keypoints), 2), np.nan)
    for row, (_, animals) in enumerate(rows):
        for name, instance in animals.items():
            values[row, names.index(name)] = instance.keypoints[:, :2]
    index = pd.MultiIndex.from_tuples([(LABELED_DATA, video, name) for name, _ in rows], names=_INDEX)
    columns = pd.MultiIndex.from_product([[_SCORER], names, keypoints, ["x", "y"]], names=LEVELS)
    table = pd.DataFrame(values.reshape(len(rows), -1), index=index, columns=columns)
    return table if has_several else table.droplevel("individuals", axis="columns")


def _write_table(table: pd.DataFrame, path: Path) -> None:
    """Write the table twice, as DeepLabCut does."""
    table.to_hdf(path.with_name(f"{path.name}.h5"), key=_KEY, mode="w", format="fixed")
    # named columns of the index would become a line of their own, which DeepLabCut's files do not have
    table.rename_axis(index=[None] * len(_INDEX)).to_csv(path.with_name(f"{path.name}.csv"), encoding="utf-8")


def _config(label_set: LabelSet, videos: Sequence[str], names: Sequence[str], *, has_several: bool) -> dict[str, Any]:
    """What DeepLabCut's template has; it puts the path of the project right when it opens it."""
    keypoints = list(label_set.skeleton.keypoints)
    config: dict[str, Any] = {
        "Task": label_set.name,
        "scorer": _SCORER,
        "date": f"{datetime.now(UTC):%b%d}",
        "multianimalproject": has_several,
        "identity": any(not is_placeholder(name) for name in names),
        "project_path": ".",
        "video_sets": {f"videos/{video}.mp4": {"crop": _crop(label_set)} for video in videos},
    }
    if has_several:
        config |= {"individuals": list(names), "uniquebodyparts": [], "multianimalbodyparts": keypoints}
    config |= {
        "bodyparts": "MULTI!" if has_several else keypoints,
        "start": 0,
        "stop": 1,
        "numframes2pick": 20,
        "skeleton": [list(edge) for edge in label_set.skeleton.edges],
        "skeleton_color": "black",
        "pcutoff": 0.6,
        "dotsize": 6,
        "alphavalue": 0.7,
        "colormap": "rainbow",
        "TrainingFraction": [0.95],
        "iteration": 0,
        "snapshotindex": -1,
        "batch_size": 8,
    }
    return config


def _crop(label_set: LabelSet) -> str:
    """Left, right, top and bottom of the largest image, which is what DeepLabCut calls no crop."""
    height, width = (max(image.size[axis] for image in label_set.images) for axis in (0, 1))
    return f"0, {width}, 0, {height}"
