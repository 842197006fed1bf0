"""What CVAT's XML says about its task: the skeletons of its labels, and the video."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from poetlab.labels.source_labels import LeftOut
from poetlab.labels.xml_file import read_xml_text
from poetlab.skeleton import Skeleton, infer_skeleton


@dataclass(frozen=True, slots=True)
class CvatTask:
    """What `meta` says.

    Attributes:
        skeletons: The skeleton of each label that is one.
        video: The name of the video, or None if the task is of images.
        size: (height, width) of the video in pixels, or None.
        n_tasks: How many tasks the file is of: several, where it is of a project.
    """

    skeletons: dict[str, Skeleton] = field(default_factory=dict)
    video: str | None = None
    size: tuple[int, int] | None = None
    n_tasks: int = 1


def read_task(meta: Sequence[Element], left_out: LeftOut) -> CvatTask:
    """Read the elements of `meta`.

    Raises:
        SkeletonError: If the names of a skeleton's points repeat.
    """
    labels = [label for element in meta for label in element.iter("label")]
    sources = [found.text.strip() for element in meta for found in element.iter("source") if found.text]
    size = next((found for element in meta for found in element.iter("original_size")), None)
    return CvatTask(
        skeletons={skeleton.name: skeleton for skeleton in _read_skeletons(labels, left_out)},
        video=next(iter(sources), None),
        size=None if size is None else (int(size.findtext("height", "")), int(size.findtext("width", ""))),
        n_tasks=max(1, sum(len(element.findall("tasks/task")) for element in meta)),
    )


def _read_skeletons(labels: Sequence[Element], left_out: LeftOut) -> Iterable[Skeleton]:
    """Labels with a parent are the points of the skeleton that the parent is."""
    keypoints: dict[str, list[str]] = {}
    for label in labels:
        if parent := label.findtext("parent"):
            keypoints.setdefault(parent, []).append(label.findtext("name", ""))
    drawings = {label.findtext("name"): label.findtext("svg") for label in labels}
    for name, points in keypoints.items():
        yield infer_skeleton(name, points, _read_edges(drawings.get(name) or "", points, name, left_out))


def _read_edges(drawing: str, keypoints: Sequence[str], name: str, left_out: LeftOut) -> list[tuple[str, str]]:
    """The edges of a skeleton's drawing: its circles are the points and have numbers, its lines link two of them."""
    try:
        shapes = list(read_xml_text(f"<svg>{drawing}</svg>").iter())
        nodes = {
            shape.attrib["data-node-id"]: shape.attrib["data-label-name"]
            for shape in shapes
            if "data-label-name" in shape.attrib
        }
        edges = [
            (nodes[shape.attrib["data-node-from"]], nodes[shape.attrib["data-node-to"]])
            for shape in shapes
            if shape.get("data-type") == "edge"
        ]
    except (KeyError, ValueError):
        left_out.add("drawing of a skeleton that cannot be read (it has no edges then)", name)
        return []
    return [edge for edge in edges if set(edge) <= set(keypoints)]
