"""Label Studio's tasks: a JSON list to import into a project, and the labeling interface to paste into its settings.

Format: https://labelstud.io/guide/task_format and https://labelstud.io/guide/predictions. Every animal is a box with
its keypoints inside, in percent of the image's size. What people have labeled is an annotation; an image with a
prediction that nobody has confirmed is a prediction as a whole, so that its annotation is what a person submits.
"""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from poetlab.labels.exporting.folder import ExportFolder
from poetlab.labels.label_set import OCCLUDED, UNLABELED, LabeledImage, LabeledInstance
from poetlab.labels.provenance import Maker
from poetlab.skeleton import Skeleton

_IMAGE = "image"
"""What the image is called in a task's data and in the labeling interface."""

_ORIGINS: dict[Maker, str] = {"human": "manual", "model": "prediction", "corrected": "prediction-changed"}

_SERVED = "/data/local-files/?d="
"""What Label Studio calls a file below its folder of local files."""


def write_label_studio(folder: ExportFolder) -> None:
    """Write `tasks.json` and `labeling_interface.xml`."""
    skeleton = folder.label_set.skeleton
    (folder.path / "labeling_interface.xml").write_text(_interface(skeleton), encoding="utf-8")
    with (folder.path / "tasks.json").open("w", encoding="utf-8", newline="\n") as file:
        separator = "[\n"
        for image, place in folder.rows:
            address = _SERVED + quote(f"{folder.label_set.name}/{place}")
            file.write(separator + json.dumps(_task(image, address, skeleton), ensure_ascii=False))
            separator = ",\n"
        file.write("\n]\n")


def _task(image: LabeledImage, address: str, skeleton: Skeleton) -> dict[str, Any]:
    regions = [
        region
        for number, instance in enumerate(image.instances)
        if not instance.is_crowd
        for region in _regions(instance, f"animal{number}", image.size, skeleton)
    ]
    task: dict[str, Any] = {"data": {_IMAGE: address}, "annotations": [], "predictions": []}
    if image.is_unconfirmed:
        scores = [score for instance in image.instances if (score := _score(instance)) is not None]
        about = {"model_version": "poetlab"} | ({"score": min(scores)} if scores else {})
        task["predictions"] = [about | {"result": regions}]
    else:
        task["annotations"] = [{"result": regions}]
    return task


def _regions(
    instance: LabeledInstance, name: str, size: tuple[int, int], skeleton: Skeleton
) -> Iterator[dict[str, Any]]:
    """The box of an animal, its name, and its keypoints with a word for each that is hidden."""
    height, width = size
    about = {"to_name": _IMAGE, "original_width": width, "original_height": height, "image_rotation": 0}
    about["origin"] = _ORIGINS[instance.provenance.made_by if instance.provenance else "human"]
    if (score := _score(instance)) is not None:
        about["score"] = score
    x, y, box_width, box_height = instance.bbox
    box = {"x": _percent(x, width), "y": _percent(y, height), "rotation": 0}
    box |= {"width": _percent(box_width, width), "height": _percent(box_height, height)}
    yield about | _entry(name, "box", "rectanglelabels", box | {"rectanglelabels": [skeleton.name]})
    if instance.individual:
        yield about | _entry(name, "individual", "textarea", box | {"text": [instance.individual]})
    for number, (keypoint, (x, y, visibility)) in enumerate(
        zip(skeleton.keypoints, instance.keypoints.tolist(), strict=True)
    ):
        if visibility == UNLABELED:
            continue
        point = {"x": _percent(x, width), "y": _percent(y, height), "width": 0.5}
        entry = _entry(f"{name}point{number}", "keypoint", "keypointlabels", point | {"keypointlabels": [keypoint]})
        yield about | entry | {"parentID": name}
        if visibility == OCCLUDED:
            yield about | _entry(entry["id"], "visibility", "choices", point | {"choices": ["occluded"]})


def _entry(name: str, control: str, kind: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"id": name, "from_name": control, "type": kind, "value": value}


def _percent(position: float, extent: int) -> float:
    return 100 * position / extent


def _score(instance: LabeledInstance) -> float | None:
    return instance.provenance.score if instance.provenance else None


def _interface(skeleton: Skeleton) -> str:
    """The labeling interface: https://labelstud.io/tags/."""
    view = Element("View")
    SubElement(view, "Image", name=_IMAGE, value=f"${_IMAGE}", zoom="true")
    boxes = SubElement(view, "RectangleLabels", name="box", toName=_IMAGE)
    SubElement(boxes, "Label", value=skeleton.name)
    points = SubElement(view, "KeyPointLabels", name="keypoint", toName=_IMAGE)
    for keypoint in skeleton.keypoints:
        SubElement(points, "Label", value=keypoint)
    SubElement(
        view, "TextArea", name="individual", toName=_IMAGE, perRegion="true", whenTagName="box", maxSubmissions="1"
    )
    choices = SubElement(view, "Choices", name="visibility", toName=_IMAGE, perRegion="true", whenTagName="keypoint")
    SubElement(choices, "Choice", value="occluded")
    indent(view)
    return tostring(view, encoding="unicode") + "\n"
