"""COCO keypoint JSON, as COCO itself and many labeling tools write it.

Format: https://cocodataset.org/#format-data
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from poetlab.errors import LabelError, SkeletonError
from poetlab.labels.json_file import drain, read_json_object
from poetlab.labels.label_set import IMAGES, OCCLUDED, UNLABELED, VISIBLE, BBox, Segmentation, as_split
from poetlab.labels.provenance import Provenance
from poetlab.labels.source_labels import LeftOut, SourceImage, SourceInstance, SourceLabels
from poetlab.skeleton import Skeleton, infer_skeleton

_ANNOTATIONS = "annotations"
_HEAD_BYTES = 65536
_FIRST_INEXACT_ID = 2**53
_LISTS = {"images": 2_000_000, "annotations": 3_000_000, "categories": 10_000}
"""The lists of a file, and how long each may be: more than labels are, and few enough to fit into the memory."""

_MAX_KEYPOINTS = 5000
"""More than any animal needs, and few enough that a hostile list of names costs no time."""


def matches_coco(path: Path) -> bool:
    """Whether a file looks like COCO JSON: an object with one of COCO's keys near its start."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        head = file.read(_HEAD_BYTES)
    return head.lstrip().startswith("{") and any(f'"{key}"' in head for key in _LISTS)


def read_coco(path: Path) -> SourceLabels:
    """Read COCO keypoint JSON of any tool.

    Kept: crowd regions, annotations without keypoints (evaluation ignores them), images without annotations
    (negatives). Categories without keypoints are left out; several with the same keypoints become one skeleton.

    Raises:
        LabelError: If the file is not COCO keypoint JSON, or if it contradicts itself.
    """
    try:
        labels = _read(_read_parts(path), path.stem)
        return replace(labels, folders=tuple(_image_folders(path.absolute())))
    except (LabelError, SkeletonError) as error:
        raise type(error)(str(error) if str(error).startswith(str(path)) else f"{path}: {error}") from error
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise LabelError(f"{path}: not COCO keypoint JSON ({reason}); export it again") from error


@dataclass(slots=True)
class _Annotation:
    """An annotation whose keypoints nobody has checked yet, because the file may list its category later."""

    id: Any
    image: Any
    category: Any
    instance: SourceInstance


@dataclass(slots=True)
class _Parts:
    """What a file holds, whichever part comes first."""

    images: dict[Any, SourceImage] = field(default_factory=dict)
    categories: dict[Any, Any] = field(default_factory=dict)
    annotations: list[_Annotation] = field(default_factory=list)


def _read_parts(path: Path) -> _Parts:
    parts = _Parts()
    found = set()
    for name, entries in read_json_object(path, _LISTS):
        if name not in _LISTS or not isinstance(entries, Iterator):
            continue
        found.add(name)
        for number, entry in enumerate(entries, start=1):
            if number > _LISTS[name]:
                raise LabelError(f"lists more than {_LISTS[name]:,} {name}, which no labels have; export fewer images")
            if name == "images":
                _add_image(parts.images, entry)
            elif name == "categories":
                parts.categories[entry["id"]] = entry
            else:
                parts.annotations.append(_read_annotation(entry))
    if lacking := [name for name in _LISTS if name not in found]:
        raise LabelError(
            f"has no list '{lacking[0]}', so it is not COCO keypoint JSON; give the label file of your tool"
        )
    return parts


def _image_folders(path: Path) -> Iterator[Path]:
    """Where the images of `annotations/<what>_<subset>.json` lie: `<subset>` (COCO) or `images/<subset>` (CVAT)."""
    if path.parent.name == _ANNOTATIONS:
        folder, subset = path.parent.parent, path.stem.rpartition("_")[2]
        yield from (folder / IMAGES / subset, folder / IMAGES, folder / subset)


