"""The labels of a task in CVAT: the skeleton with its drawing, boxes, masks, and a tag for empty images."""

import math
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from poetlab.skeleton import Skeleton

EMPTY = "empty"
"""The tag of an image without animals."""

_ATTRIBUTES = ("individual", "score")


class Labels:
    """The labels for one skeleton.

    Args:
        skeleton: The skeleton.

    Attributes:
        skeleton: The skeleton.
        box: What an animal's box is called.
        mask: What an animal's mask is called.
    """

    def __init__(self, skeleton: Skeleton) -> None:
        self.skeleton = skeleton
        self.box = f"{skeleton.name} box"
        self.mask = f"{skeleton.name} mask"

    def for_cvat(self) -> list[dict[str, Any]]:
        """What CVAT takes in the tab "Raw" where a task or project is made."""
        attributes = [
            {"name": name, "input_type": "text", "mutable": False, "values": [""], "default_value": ""}
            for name in _ATTRIBUTES
        ]
        points = [{"name": name, "type": "points", "attributes": []} for name in self.skeleton.keypoints]
        skeleton = {"name": self.skeleton.name, "type": "skeleton", "attributes": attributes}
        others = {self.box: "rectangle", self.mask: "polygon", EMPTY: "tag"}
        return [
            skeleton | {"svg": _drawing(self.skeleton), "sublabels": points},
            *({"name": name, "type": kind, "attributes": []} for name, kind in others.items()),
        ]

    def meta(self, name: str) -> Element:
        """What the XML says about its task, which is called `name`."""
        meta = Element("meta")
        task = SubElement(meta, "task")
        SubElement(task, "name").text = name
        labels = SubElement(task, "labels")
        _add_label(labels, self.skeleton.name, "skeleton", svg=_drawing(self.skeleton), attributes=_ATTRIBUTES)
        for keypoint in self.skeleton.keypoints:
            _add_label(labels, keypoint, "points", parent=self.skeleton.name)
        for other, kind in ((self.box, "rectangle"), (self.mask, "polygon"), (EMPTY, "tag")):
            _add_label(labels, other, kind)
        return meta


def _add_label(labels: Element, name: str, kind: str, *, attributes: tuple[str, ...] = (), **more: str) -> None:
    label = SubElement(labels, "label")
    for tag, text in ({"name": name, "type": kind} | more).items():
        SubElement(label, tag).text = text
    listed = SubElement(label, "attributes")
    for attribute in attributes:
        entry = SubElement(listed, "attribute")
        for tag, text in (("name", attribute), ("mutable", "False"), ("input_type", "text"), ("values", "")):
            SubElement(entry, tag).text = text


def _drawing(skeleton: Skeleton) -> str:
    """The skeleton as CVAT draws it: points on a circle, numbered from 1, and lines between them."""
    n = skeleton.n_keypoints
    angles = [2 * math.pi * number / n for number in range(n)]
    places = [(50 + 40 * math.sin(angle), 50 - 40 * math.cos(angle)) for angle in angles]
    shapes = []
    for start, end in skeleton.edge_indices:
        (x1, y1), (x2, y2) = places[start], places[end]
        line = {key: f"{value:.2f}" for key, value in (("x1", x1), ("y1", y1), ("x2", x2), ("y2", y2))}
        about = {"stroke": "black", "stroke-width": "0.5", "data-type": "edge"}
        nodes = {"data-node-from": str(start + 1), "data-node-to": str(end + 1)}
        shapes.append(Element("line", line | about | nodes))
    for number, (name, (x, y)) in enumerate(zip(skeleton.keypoints, places, strict=True), start=1):
        about = {"r": "1.5", "cx": f"{x:.2f}", "cy": f"{y:.2f}", "stroke": "black", "fill": "#b3b3b3"}
        nodes = {"stroke-width": "0.1", "data-type": "element node", "data-element-id": str(number)}
        nodes |= {"data-node-id": str(number), "data-label-name": name}
        shapes.append(Element("circle", about | nodes))
    return "".join(tostring(shape, encoding="unicode", short_empty_elements=False) for shape in shapes)
