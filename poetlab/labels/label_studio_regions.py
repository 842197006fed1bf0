"""The regions of one image in Label Studio as animals: keypoints and boxes, and what tells which belong together."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from poetlab.errors import LabelError
from poetlab.labels.label_set import OCCLUDED, VISIBLE, BBox
from poetlab.labels.named_keypoints import KeypointNames, divide_into_animals
from poetlab.labels.source_labels import LeftOut, SourceInstance

_PERCENT = 100
_TOLERANCE = 0.5
"""Percent that a box may reach out of its image: people draw to the edge and beyond."""

_HIDDEN = {"hidden", "occluded"}
_INDIVIDUAL = {"individual", "track_id"}
"""The names of controls for single regions whose text or choice names the animal."""


@dataclass(slots=True)
class Region:
    """A keypoint or a box.

    Attributes:
        id: What relations and parents call it.
        name: Its label.
        point: x, y and visibility, if it is a keypoint.
        bbox: If it is a box.
        parent: The id of the region that it is part of, or None.
        individual: The animal's name, where a text or choice for this region says so.
        origin: `manual`, `prediction` or `prediction-changed`; None where Label Studio has not noted it.
        score: The score of a prediction, or None.
    """

    id: str
    name: str
    point: tuple[float, float, int] | None = None
    bbox: BBox | None = None
    parent: str | None = None
    individual: str | None = None
    origin: str | None = None
    score: float | None = None


@dataclass(slots=True)
class Animal:
    """One animal; `instance` is complete but for the name of its individual and its provenance.

    Attributes:
        instance: What becomes of it.
        label: The label of its box, or None without one.
        is_linked: Whether anything but the order tells that its keypoints belong together.
        origins: Those of its regions that have one.
        score: The score of a prediction, or None.
    """

    instance: SourceInstance
    label: str | None
    is_linked: bool
    origins: frozenset[str]
    score: float | None


@dataclass(slots=True)
class Regions:
    """What one annotation holds.

    Attributes:
        keypoints: Its keypoints, in the order in which they were placed.
        boxes: Its boxes.
        links: Pairs of ids that relations link.
        size: (height, width) of the image in pixels; None without a region.
    """

    keypoints: list[Region] = field(default_factory=list)
    boxes: list[Region] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    size: tuple[int, int] | None = None


def read_regions(result: Iterable[Mapping[str, Any]], left_out: LeftOut, place: str) -> Regions:
    """Read the regions of an annotation; those that are neither keypoint nor box are counted as left out.

    Raises:
        LabelError: If the image is turned, or if regions tell different sizes of it.
    """
    entries = list(result)
    about: dict[str, list[Mapping[str, Any]]] = {}
    for entry in entries:
        if "id" in entry and entry.get("type") in ("choices", "textarea"):
            about.setdefault(entry["id"], []).append(entry)
    regions = Regions()
    for entry in entries:
        kind = str(entry["type"]).lower()
        if kind == "relation":
            regions.links.append((entry["from_id"], entry["to_id"]))
        elif kind in ("keypointlabels", "rectanglelabels"):
            _add_region(regions, entry, kind, about.get(entry["id"], []), left_out, place)
        elif kind not in ("choices", "textarea"):
            left_out.add(f"region that is neither keypoint nor box ({kind})", place)
    return regions


def _add_region(
    regions: Regions,
    entry: Mapping[str, Any],
    kind: str,
    about: Sequence[Mapping[str, Any]],
    left_out: LeftOut,
    place: str,
) -> None:
    if entry.get("image_rotation"):
        raise LabelError(f"{place}: was turned in Label Studio; turn the image file itself, and label it again")
    size = (int(entry["original_height"]), int(entry["original_width"]))
    if regions.size not in (None, size):
        raise LabelError(f"{place}: has regions on images of {regions.size} and {size} pixels; label one image a task")
    regions.size = size
    value = entry["value"]
    labels = value.get(kind) or []
    if len(labels) != 1:
        left_out.add("region without a label, or with several", place)
        return
    region = Region(str(entry["id"]), str(labels[0]), parent=entry.get("parentID") or None, origin=entry.get("origin"))
    region.score = float(score) if isinstance(score := entry.get("score"), int | float) and 0 <= score <= 1 else None
    region.individual = next(
        (text for one in about if one.get("from_name") in _INDIVIDUAL for text in _texts(one)), None
    )
    x, y = (float(value[axis]) * extent / _PERCENT for axis, extent in zip("xy", size[::-1], strict=True))
    if kind == "keypointlabels":
        is_hidden = value.get("hidden") is True or any(text.lower() in _HIDDEN for one in about for text in _texts(one))
        region.point = (x, y, OCCLUDED if is_hidden else VISIBLE)
        regions.keypoints.append(region)
    elif value.get("rotation"):
        left_out.add("turned box", place)
    elif float(value["x"]) + float(value["width"]) > _PERCENT + _TOLERANCE:
        left_out.add("box that reaches out of its image", place)
    else:
        region.bbox = (x, y, float(value["width"]) * size[1] / _PERCENT, float(value["height"]) * size[0] / _PERCENT)
        regions.boxes.append(region)


def _texts(entry: Mapping[str, Any]) -> list[str]:
    """What a person has chosen or written for a region."""
    value = entry["value"]
    content = value.get("choices") or value.get("text") or []
    return [content] if isinstance(content, str) else [str(text) for text in content]


def find_animals(regions: Regions, names: KeypointNames, left_out: LeftOut, place: str) -> list[Animal] | None:
    """Put keypoints and boxes together to animals.

    Regions belong together where one is the other's parent, or where a relation links them (but not two boxes).
    Keypoints that nothing links belong to the box that they lie in; where there is no such box, their order tells.

    Returns:
        The animals; None if nothing tells which keypoints belong together.

    Raises:
        LabelError: If an animal has a keypoint or box twice.
    """
    linked = _linked(regions, left_out, place)
    loose = [group[0] for group in linked if len(group) == 1 and group[0].point]
    groups = [group for group in linked if len(group) > 1 or group[0].bbox]
    empty = [group for group in groups if len(group) == 1]
    if loose and empty:
        divided: list[range] | None = [] if _share_out(loose, empty) else None
    else:
        divided = divide_into_animals([region.name for region in loose])
    if divided is None:
        return None
    animals = [_animal(group, names, place, is_linked=True) for group in groups]
    ordered = [[loose[number] for number in part] for part in divided]
    return animals + [_animal(group, names, place, is_linked=False) for group in ordered]


def _linked(regions: Regions, left_out: LeftOut, place: str) -> list[list[Region]]:
    """The regions in groups that parents and relations make."""
    everything = regions.keypoints + regions.boxes
    group_of = {region.id: region.id for region in everything}
    boxes = {region.id for region in regions.boxes}

    def first(name: str) -> str:
        while (parent := group_of.setdefault(name, name)) != name:
            group_of[name] = group_of[parent]
            name = parent
        return name

    between_boxes = [link for link in regions.links if boxes.issuperset(link)]
    left_out.add("relation between two boxes", place, len(between_boxes))
    parents = [(region.id, region.parent) for region in everything if region.parent]
    for one, other in [*parents, *(link for link in regions.links if not boxes.issuperset(link))]:
        group_of[first(other)] = first(one)
    groups: dict[str, list[Region]] = {}
    for region in everything:
        groups.setdefault(first(region.id), []).append(region)
    return list(groups.values())


def _share_out(loose: Sequence[Region], empty: Sequence[list[Region]]) -> bool:
    """Add each keypoint to the box that it lies in; False if that is none or several, or if a name repeats in a box.

    A single box gets all keypoints: people draw boxes tightly.
    """
    boxes = list(empty)
    places = []
    for region in loose:
        inside = [box for box in boxes if len(boxes) == 1 or _is_inside(region, box[0])]
        if len(inside) != 1:
            return False
        places.append(inside[0])
    if max(Counter((id(box), region.name) for box, region in zip(places, loose, strict=True)).values()) > 1:
        return False
    for box, region in zip(places, loose, strict=True):
        box.append(region)
    return True


def _is_inside(keypoint: Region, box: Region) -> bool:
    if keypoint.point is None or box.bbox is None:
        return False
    x, y, width, height = box.bbox
    return x <= keypoint.point[0] <= x + width and y <= keypoint.point[1] <= y + height


def _animal(group: Sequence[Region], names: KeypointNames, place: str, *, is_linked: bool) -> Animal:
    boxes = [region for region in group if region.bbox]
    points = [(region.name, region.point) for region in group if region.point]
    for what, n_times in Counter([name for name, _ in points] + ["box"] * len(boxes)).items():
        if n_times > 1:
            raise LabelError(f"{place}: an animal has '{what}' {n_times} times; correct its regions or relations")
    bbox = boxes[0].bbox if boxes else None
    individual = next((region.individual for region in group if region.individual), None)
    instance = SourceInstance(names.array(dict(points)), bbox, individual=individual)
    origins = frozenset(str(region.origin) for region in group if region.origin)
    score = next((region.score for region in group if region.score is not None), None)
    return Animal(instance, boxes[0].name if boxes else None, is_linked, origins, score)