def _read(parts: _Parts, name: str) -> SourceLabels:
    posed = _posed_categories(parts.categories, {annotation.category for annotation in parts.annotations})
    skeleton = _read_skeleton(list(posed.values()), name)
    left_out = LeftOut()
    for annotation in drain(parts.annotations):
        image = parts.images.get(annotation.image)
        category = annotation.category
        if image is None:
            left_out.add("annotation of an image that the file does not list", f"annotation {annotation.id}")
        elif category in posed or (category is None and len(posed) == 1):
            image.instances.append(_instance(annotation, skeleton))
            if len(posed) > 1:
                left_out.add("category of an animal (several share one skeleton)", str(posed[category].get("name")))
        else:
            example = parts.categories.get(category, {}).get("name", category)
            left_out.add("annotation of a category without keypoints", f"category {example}")
    return SourceLabels(skeleton, list(parts.images.values()), "as given in the file", left_out)


def _posed_categories(categories: dict[Any, Any], used: set[Any]) -> dict[Any, Any]:
    """The categories with keypoints that annotations use (all with keypoints, if none is used)."""
    posed = {key: category for key, category in categories.items() if category.get("keypoints")}
    if not posed:
        raise LabelError("no category lists keypoints, so these are not keypoint labels; export keypoints by name")
    return {key: category for key, category in posed.items() if key in used} or posed


def _read_skeleton(categories: Sequence[dict[str, Any]], name: str) -> Skeleton:
    """The one skeleton of all categories; it is called as its category, or as the file if they are several."""
    first = categories[0]
    for category in categories[1:]:
        if category["keypoints"] != first["keypoints"]:
            raise LabelError(_disagreement(first, category))
    if len(first["keypoints"]) > _MAX_KEYPOINTS:
        raise LabelError(f"has {len(first['keypoints'])} keypoints, which no animal has; export it again")
    keypoints = [str(keypoint) for keypoint in first["keypoints"]]
    edges = _read_edges(next((found for category in categories if (found := category.get("skeleton"))), []), keypoints)
    name = str(first.get("name", name)) if len(categories) == 1 else name
    if "symmetries" in first and "sigmas" in first:
        own = {"symmetries": first["symmetries"], "sigmas": first["sigmas"]}
        return Skeleton.from_dict({"name": name, "keypoints": keypoints, "edges": edges, **own}, "category")
    return infer_skeleton(name, keypoints, edges)


def _disagreement(first: dict[str, Any], second: dict[str, Any]) -> str:
    names = f"categories '{first.get('name')}' and '{second.get('name')}'"
    differing = sorted(set(map(str, first["keypoints"])) ^ set(map(str, second["keypoints"])))
    what = f"only one of them has {', '.join(differing)}" if differing else "the same names in another order"
    return f"{names} have different keypoints ({what}); export one skeleton a file"


def _read_edges(pairs: Sequence[Sequence[int]], keypoints: Sequence[str]) -> list[tuple[str, str]]:
    """Edges by name. COCO counts keypoints from 1; an edge with a 0 shows that a file counts from 0 (ATRW does)."""
    base = 0 if any(0 in pair for pair in pairs) else 1
    if wrong := [pair for pair in pairs if not all(base <= end < base + len(keypoints) for end in pair)]:
        raise LabelError(f"the skeleton links {wrong[0]}, but there are {len(keypoints)} keypoints; correct the edge")
    return [(keypoints[start - base], keypoints[end - base]) for start, end in pairs]


def _add_image(images: dict[Any, SourceImage], entry: dict[str, Any]) -> None:
    file_name = entry["file_name"]
    if not isinstance(file_name, str):
        raise LabelError(f"image {entry['id']} has the file name {file_name!r}; give it a text")
    known = images.setdefault(entry["id"], _read_image(entry))
    if known.file_name != file_name:
        raise LabelError(f"'{known.file_name}' and '{file_name}' share the id {entry['id']}; give each its own")


