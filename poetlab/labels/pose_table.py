"""The table that DeepLabCut and Lightning Pose keep labels in: one row an image, two columns a keypoint.

Its header has the levels scorer, bodyparts, coords, or with several animals scorer, individuals, bodyparts, coords.
Its index is an image's path in one column, or in three (`labeled-data`, video, file). Lightning Pose allows a third
column a keypoint, `visible`, with COCO's 0, 1 and 2.
Sources: https://deeplabcut.github.io/DeepLabCut/docs/standardDeepLabCut_UserGuide.html and
https://lightning-pose.readthedocs.io/en/latest/source/directory_structure_reference/label_csv_file_format.html
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np

from poetlab.errors import LabelError
from poetlab.labels.label_set import OCCLUDED, UNLABELED, VISIBLE
from poetlab.labels.source_labels import LeftOut, SourceImage, SourceInstance

LABELED_DATA = "labeled-data"

UNIQUE = "single"
"""What DeepLabCut calls the owner of the unique bodyparts, which are not those of the individuals."""

UNNAMED = re.compile("unnamed_[0-9]+")
"""What poetlab calls animals without names where it writes such a table, which has to name them."""

LEVELS = ("scorer", "individuals", "bodyparts", "coords")
"""The levels of the header; tables of single animals lack the second."""

COORDS = ({"x", "y"}, {"x", "y", "visible"})
"""What the columns of a keypoint may be."""

MAX_COLUMNS = 10_000
"""More than any animal needs, and few enough that a hostile header costs no time."""


@dataclass(frozen=True, slots=True, eq=False)
class PoseTable:
    """What a table says.

    Attributes:
        path: The file.
        scorer: Who labeled it.
        columns: The individual (None in a table of single animals) and the keypoint of each pair of columns.
        images: The image of each row, with `/` between folders.
        points: (images, columns, 2) x and y in pixels; NaN where nothing is labeled.
        visibility: (images, columns) 0, 1 or 2; NaN where the table does not say.
    """

    path: Path
    scorer: str
    columns: tuple[tuple[str | None, str], ...]
    images: tuple[str, ...]
    points: np.ndarray
    visibility: np.ndarray

    @property
    def individuals(self) -> tuple[str | None, ...]:
        """The individuals in the order of the header."""
        return tuple(dict.fromkeys(individual for individual, _ in self.columns))

    @property
    def keypoint_names(self) -> tuple[str, ...]:
        """The keypoints of all individuals in the order of the header."""
        return tuple(dict.fromkeys(keypoint for _, keypoint in self.columns))

    def keypoints(self, individual: str | None, order: Sequence[str]) -> np.ndarray:
        """(images, k, 3) x, y and visibility of one individual's keypoints of these names.

        A point without a position is unlabeled. Where the table does not say more, any other one is visible.
        """
        places = {name: place for place, (owner, name) in enumerate(self.columns) if owner == individual}
        keypoints = np.full((len(self.images), len(order), 3), np.nan)
        for keypoint, name in enumerate(order):
            if name in places:
                keypoints[:, keypoint, :2] = self.points[:, places[name]]
                keypoints[:, keypoint, 2] = self.visibility[:, places[name]]
        keypoints[..., 2] = np.where(np.isnan(keypoints[..., 2]), VISIBLE, keypoints[..., 2])
        keypoints[np.isnan(keypoints[..., :2]).all(axis=-1), 2] = UNLABELED
        return keypoints


def make_pose_table(
    path: Path, header: Sequence[Sequence[str]], images: Sequence[str], values: np.ndarray
) -> PoseTable:
    """A table from what a file holds.

    Args:
        path: The file, for messages.
        header: The levels, each with one text a column.
        images: A path for each row, as the file has it.
        values: (rows, columns) numbers.

    Raises:
        LabelError: If the header is not that of labels.
    """
    places = _column_places(path, header)
    points = values[:, np.array([[coords["x"], coords["y"]] for coords in places.values()])]
    visibility = np.full(points.shape[:2], np.nan)
    for column, coords in enumerate(places.values()):
        if "visible" in coords:
            visibility[:, column] = values[:, coords["visible"]]
    known = np.isin(visibility, (UNLABELED, OCCLUDED, VISIBLE)) | np.isnan(visibility)
    if not known.all():
        raise LabelError(f"{path}: the visibility {visibility[~known][0]:g} is none of 0, 1 and 2; correct it")
    return PoseTable(path, header[0][0], tuple(places), tuple(map(_relative_name, images)), points, visibility)


def _column_places(path: Path, header: Sequence[Sequence[str]]) -> dict[tuple[str | None, str], dict[str, int]]:
    """Individual and keypoint -> coordinate -> its column."""
    if len(header) not in (len(LEVELS) - 1, len(LEVELS)) or not header[0]:
        raise LabelError(
            f"{path}: its header has {len(header)} levels where labels have 3 or 4; give a table of labels"
        )
    if len(header[0]) > MAX_COLUMNS:
        raise LabelError(f"{path}: has {len(header[0])} columns, more than {MAX_COLUMNS}; give a table of labels")
    if len(scorers := sorted(set(header[0]))) > 1:
        raise LabelError(f"{path}: holds labels of the scorers {', '.join(scorers)}; keep one scorer a file")
    owners = header[1] if len(header) == len(LEVELS) else [None] * len(header[0])
    places: dict[tuple[str | None, str], dict[str, int]] = {}
    for place, (owner, keypoint, coord) in enumerate(zip(owners, header[-2], header[-1], strict=True)):
        coords = places.setdefault((owner, keypoint), {})
        if coord not in COORDS[-1]:
            raise LabelError(f"{path}: has a column '{coord}', as predictions have; give labels, with x and y alone")
        if coord in coords:
            raise LabelError(f"{path}: has two columns '{coord}' of '{keypoint}'; remove one of them")
        coords[coord] = place
    if lone := [keypoint for (_, keypoint), coords in places.items() if set(coords) not in COORDS]:
        raise LabelError(f"{path}: '{lone[0]}' lacks its x or its y column; export the table again")
    return places


def drop_columns(
    table: PoseTable, is_dropped: Callable[[tuple[str | None, str]], bool], reason: str, left_out: LeftOut
) -> PoseTable:
    """The table without some columns, whose labeled points are counted in `left_out`.

    Args:
        table: The table.
        is_dropped: Says of an individual and keypoint whether they go.
        reason: Why they go.
        left_out: Where to count.
    """
    kept = [place for place, column in enumerate(table.columns) if not is_dropped(column)]
    for place in sorted(set(range(len(table.columns))) - set(kept)):
        n_labeled = int((~np.isnan(table.points[:, place]).all(axis=-1)).sum())
        left_out.add(reason, table.columns[place][1], n_labeled)
    columns = tuple(table.columns[place] for place in kept)
    return replace(table, columns=columns, points=table.points[:, kept], visibility=table.visibility[:, kept])


def pose_images(tables: Sequence[PoseTable], keypoints: Sequence[str], left_out: LeftOut) -> list[SourceImage]:
    """The images of all tables with their labeled individuals.

    An image without a labeled point is left out: nothing says whether it has no animal or was never looked at.

    Raises:
        LabelError: If two rows of one image differ.
    """
    images: dict[str, SourceImage] = {}
    for table in tables:
        n_without_position = int(((table.visibility > 0) & np.isnan(table.points).all(axis=-1)).sum())
        left_out.add("hidden keypoint without a position", table.path.name, n_without_position)
        poses = {individual: table.keypoints(individual, keypoints) for individual in table.individuals}
        for row, name in enumerate(table.images):
            instances = [
                SourceInstance(
                    keypoints_of[row], individual=None if UNNAMED.fullmatch(individual or "") else individual
                )
                for individual, keypoints_of in poses.items()
                if keypoints_of[row, :, 2].any()
            ]
            if not instances:
                left_out.add("image without a labeled point (it may just not be labeled yet)", name)
            elif name not in images:
                images[name] = SourceImage(name, instances=instances)
            elif _are_same(images[name].instances, instances):
                left_out.add("repeated row of an image (nothing is lost: its points are the same)", name)
            else:
                raise LabelError(
                    f"{table.path}: '{name}' is labeled twice, with different points; keep one of the rows"
                )
    return list(images.values())


def _named(individual: str | None) -> str | None:
    return None if individual is None or UNNAMED.fullmatch(individual) else individual


def _are_same(first: Sequence[SourceInstance], second: Sequence[SourceInstance]) -> bool:
    return [instance.individual for instance in first] == [instance.individual for instance in second] and all(
        np.array_equal(one.keypoints, other.keypoints, equal_nan=True) for one, other in zip(first, second, strict=True)
    )


def _relative_name(name: str) -> str:
    """An image's name with `/` between folders; of an absolute one, as early DeepLabCut wrote it, the project's part.

    Names that are absolute elsewhere, or that lead out of their folder, are left for the check to refuse.
    """
    posix = PurePosixPath(name.replace("\\", "/"))
    is_absolute = posix.is_absolute() or PureWindowsPath(name).drive
    if is_absolute and LABELED_DATA in posix.parts:
        start = len(posix.parts) - 1 - posix.parts[::-1].index(LABELED_DATA)
        return "/".join(posix.parts[start:])
    return name.replace("\\", "/")
