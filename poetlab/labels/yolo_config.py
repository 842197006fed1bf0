"""The YAML file of an Ultralytics data set: where its images lie, and what its keypoints are."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from poetlab.errors import LabelError, SkeletonError
from poetlab.labels.image_files import safe_file_name
from poetlab.skeleton import Skeleton, infer_skeleton
from poetlab.yaml_file import read_yaml

_MAX_KEYPOINTS = 5000
"""More than any animal needs, and few enough that a hostile number costs no time."""


@dataclass(frozen=True, slots=True)
class YoloConfig:
    """What the file says.

    Attributes:
        skeleton: The keypoints, and their symmetries by `flip_idx`.
        n_dimensions: 2 if a keypoint is x and y, 3 if it has a visibility too.
        n_classes: How many classes the file names; 0 if it does not say.
        places: Folders of images, or lists of them, for train, val and test: relative to the file's folder.
    """

    skeleton: Skeleton
    n_dimensions: int
    n_classes: int
    places: tuple[tuple[str, ...], ...]


def read_yolo_config(path: Path) -> YoloConfig:
    """Read and check the file.

    Raises:
        LabelError: If it is malformed, or if a place is missing or not below the file's folder.
    """
    content = read_yaml(path, LabelError)
    try:
        n_keypoints, n_dimensions = _read_shape(content["kpt_shape"])
        names = content.get("names") or ()
        return YoloConfig(
            skeleton=_read_skeleton(content, path.absolute().parent.name, n_keypoints),
            n_dimensions=n_dimensions,
            n_classes=len(names),
            places=tuple(_places(content, split, path.parent) for split in ("train", "val", "test")),
        )
    except (LabelError, SkeletonError, KeyError, TypeError, ValueError, IndexError) as error:
        reason = error if isinstance(error, LabelError | SkeletonError | ValueError) else repr(error)
        raise LabelError(f"{path}: not the YAML file of a YOLO-pose data set: {reason}") from error


def _read_shape(content: Any) -> tuple[int, int]:
    n_keypoints, n_dimensions = content
    if type(n_keypoints) is not int or n_dimensions not in (2, 3) or not 0 < n_keypoints <= _MAX_KEYPOINTS:
        raise ValueError("'kpt_shape' is not a number of keypoints and 2 or 3")
    return n_keypoints, n_dimensions


def _read_skeleton(content: dict[str, Any], folder: str, n_keypoints: int) -> Skeleton:
    """The keypoints by `kpt_names` (numbered without it), paired by `flip_idx` (by their names without it)."""
    classes = content.get("names") or ()
    first = (
        _text(next(iter(classes.values() if isinstance(classes, dict) else classes))) if len(classes) == 1 else folder
    )
    names = _keypoint_names(content.get("kpt_names"), n_keypoints)
    skeleton = infer_skeleton(first, names)
    flips = content.get("flip_idx")
    if not flips:
        return skeleton
    if len(flips) != n_keypoints or any(type(flip) is not int or not 0 <= flip < n_keypoints for flip in flips):
        raise ValueError(f"'flip_idx' does not list {n_keypoints} keypoints by number")
    if any(flips[flip] != keypoint for keypoint, flip in enumerate(flips)):
        raise ValueError("'flip_idx' does not pair its keypoints: of a pair, each must stand at the other's place")
    pairs = [(names[keypoint], names[flip]) for keypoint, flip in enumerate(flips) if keypoint < flip]
    known = set(skeleton.symmetries)
    symmetries = tuple((b, a) if (b, a) in known else (a, b) for a, b in pairs)
    return replace(skeleton, symmetries=symmetries)


def _keypoint_names(content: Any, n_keypoints: int) -> tuple[str, ...]:
    if content is None:
        return tuple(f"keypoint_{number}" for number in range(n_keypoints))
    lists = list(content.values()) if isinstance(content, dict) else [content]
    if not lists or any(names != lists[0] for names in lists):
        raise ValueError("'kpt_names' differ from class to class; keep classes of one skeleton")
    if not isinstance(lists[0], list) or len(lists[0]) != n_keypoints:
        raise ValueError(f"'kpt_names' does not list {n_keypoints} names")
    return tuple(map(_text, lists[0]))


def _text(content: Any) -> str:
    if isinstance(content, bool) or not isinstance(content, str | int | float):
        raise TypeError("a name is no text")
    return str(content)


def _places(content: dict[str, Any], split: str, folder: Path) -> tuple[str, ...]:
    entries = content.get(split) or []
    return tuple(
        _place(_text(entry), content, folder) for entry in (entries if isinstance(entries, list) else [entries])
    )


def _place(entry: str, content: dict[str, Any], folder: Path) -> str:
    """Where an entry lies, relative to the file's folder.

    It is looked for there first, so that a data set can be moved; then below the file's `path`. Roboflow writes `../`
    before what lies beside the file, and Ultralytics takes that away too. What leads out of the folder is refused.
    """
    root = _text(content.get("path") or "")
    candidates = [entry.removeprefix("../"), f"{root}/{entry}" if root else entry]
    if root and entry.startswith(f"{root}/"):
        candidates.insert(0, entry.removeprefix(f"{root}/"))
    for candidate in candidates:
        try:
            name = safe_file_name(candidate)
        except LabelError:
            continue
        if (folder / name).exists():
            return name
    raise ValueError(f"'{entry}' is not in {folder}; put it there, beside the YAML file")
