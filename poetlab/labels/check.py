"""From what a source says to what can be trusted: image names, files and sizes, and the instances on them."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from poetlab.errors import LabelError
from poetlab.labels.complete import AreaSource, area_rule, complete_instance
from poetlab.labels.frame_names import frame_of
from poetlab.labels.image_files import find_image, inspect_image, is_turned, safe_file_name
from poetlab.labels.json_file import drain
from poetlab.labels.keypoint_names import LACKING
from poetlab.labels.label_set import OCCLUDED, LabeledImage, LabeledInstance, Split
from poetlab.labels.merging import FoundInstance, Told
from poetlab.labels.provenance import ImportStamp, Maker
from poetlab.labels.source_labels import ImageOrigin, LeftOut, SourceImage, SourceLabels
from poetlab.labels.split_rule import DrawnSplit

MISSING = "image file is missing"


@dataclass(frozen=True, slots=True, eq=False)
class CheckedImage:
    """One image that exists, is whole and fits its labels.

    Attributes:
        origin: Where the image's file lies, or what makes it.
        file_name: Where it shall lie below the label set's images folder.
        size: (height, width) in pixels.
        instances: Its animals.
        id: Its number in the source, or None where it has none.
        video: The name of the video that it is a frame of, or None.
        frame: The number of the frame in that video, or None.
        split: What the source has it for, or None where it does not say.
        is_boxed: Whether each animal's box or mask is the source's own.
        emptied_by: Who says that there is no animal in it; None where the source does not say.
        untouched: Predictions in the source that no person has looked at, which are no labels.
    """

    origin: Path | ImageOrigin
    file_name: str
    size: tuple[int, int]
    instances: tuple[LabeledInstance, ...]
    id: int | None
    video: str | None
    frame: int | None
    split: Split | None
    is_boxed: tuple[bool, ...]
    emptied_by: Maker | None = None
    untouched: tuple[LabeledInstance, ...] = ()

    @property
    def found(self) -> list[FoundInstance]:
        """Its animals, to be merged with those that the project has."""
        return list(map(FoundInstance, self.instances, self.is_boxed))

    def labeled(
        self, file_name: str, instances: tuple[LabeledInstance, ...], drawn: DrawnSplit, stamp: ImportStamp
    ) -> LabeledImage:
        """The image of a label set, with that name, these animals and its split."""
        return LabeledImage(
            file_name,
            self.size,
            instances,
            drawn.splits[file_name],
            id=self.id,
            video=self.video,
            frame=self.frame,
            is_split_given=self.split is not None or file_name in drawn.given,
            is_found_empty=not instances and self.emptied_by == "model" and not stamp.is_confirmed,
        )


@dataclass(frozen=True, slots=True, eq=False)
class CheckedLabels:
    """What of a source can be used.

    Attributes:
        images: The usable images, in the order of the source.
        n_listed: How many images the source lists.
        area_rule: How the areas of the instances were obtained, in words.
        told: What the source can tell of an animal. It tells visible from occluded points if it has an occluded one,
            and knows crowds, or animals without keypoints, if it has one.
    """

    images: list[CheckedImage]
    n_listed: int
    area_rule: str
    told: Told


def check_labels(
    source: SourceLabels,
    order: np.ndarray,
    folders: Sequence[Path],
    on_progress: Callable[[int, int], None],
) -> CheckedLabels:
    """Find and check every image, and complete its instances; what cannot be used is counted in `source.left_out`.

    Args:
        source: What a format's reader found; its list of images is emptied to save memory.
        order: (k,) where among the source's keypoints each one of the label set stands; see `keypoint_order`.
        folders: Where the images may lie, first choice first.
        on_progress: Called with (images checked, all images).

    Raises:
        LabelError: If an image name is unsafe, or if the labels contradict themselves.
    """
    images = _merge(source.images, source.left_out)
    n_images = len(images)
    names: dict[Path, str] = {}
    areas: Counter[AreaSource] = Counter()
    checked = []
    for done, image in enumerate(drain(images), start=1):
        found = _find_file(image, folders, source.left_out)
        if found:
            origin, size = found
            if isinstance(origin, Path) and (other := names.setdefault(origin, image.file_name)) != image.file_name:
                raise LabelError(f"'{other}' and '{image.file_name}' are both found as {origin}; say where each lies")
            instances, is_boxed = _complete(image, order, size, source.left_out, areas)
            untouched, _ = _complete(replace(image, instances=image.untouched), order, size, LeftOut(), Counter())
            facts = (image.id, image.video, image.frame, image.split)
            checked.append(
                CheckedImage(origin, image.file_name, size, instances, *facts, is_boxed, image.emptied_by, untouched)
            )
        else:
            source.left_out.add("animal on an image that is left out", image.file_name, len(image.instances))
        on_progress(done, n_images)
    return CheckedLabels(checked, n_images, area_rule(areas, source.area_rule), _told(order, checked))


def _told(order: np.ndarray, images: Sequence[CheckedImage]) -> Told:
    instances = [instance for image in images for instance in image.instances]
    return Told(
        keypoints=order != LACKING,
        occlusion=any((instance.keypoints[:, 2] == OCCLUDED).any() for instance in instances),
        crowds=any(instance.is_crowd for instance in instances),
        bare=any(not instance.is_crowd and instance.n_labeled == 0 for instance in instances),
    )


def _merge(images: list[SourceImage], left_out: LeftOut) -> list[SourceImage]:
    """One entry a file name, with the instances of all its entries."""
    merged: dict[str, SourceImage] = {}
    for image in drain(images):
        name = safe_file_name(image.file_name)
        if name in merged:
            left_out.add("repeated entry of an image (its animals are added to the first entry's)", name)
        first = merged.setdefault(name, replace(_with_frame(image), file_name=name, instances=[]))
        if image.size and first.size and first.size != image.size:
            raise LabelError(f"'{name}' is listed with the sizes {first.size} and {image.size}; correct one of them")
        first.size = first.size or image.size
        first.instances.extend(image.instances)
    return list(merged.values())


def _with_frame(image: SourceImage) -> SourceImage:
    """The image with the video and the frame that its name tells, where its source does not say."""
    if image.video is not None or image.frame is not None:
        return image
    video, frame = frame_of(image.file_name)
    return replace(image, video=video, frame=frame)


def _find_file(
    image: SourceImage, folders: Sequence[Path], left_out: LeftOut
) -> tuple[Path | ImageOrigin, tuple[int, int]] | None:
    """Where the image is from and its size; None (and counted) if it is missing, damaged, or not the labeled one."""
    names = (image.file_name, *map(safe_file_name, image.other_names))
    origin = image.origin or find_image(names, folders)
    if origin is None:
        left_out.add(MISSING, image.file_name)
        return None
    file = inspect_image(origin) if isinstance(origin, Path) else origin.inspect()
    if file.problem:
        left_out.add(file.problem, image.file_name)
        return None
    if image.size is None or image.size == file.size:
        return origin, file.size
    (height, width), (file_height, file_width) = image.size, file.size
    if image.size == (file_width, file_height) and isinstance(origin, Path) and is_turned(origin):
        left_out.add("image is turned by its EXIF tag, and labeled so; turn its pixels first", image.file_name)
    else:
        sizes = f"{image.file_name} (labels {width} x {height}, file {file_width} x {file_height})"
        left_out.add("image differs in size from its labels", sizes)
    return None


def _complete(
    image: SourceImage, order: np.ndarray, size: tuple[int, int], left_out: LeftOut, areas: Counter[AreaSource]
) -> tuple[tuple[LabeledInstance, ...], tuple[bool, ...]]:
    """The animals that can be used, and whether the box or mask of each is its source's own."""
    instances = []
    is_boxed = []
    for instance in image.instances:
        completed = complete_instance(instance, order, size, image.file_name, left_out)
        if completed:
            instances.append(completed[0])
            is_boxed.append(instance.bbox is not None or instance.segmentation is not None)
            areas[completed[1]] += 1
    return tuple(instances), tuple(is_boxed)
