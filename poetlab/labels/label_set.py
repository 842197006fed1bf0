"""Labels as the rest of poetlab reads them: images, their instances and one skeleton; and their folder on disk."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any, Literal

import numpy as np

import poetlab
from poetlab.errors import LabelError, SkeletonError
from poetlab.files import whole_file
from poetlab.labels.json_file import drain, read_json_object
from poetlab.labels.provenance import Provenance
from poetlab.skeleton import Skeleton

ANNOTATIONS = "annotations.json"
IMAGES = "images"

Split = Literal["train", "val"]

BBox = tuple[float, float, float, float]
"""x and y of the top left corner, width and height, in pixels, as COCO has it."""

Segmentation = list[Any] | dict[str, Any]
"""A mask as COCO writes it: a list of polygons (each x, y, x, y, ...), or run lengths (`size` and `counts`)."""

UNLABELED, OCCLUDED, VISIBLE = 0, 1, 2
"""The visibility of a labeled keypoint, as COCO numbers it."""

CATEGORY_ID = 1
"""The one category of `annotations.json`, and of persons in COCO."""


@dataclass(frozen=True, slots=True, eq=False)
class LabeledInstance:
    """One animal in one image.

    Attributes:
        keypoints: (k, 3) x and y in pixels of the full image, and the visibility 0, 1 or 2; an unlabeled
            keypoint is NaN, NaN, 0.
        bbox: x, y, width, height in pixels.
        area: Square pixels; its square root is the scale of OKS. `LabelSet.area_rule` says what it measures.
        is_crowd: Whether it outlines a group of animals that are not labeled one by one.
        segmentation: Its mask as the source had it, or None.
        individual: The animal's name where the source has identities, or None.
        provenance: Who placed its points and how it came into the project; None where nobody knows.
    """

    keypoints: np.ndarray
    bbox: BBox
    area: float
    is_crowd: bool = False
    segmentation: Segmentation | None = None
    individual: str | None = None
    provenance: Provenance | None = None

    @property
    def n_labeled(self) -> int:
        """Number of labeled keypoints, visible or occluded; 0 for an instance that evaluation ignores."""
        return int(np.count_nonzero(self.keypoints[:, 2]))

    @property
    def is_unconfirmed(self) -> bool:
        """Whether a model made it and no person has changed or confirmed it."""
        return self.provenance is not None and self.provenance.made_by == "model"


@dataclass(frozen=True, slots=True, eq=False)
class LabeledImage:
    """One image and its instances; an image without instances is a negative.

    Attributes:
        file_name: Where it lies below the images folder, with `/` between folders.
        size: (height, width) in pixels.
        instances: Its animals, in the order of the source.
        split: What the image is for, "train" or "val".
        id: Its number in the source and in `annotations.json`; None where it has none yet, see `LabelSet.image_ids`.
        video: The name of the video that it is a frame of, or None where the source does not tell.
        frame: The number of the frame in that video, counted from 0, or None.
        is_split_given: Whether the source or the user has named the split, so that it is never drawn.
        is_found_empty: Whether a model has found no animal in it, and no person has confirmed that there is none.
    """

    file_name: str
    size: tuple[int, int]
    instances: tuple[LabeledInstance, ...]
    split: Split
    id: int | None = None
    video: str | None = None
    frame: int | None = None
    is_split_given: bool = False
    is_found_empty: bool = False

    @property
    def is_unconfirmed(self) -> bool:
        """Whether some of what is known of its animals was found by a model, and no person has confirmed it."""
        return self.is_found_empty or any(instance.is_unconfirmed for instance in self.instances)


@dataclass(frozen=True, slots=True, eq=False)
class LabelSet:
    """Labeled images that share one skeleton.

    Attributes:
        name: What the set is called: the name of its folder.
        skeleton: Names of the keypoint axis.
        images: The labeled images, in the order of the source.
        area_rule: How the instances' areas were obtained, in words.
        images_dir: The folder that `LabeledImage.file_name` starts from.
    """

    name: str
    skeleton: Skeleton
    images: tuple[LabeledImage, ...]
    area_rule: str
    images_dir: Path

    @property
    def instances(self) -> Iterator[LabeledInstance]:
        """Every instance of every image, in order."""
        return (instance for image in self.images for instance in image.instances)

    @property
    def n_images(self) -> int:
        """Number of images, negatives included."""
        return len(self.images)

    @property
    def n_instances(self) -> int:
        """Number of instances, crowds and those without keypoints included."""
        return sum(len(image.instances) for image in self.images)

    @property
    def image_ids(self) -> tuple[int, ...]:
        """The id of each image in `annotations.json`: its own, or one numbered on from the largest."""
        unused = count(1 + max((image.id for image in self.images if image.id is not None), default=0))
        return tuple(next(unused) if image.id is None else image.id for image in self.images)

    @property
    def n_labeled_instances(self) -> int:
        """Number of instances with at least one labeled keypoint."""
        return sum(instance.n_labeled > 0 for instance in self.instances)

    def select(self, split: Split) -> "LabelSet":
        """The same label set with only the images of one split."""
        return replace(self, images=tuple(image for image in self.images if image.split == split))

    def image_path(self, image: LabeledImage) -> Path:
        """Where an image's file lies."""
        return self.images_dir / image.file_name


