"""CVAT's XML 1.1 "for images", with the labels of a task to paste into CVAT.

Format: https://docs.cvat.ai/docs/dataset_management/formats/format-cvat/. An animal is a skeleton, with its name and
score as attributes; its box and mask are in its group, where they are more than what the keypoints tell.
"""

import json
import re
from collections.abc import Iterator
from itertools import chain
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np

from poetlab.errors import LabelError
from poetlab.labels.cvat_shapes import SOURCES
from poetlab.labels.exporting.cvat_labels import EMPTY, Labels
from poetlab.labels.exporting.folder import ExportFolder
from poetlab.labels.exporting.losses import has_own_box
from poetlab.labels.label_set import OCCLUDED, UNLABELED, LabeledImage, LabeledInstance, LabelSet

_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no place for."""


def write_cvat(folder: ExportFolder) -> None:
    """Write `annotations.xml` and `labels.json`.

    Raises:
        LabelError: If a name has a character that XML cannot hold.
    """
    label_set = folder.label_set
    _refuse_unwritable(label_set)
    labels = Labels(label_set.skeleton)
    content = json.dumps(labels.for_cvat(), indent=1, ensure_ascii=False)
    (folder.path / "labels.json").write_text(content, encoding="utf-8")
    with (folder.path / "annotations.xml").open("w", encoding="utf-8", newline="\n") as file:
        file.write('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n')
        file.write(_text(labels.meta(label_set.name)))
        for number, image in enumerate(label_set.images):
            file.write(_text(_image(image, number, labels)))
        file.write("</annotations>\n")


def _refuse_unwritable(label_set: LabelSet) -> None:
    names = (entry.individual for entry in label_set.instances if entry.individual)
    files = (image.file_name for image in label_set.images)
    skeleton = (label_set.skeleton.name, *label_set.skeleton.keypoints)
    for name in chain(skeleton, files, names):
        if _UNWRITABLE.search(name):
            raise LabelError(
                f"the name {name!r} has a character that XML cannot hold; rename it, or choose another format"
            )


def _text(element: Element) -> str:
    indent(element, " ")
    return tostring(element, encoding="unicode") + "\n"


def _image(image: LabeledImage, number: int, labels: Labels) -> Element:
    height, width = image.size
    about = {"id": str(number), "name": image.file_name, "width": str(width), "height": str(height)}
    element = Element("image", about)
    if not image.instances and not image.is_found_empty:
        SubElement(element, "tag", label=EMPTY, source="manual")
    for group, instance in enumerate(_shown(image), start=1):
        for shape in _shapes(instance, labels):
            shape.attrib |= {"source": _source(instance), "z_order": "0"}
            shape.set("group_id", str(group))
            element.append(shape)
    return element


def _source(instance: LabeledInstance) -> str:
    made_by = instance.provenance.made_by if instance.provenance else None
    return next((source for source, maker in SOURCES.items() if maker == made_by), "manual")


def _shown(image: LabeledImage) -> Iterator[LabeledInstance]:
    return (instance for instance in image.instances if instance.n_labeled and not instance.is_crowd)


def _shapes(instance: LabeledInstance, labels: Labels) -> Iterator[Element]:
    """The skeleton, and the box and the mask where they are the animal's own."""
    yield _skeleton(instance, labels)
    if has_own_box(instance):
        x, y, width, height = map(float, instance.bbox)
        corners = {"xtl": x, "ytl": y, "xbr": x + width, "ybr": y + height}
        yield Element("box", {"label": labels.box, "occluded": "0"} | {key: _number(at) for key, at in corners.items()})
    for polygon in instance.segmentation if isinstance(instance.segmentation, list) else ():
        points = np.asarray(polygon, dtype=np.float64).reshape(-1, 2).tolist()
        yield Element("polygon", {"label": labels.mask, "occluded": "0", "points": ";".join(map(_point, points))})


def _skeleton(instance: LabeledInstance, labels: Labels) -> Element:
    element = Element("skeleton", {"label": labels.skeleton.name})
    for keypoint, (x, y, visibility) in zip(labels.skeleton.keypoints, instance.keypoints.tolist(), strict=True):
        is_placed = visibility != UNLABELED
        about = {"label": keypoint, "outside": str(int(not is_placed)), "occluded": str(int(visibility == OCCLUDED))}
        SubElement(element, "points", about | {"points": _point([x, y] if is_placed else [0.0, 0.0])})
    score = instance.provenance.score if instance.provenance else None
    attributes = {"individual": instance.individual or "", "score": "" if score is None else f"{score:.6g}"}
    for name, value in attributes.items():
        SubElement(element, "attribute", name=name).text = value
    return element


def _point(position: list[float]) -> str:
    return ",".join(map(_number, position))


def _number(value: float) -> str:
    return f"{value:.3f}"