def _read_image(entry: dict[str, Any]) -> SourceImage:
    video, frame = entry.get("video"), entry.get("frame")
    return SourceImage(
        entry["file_name"],
        _read_size(entry),
        id=_read_id(entry),
        video=video if isinstance(video, str) else None,
        frame=frame if type(frame) is int and frame >= 0 else None,
        split=as_split(entry["split"]) if entry.get("split_given") is True else None,
        emptied_by="model" if entry.get("found_empty") is True else None,
    )


def _read_id(entry: dict[str, Any]) -> int | None:
    """An image's id, as long as it is a number that every reader of JSON takes exactly."""
    image_id = entry["id"]
    return image_id if type(image_id) is int and 0 <= image_id < _FIRST_INEXACT_ID else None


def _read_size(entry: dict[str, Any]) -> tuple[int, int] | None:
    height, width = entry.get("height"), entry.get("width")
    return (int(height), int(width)) if height and width else None


def _read_annotation(entry: dict[str, Any]) -> _Annotation:
    try:
        instance = SourceInstance(
            keypoints=np.array(entry.get("keypoints") or [], dtype=np.float64).ravel(),
            bbox=_read_bbox(entry.get("bbox")),
            area=_positive(entry.get("area")),
            is_crowd=bool(entry.get("iscrowd")),
            segmentation=_read_segmentation(entry.get("segmentation")),
            individual=_read_individual(entry),
            provenance=_read_provenance(entry.get("provenance")),
        )
    except (TypeError, ValueError, OverflowError) as error:
        raise LabelError(f"annotation {entry.get('id')}: {error}; correct or remove it") from error
    return _Annotation(entry.get("id"), entry.get("image_id"), entry.get("category_id"), instance)


def _instance(annotation: _Annotation, skeleton: Skeleton) -> SourceInstance:
    """The animal of an annotation, with the keypoints of the skeleton."""
    try:
        return replace(annotation.instance, keypoints=_check_keypoints(annotation.instance.keypoints, skeleton))
    except ValueError as error:
        raise LabelError(f"annotation {annotation.id}: {error}; correct or remove it") from error


def _read_individual(annotation: dict[str, Any]) -> str | None:
    """The name of the animal or of its track, which CVAT has among the attributes."""
    attributes = annotation.get("attributes")
    entries = [annotation, attributes if isinstance(attributes, dict) else {}]
    names = (entry.get(key) for key in ("individual", "track_id") for entry in entries)
    return next((str(name) for name in names if name is not None), None)


def _check_keypoints(values: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    n_keypoints = skeleton.n_keypoints
    if len(values) == 0:
        return np.zeros((n_keypoints, 3))
    if len(values) != 3 * n_keypoints:
        has = f"{len(values)} keypoint values"
        raise ValueError(f"{has} where {n_keypoints} keypoints of x, y, visibility need {3 * n_keypoints}")
    keypoints = values.reshape(n_keypoints, 3)
    known = np.isnan(keypoints[:, 2])
    for visibility in (UNLABELED, OCCLUDED, VISIBLE):
        known |= keypoints[:, 2] == visibility
    if not known.all():
        raise ValueError(f"the visibility {keypoints[~known, 2][0]:g} is none of 0, 1 and 2")
    return keypoints


def _read_bbox(content: Any) -> BBox | None:
    if not content:
        return None
    x, y, width, height = (float(value) for value in content)
    return (x, y, width, height) if np.isfinite([x, y, width, height]).all() and min(width, height) > 0 else None


def _positive(content: Any) -> float | None:
    value = float(content or 0)
    return value if 0 < value < float("inf") else None


def _read_segmentation(content: Any) -> Segmentation | None:
    return content if isinstance(content, list | dict) and content else None


def _read_provenance(content: Any) -> Provenance | None:
    """What poetlab has written there; other tools may mean something else by that key, which says nothing."""
    try:
        return Provenance.from_dict(content)
    except (TypeError, ValueError):
        return None