def save_label_set(label_set: LabelSet, folder: Path) -> None:
    """Write a label set's `annotations.json` into `folder`; its images belong into `folder/images`.

    The file is COCO keypoint JSON that any COCO reader opens, with extra keys: `split`, `split_given`, `video`, `frame`
    and `found_empty` of an image, `individual` and `provenance` of an annotation, `symmetries` and `sigmas` of the
    category, `area_rule` of the info.

    Raises:
        LabelError: If the file cannot be written. What was there before is then still there.
    """
    path = folder / ANNOTATIONS
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial, partial.open("w", encoding="utf-8") as file:
            file.writelines(_json_lines(label_set))
    except OSError as error:
        raise LabelError(f"{path}: cannot be written ({error.strerror}); free space or choose another place") from error


def load_label_set(folder: Path) -> LabelSet:
    """Read a label set that `save_label_set` wrote; its name is the folder's.

    Raises:
        LabelError: If there is no such file, or if it is cut short, damaged or not poetlab's.
    """
    path = folder / ANNOTATIONS
    try:
        area_rule, skeleton, images = _read(path)
    except (KeyError, IndexError, TypeError, ValueError, SkeletonError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise LabelError(f"{path}: not a label set of poetlab ({reason}); import the labels again") from error
    return LabelSet(
        name=folder.resolve().name,
        skeleton=skeleton,
        images=images,
        area_rule=area_rule,
        images_dir=folder / IMAGES,
    )


def _json_lines(label_set: LabelSet) -> Iterator[str]:
    """The file in pieces, one line an image and one an annotation, so that it is never in memory as a whole."""
    info = {"description": label_set.name, "version": poetlab.__version__, "area_rule": label_set.area_rule}
    yield f'{{"info": {_dumps(info)},\n"categories": [{_dumps(_category(label_set.skeleton))}],\n"images": [\n'
    yield from _joined(map(_image_entry, label_set.image_ids, label_set.images))
    yield '\n],\n"annotations": [\n'
    yield from _joined(_annotation_entries(label_set))
    yield "\n]}\n"


def _category(skeleton: Skeleton) -> dict[str, Any]:
    return {
        "id": CATEGORY_ID,
        "name": skeleton.name,
        "supercategory": "animal",
        "keypoints": skeleton.keypoints,
        "skeleton": [(start + 1, end + 1) for start, end in skeleton.edge_indices],
        "symmetries": skeleton.symmetries,
        "sigmas": skeleton.sigmas,
    }


def _image_entry(image_id: int, image: LabeledImage) -> dict[str, Any]:
    height, width = image.size
    entry = {"id": image_id, "file_name": image.file_name, "width": width, "height": height, "split": image.split}
    extra = {"video": image.video, "frame": image.frame, "split_given": image.is_split_given or None}
    extra["found_empty"] = image.is_found_empty or None
    return entry | {key: value for key, value in extra.items() if value is not None}


def _annotation_entries(label_set: LabelSet) -> Iterator[dict[str, Any]]:
    number = 0
    for image_id, image in zip(label_set.image_ids, label_set.images, strict=True):
        for instance in image.instances:
            number += 1
            yield {"id": number, "image_id": image_id, "category_id": CATEGORY_ID, **_annotation(instance)}


def _annotation(instance: LabeledInstance) -> dict[str, Any]:
    labeled = instance.keypoints[:, 2:] > 0
    entry = {
        "keypoints": np.where(labeled, instance.keypoints, 0.0).ravel().tolist(),
        "num_keypoints": instance.n_labeled,
        "bbox": instance.bbox,
        "area": instance.area,
        "iscrowd": int(instance.is_crowd),
    }
    if instance.segmentation is not None:
        entry["segmentation"] = instance.segmentation
    if instance.individual is not None:
        entry["individual"] = instance.individual
    if instance.provenance is not None:
        entry["provenance"] = instance.provenance.to_dict()
    return entry


def _joined(entries: Iterable[dict[str, Any]]) -> Iterator[str]:
    separator = ""
    for entry in entries:
        yield separator + _dumps(entry)
        separator = ",\n"


def _dumps(entry: Any) -> str:
    return json.dumps(entry, allow_nan=False)


def _skeleton_from(category: dict[str, Any]) -> Skeleton:
    names = category["keypoints"]
    return Skeleton.from_dict(
        {
            "name": category["name"],
            "keypoints": names,
            "edges": [(names[start - 1], names[end - 1]) for start, end in category["skeleton"]],
            "symmetries": category["symmetries"],
            "sigmas": category["sigmas"],
        }
    )


def _read(path: Path) -> tuple[str, Skeleton, tuple[LabeledImage, ...]]:
    """The area rule, the skeleton and the images of a file."""
    members: dict[str, Any] = {}
    instances: dict[int, list[LabeledInstance]] = {}
    for name, value in read_json_object(path, ("categories", "images", "annotations")):
        if name == "annotations":
            for annotation in value:
                instances.setdefault(annotation["image_id"], []).append(_instance_from(annotation))
        else:
            members[name] = value if name == "info" else list(value)
    skeleton = _skeleton_from(members["categories"][0])
    images = tuple(_image_from(entry, instances.pop(entry["id"], [])) for entry in drain(members["images"]))
    if instances:
        raise KeyError(next(iter(instances)))
    form = (skeleton.n_keypoints, 3)
    if wrong := [one for image in images for one in image.instances if one.keypoints.shape != form]:
        raise ValueError(f"an animal has {len(wrong[0].keypoints)} keypoints, the skeleton {skeleton.n_keypoints}")
    return str(members["info"]["area_rule"]), skeleton, images


def _image_from(entry: dict[str, Any], instances: Iterable[LabeledInstance]) -> LabeledImage:
    return LabeledImage(
        file_name=entry["file_name"],
        size=(entry["height"], entry["width"]),
        instances=tuple(instances),
        split=as_split(entry["split"]),
        is_split_given=bool(entry.get("split_given", False)),
        is_found_empty=bool(entry.get("found_empty", False)),
        id=int(entry["id"]),
        video=entry.get("video"),
        frame=entry.get("frame"),
    )


def as_split(name: Any) -> Split:
    """A split by its name.

    Raises:
        ValueError: If it is none.
    """
    if name not in ("train", "val"):
        raise ValueError(f"the split '{name}' is neither train nor val")
    return "train" if name == "train" else "val"


def _instance_from(annotation: dict[str, Any]) -> LabeledInstance:
    keypoints = np.array(annotation["keypoints"], dtype=np.float64).reshape(-1, 3)
    keypoints[keypoints[:, 2] == 0, :2] = np.nan
    x, y, width, height = annotation["bbox"]
    return LabeledInstance(
        keypoints=keypoints,
        bbox=(x, y, width, height),
        area=annotation["area"],
        is_crowd=bool(annotation["iscrowd"]),
        segmentation=annotation.get("segmentation"),
        individual=annotation.get("individual"),
        provenance=None if (entry := annotation.get("provenance")) is None else Provenance.from_dict(entry),
    )
