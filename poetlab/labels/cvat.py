"""CVAT's XML 1.1, "for images" and "for video": skeletons, or points in groups, with their boxes and polygons.

Format: https://docs.cvat.ai/docs/dataset_management/formats/format-cvat/. An image lists its shapes; a track lists the
shapes of one animal, one a frame, of which CVAT has interpolated those that are not on a key frame.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element

from poetlab.errors import LabelError, SkeletonError
from poetlab.labels.cvat_images import CvatImages
from poetlab.labels.cvat_shapes import CvatShape, make_instances, read_shape
from poetlab.labels.cvat_task import CvatTask, read_task
from poetlab.labels.named_keypoints import KeypointNames
from poetlab.labels.source_labels import LeftOut, SourceImage, SourceLabels
from poetlab.labels.xml_file import read_xml
from poetlab.skeleton import Skeleton, infer_skeleton

_HEAD_BYTES = 65536
_EMPTY_TAGS = {"background", "empty", "negative", "no animal", "no animals"}
"""The tags that say that an image has no animals."""


def matches_cvat(path: Path) -> bool:
    """Whether a file is XML with CVAT's `annotations`."""
    if path.suffix.lower() != ".xml" or not path.is_file():
        return False
    with path.open(encoding="utf-8", errors="replace") as file:
        head = file.read(_HEAD_BYTES)
    return "<annotations>" in head and any(tag in head for tag in ("<meta>", "<image ", "<track "))


def read_cvat(path: Path) -> SourceLabels:
    """Read the labels of a task, a job, or all tasks of a project.

    Of a video, those frames come in on which a person has placed an animal (key frames), with all animals that are on
    them. An image without shapes comes in if a tag says that it is empty: otherwise nobody may have looked at it yet.

    Raises:
        LabelError: If the file is not CVAT's XML, contradicts itself, or does not say which images it is of.
        SkeletonError: If its keypoints make no skeleton.
    """
    try:
        return _Reader(path).read()
    except (LabelError, SkeletonError) as error:
        raise type(error)(str(error) if str(error).startswith(str(path)) else f"{path}: {error}") from error
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise LabelError(f"{path}: not CVAT's XML 1.1 ({reason}); export it again") from error


@dataclass(slots=True)
class _Frame:
    """What is on one frame of a video."""

    shapes: list[CvatShape] = field(default_factory=list)
    is_key: bool = False


class _Reader:
    """Reads one file from its start to its end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._left_out = LeftOut()
        self._names = KeypointNames()
        self._task = CvatTask()
        self._places = CvatImages(path, self._task)
        self._keypoints: set[str] = set()
        self._used: dict[str, None] = {}
        self._images: list[SourceImage] = []
        self._frames: dict[int, _Frame] = {}

    def read(self) -> SourceLabels:
        for section, elements in read_xml(self._path):
            if section.tag == "meta":
                self._task = read_task(list(elements), self._left_out)
                self._places = CvatImages(self._path, self._task)
                self._keypoints = {name for one in self._task.skeletons.values() for name in one.keypoints}
            elif section.tag == "image":
                self._read_image(section, elements)
            elif section.tag == "track":
                self._read_track(section, elements)
        self._add_frames()
        self._names.complete(self._images)
        return SourceLabels(self._skeleton(), self._images, "as given in the file", self._left_out)

    def _read_image(self, section: Element, elements: Iterable[Element]) -> None:
        image = self._places.named(section)
        shapes, is_empty, has_shape = [], False, False
        for element in elements:
            if element.tag == "tag":
                is_empty |= element.attrib["label"].lower().replace("_", " ") in _EMPTY_TAGS
                continue
            has_shape = True
            shape = self._read_shape(element, element, image.file_name)
            shapes += [shape] if shape else []
        if has_shape:
            self._add(image, shapes)
        elif is_empty:
            image.emptied_by = "human"
            self._images.append(image)
        else:
            self._left_out.add("image without a shape (and without a tag 'empty' that says so)", image.file_name)

    def _read_track(self, section: Element, elements: Iterable[Element]) -> None:
        if self._task.n_tasks > 1:
            raise LabelError("is of several videos and does not tell their frames apart; export the tasks one by one")
        shapes = []
        for element in elements:
            frame = int(element.attrib["frame"])
            if frame < 0:
                raise LabelError(f"track {section.get('id')}: has the frame {frame}; export it again")
            if shape := self._read_shape(element, section, f"frame {frame}"):
                shapes.append(shape)
                self._frames.setdefault(frame, _Frame()).shapes.append(shape)
                self._frames[frame].is_key |= shape.has_keypoints and _is_key(element)
        if len(shapes) > 1:  # a track of one frame is a single shape, which has no identity
            group = section.get("group_id", "0")
            name = group if group != "0" else section.get("id")
            for shape in shapes:
                shape.individual = shape.individual or name

    def _read_shape(self, element: Element, owner: Element, place: str) -> CvatShape | None:
        label = owner.attrib["label"]
        if element.tag == "skeleton":
            self._used[label] = None
            if skeleton := self._task.skeletons.get(label):
                self._names.add(skeleton.keypoints)
        elif element.tag == "points" and self._task.skeletons and label not in self._keypoints:
            self._left_out.add("point whose label is no point of a skeleton", place)
            return None
        return read_shape(element, owner, self._names, self._left_out, place)

    def _add_frames(self) -> None:
        """Make images of the key frames."""
        for number, frame in sorted(self._frames.items()):
            if frame.is_key:
                self._add(self._places.numbered(number), frame.shapes)
            else:
                self._left_out.add("frame that is no key frame (CVAT has interpolated its animals)", f"frame {number}")
        self._frames.clear()

    def _add(self, image: SourceImage, shapes: list[CvatShape]) -> None:
        """Add an image with the animals that its shapes make."""
        instances = make_instances(shapes, self._names, self._left_out, image.file_name)
        if instances is None:
            self._left_out.add("image with points of several animals (group each animal's in CVAT)", image.file_name)
        elif not instances:
            self._left_out.add("image whose shapes place no keypoints", image.file_name)
        else:
            image.instances = instances
            self._images.append(image)

    def _skeleton(self) -> Skeleton:
        """The one skeleton of all animals."""
        skeletons = [skeleton for label in self._used if (skeleton := self._task.skeletons.get(label))]
        for other in skeletons[1:]:
            if set(other.keypoints) != set(skeletons[0].keypoints):
                names = f"'{skeletons[0].name}' and '{other.name}'"
                raise LabelError(f"its animals have different skeletons, {names}; export a task for each")
        if not self._names.names:
            raise LabelError("no skeleton or point is in it, so these are not keypoint labels; label some in CVAT")
        name = next(iter(self._used)) if len(self._used) == 1 else self._path.stem
        edges = dict.fromkeys(edge for skeleton in skeletons for edge in skeleton.edges)
        return infer_skeleton(name, self._names.names, list(edges))


def _is_key(element: Element) -> bool:
    """Whether a person has placed a shape or one of its points."""
    return any(part.get("keyframe") == "1" for part in element.iter() if part.get("outside") != "1")
