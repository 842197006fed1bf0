"""Lightning Pose: a CSV of labels beside `labeled-data/`, or a project of several views with a CSV each.

Source: https://lightning-pose.readthedocs.io/en/latest/source/directory_structure_reference/index.html
"""

from pathlib import Path

from poetlab.errors import LabelError
from poetlab.labels.image_files import safe_file_name
from poetlab.labels.pose_csv import is_pose_csv, read_pose_csv
from poetlab.labels.pose_table import LABELED_DATA, pose_images
from poetlab.labels.source_labels import LeftOut, SourceLabels
from poetlab.skeleton import infer_skeleton
from poetlab.yaml_file import read_yaml

_PROJECT = "project.yaml"


def matches_lightning_pose(path: Path) -> bool:
    """Whether a path is a CSV of labels beside `labeled-data`, or the folder of a project of several views."""
    if path.is_dir():
        try:
            return any(is_pose_csv(file) for file in _view_files(path))
        except LabelError:
            return False
    return is_pose_csv(path) and (path.parent / LABELED_DATA).is_dir()


def read_lightning_pose(path: Path) -> SourceLabels:
    """Read labels of one animal in one view, or in several views, each of which has images of its own.

    Raises:
        LabelError: If a table is malformed, if one is missing, or if views have different keypoints.
    """
    left_out = LeftOut()
    tables = [read_pose_csv(file) for file in (_view_files(path) if path.is_dir() else [path])]
    if not tables:
        raise LabelError(f"{path}: has no {_PROJECT} that lists 'view_names'; give one of its CSV files")
    keypoints = tables[0].keypoint_names
    for table in tables[1:]:
        if table.keypoint_names != keypoints:
            raise LabelError(f"{table.path}: has other keypoints than {tables[0].path.name}; import them one by one")
    name = (path if path.is_dir() else path.parent).absolute().name
    images = pose_images(tables, keypoints, left_out)
    return SourceLabels(infer_skeleton(name, keypoints), images, "as given in the file", left_out)


def _view_files(folder: Path) -> list[Path]:
    """The table of each view that a project's file lists; none where there is no such file or list."""
    if not (file := folder / _PROJECT).is_file():
        return []
    content = read_yaml(file, LabelError)
    views = content.get("view_names") if isinstance(content, dict) else None
    if not isinstance(views, list) or not all(isinstance(view, str) for view in views):
        return []
    return [folder / safe_file_name(f"CollectedData_{view}.csv") for view in views]
