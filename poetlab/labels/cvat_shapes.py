"""Shapes of CVAT's XML as animals: a skeleton is one, and so is a group of points; boxes and polygons join by group."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from xml.etree.ElementTree import Element

import numpy as np

from poetlab.errors import LabelError
from poetlab.labels.label_set import OCCLUDED, UNLABELED, VISIBLE, BBox
from poetlab.labels.named_keypoints import KeypointNames, divide_into_animals
from poetlab.labels.provenance import Maker, Provenance
from poetlab.labels.source_labels import LeftOut, SourceInstance

_INDIVIDUAL = ("individual", "track_id")
"""The attributes of a shape that name its animal."""

SOURCES: dict[str, Maker] = {"auto": "model", "semi-auto": "corrected"}
"""Who has placed a shape of that source. One of `auto` becomes `semi-auto` as soon as a person changes it in CVAT; its
other sources tell nothing, as `manual` is also what shapes have that came from a file without a source."""

Point = tuple[float, float, int]
"""x, y and visibility."""


@dataclass(slots=True)
class CvatShape:
    """One shape on one image.

    Attributes:
        label: Its label.
        group: The number of its group on the image; 0 for none.
        individual: The animal's name, or None.
        skeleton: (k, 3) keypoints, if it is a skeleton.
        point: If it is a single point.
        bbox: If it is a box.
        polygon: x, y, x, y, ... if it is a polygon.
        made_by: Who has placed it, where its source tells.
        score: The score of a prediction, or None.
    """

    label: str
    group: int
    individual: str | None
    made_by: Maker | None
    score: float | None
    skeleton: np.ndarray | None = None
    point: Point | None = None
    bbox: BBox | None = None
    polygon: list[float] | None = None

    @property
    def has_keypoints(self) -> bool:
        """Whether it places keypoints."""
        return self.skeleton is not None or self.point is not None


def read_shape(
    element: Element, owner: Element, names: KeypointNames, left_out: LeftOut, place: str
) -> CvatShape | None:
    """Read one shape; None (and counted) if labels have no place for it, and None if it is outside of its image.

    Args:
        element: The shape.
        owner: What has its label, group and source: the shape itself, or its track.
        names: Where its keypoints get their places.
        left_out: Where to count it.
        place: Its image, for messages.

    Raises:
        LabelError: If a skeleton has a point twice.
        KeyError, ValueError: If it lacks something.
    """
    attributes = {str(child.get("name")): child.text or "" for child in element.findall("attribute")}
    shape = CvatShape(
        label=owner.attrib["label"],
        group=int(owner.get("group_id", "0")),
        individual=next((name for key in _INDIVIDUAL if (name := attributes.get(key))), None),
        made_by=SOURCES.get(owner.get("source", "")),
        score=_score(attributes.get("score", "")),
    )
    if element.tag == "skeleton":
        points = _read_skeleton(element, place)
        if all(visibility == UNLABELED for _, _, visibility in points.values()):
            return None
        shape.skeleton = names.array(points)
        return shape
    if element.get("outside") == "1":
        return None
    if element.tag == "points" and ";" not in element.attrib["points"]:
        shape.point = _read_point(element)
    elif element.tag == "box" and float(element.get("rotation", 0)) == 0:
        x, y, right, bottom = (float(element.attrib[key]) for key in ("xtl", "ytl", "xbr", "ybr"))
        shape.bbox = (x, y, right - x, bottom - y) if right > x and bottom > y else None
    elif element.tag == "polygon":
        shape.polygon = [float(number) for pair in element.attrib["points"].split(";") for number in pair.split(",")]
    else:
        what = {"points": "several points in one shape", "box": "turned box"}.get(element.tag, element.tag)
        left_out.add(f"shape that is no keypoint, box or polygon ({what})", place)
        return None
    return shape


@dataclass(slots=True)
class _Animal:
    """The shapes that belong together."""

    skeletons: list[CvatShape] = field(default_factory=list)
    points: list[CvatShape] = field(default_factory=list)
    boxes: list[CvatShape] = field(default_factory=list)
    polygons: list[CvatShape] = field(default_factory=list)

    def add(self, shape: CvatShape) -> None:
        if shape.skeleton is not None:
            self.skeletons.append(shape)
        elif shape.point is not None:
            self.points.append(shape)
        elif shape.bbox is not None:
            self.boxes.append(shape)
        else:
            self.polygons.append(shape)


def make_instances(
    shapes: Sequence[CvatShape], names: KeypointNames, left_out: LeftOut, place: str
) -> list[SourceInstance] | None:
    """Put the shapes of one image together to animals.

    Returns:
        The animals; None if there are points of several animals and nothing tells which belong together.

    Raises:
        LabelError: If a group has a point twice.
    """
    groups: dict[int, _Animal] = {}
    alone = _Animal()
    for shape in shapes:
        (groups.setdefault(shape.group, _Animal()) if shape.group else alone).add(shape)
    divided = divide_into_animals([shape.label for shape in alone.points])
    if divided is None:
        return None
    left_out.add(_NO_ANIMAL, place, len(alone.boxes) + len(alone.polygons))
    instances = [_from_skeleton(shape) for shape in alone.skeletons]
    instances += [_from_points([alone.points[number] for number in part], names, place) for part in divided]
    return instances + list(chain.from_iterable(_group(group, names, left_out, place) for group in groups.values()))


_NO_ANIMAL = "box or polygon in no group with one animal's keypoints"


def _group(group: _Animal, names: KeypointNames, left_out: LeftOut, place: str) -> list[SourceInstance]:
    """The animals of one group; its boxes and polygons are an animal's if it is the only one in the group."""
    instances = [_from_skeleton(shape) for shape in group.skeletons]
    if group.points:
        instances.append(_from_points(group.points, names, place))
    if len(instances) != 1 or len(group.boxes) > 1:
        left_out.add(_NO_ANIMAL, place, len(group.boxes) + len(group.polygons))
        return instances
    instances[0].bbox = next((shape.bbox for shape in group.boxes), None)
    instances[0].segmentation = [shape.polygon for shape in group.polygons] or None
    return instances


def _from_points(points: Sequence[CvatShape], names: KeypointNames, place: str) -> SourceInstance:
    labels = [shape.label for shape in points]
    if len(set(labels)) != len(labels):
        raise LabelError(f"{place}: a group of points has '{max(labels, key=labels.count)}' twice; correct it in CVAT")
    placed = {shape.label: shape.point for shape in points if shape.point}
    individual = next((shape.individual for shape in points if shape.individual), None)
    return SourceInstance(names.array(placed), individual=individual, provenance=_provenance(points))


def _from_skeleton(shape: CvatShape) -> SourceInstance:
    keypoints = np.zeros((0, 3)) if shape.skeleton is None else shape.skeleton
    return SourceInstance(keypoints, individual=shape.individual, provenance=_provenance([shape]))


def _read_skeleton(element: Element, place: str) -> dict[str, Point]:
    points = {}
    for child in element.iter("points"):
        name = child.attrib["label"]
        if name in points:
            raise LabelError(f"{place}: a skeleton has the point '{name}' twice; correct it in CVAT")
        points[name] = _read_point(child)
    return points


def _read_point(element: Element) -> Point:
    """A point that is outside is not labeled; one that is occluded is hidden."""
    x, y = (float(number) for number in element.attrib["points"].split(","))
    if element.get("outside") == "1":
        return (x, y, UNLABELED)
    return (x, y, OCCLUDED if element.get("occluded") == "1" else VISIBLE)


def _score(text: str) -> float | None:
    """A score that a person cannot have mistyped."""
    try:
        score = float(text)
    except ValueError:
        return None
    return score if 0 <= score <= 1 else None


def _provenance(shapes: Sequence[CvatShape]) -> Provenance | None:
    """Who has placed an animal: a model only if that has placed all of its shapes."""
    makers = {shape.made_by for shape in shapes}
    if not makers & set(SOURCES.values()):
        return None
    score = next((shape.score for shape in shapes if shape.score is not None), None)
    return Provenance("model" if makers == {"model"} else "corrected", score)
