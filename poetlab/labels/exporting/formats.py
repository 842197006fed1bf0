"""The labeling tools that label sets can be exported to.

A new format is one file with a function that writes its label files, and one line in `LABEL_EXPORT_FORMATS`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from poetlab.errors import LabelError
from poetlab.labels.exporting.coco import write_coco
from poetlab.labels.exporting.cvat import write_cvat
from poetlab.labels.exporting.deeplabcut import deeplabcut_places, write_deeplabcut
from poetlab.labels.exporting.folder import ExportFolder, below_images
from poetlab.labels.exporting.label_studio import write_label_studio
from poetlab.labels.exporting.sleap import write_sleap
from poetlab.labels.exporting.yolo import write_yolo, yolo_places
from poetlab.labels.label_set import LabelSet


@dataclass(frozen=True, slots=True)
class LabelExportFormat:
    """One format.

    Attributes:
        name: What `--to` calls it; as `--format` of the import does.
        description: What it is, for people.
        places: Where each image of a label set shall lie below its folder.
        write: Writes the label files, when the images are there.
        is_edited_in_place: Whether the tool saves corrections into the folder, so that this is what to import; if not,
            it exports a file of its own.
        lacks: What it has no place for: keys of `losses.LOSSES`.
    """

    name: str
    description: str
    places: Callable[[LabelSet], list[str]]
    write: Callable[[ExportFolder], None]
    is_edited_in_place: bool
    lacks: tuple[str, ...] = ()


_SLEAP_LACKS = (
    "boxes of animals that are not those around the keypoints",
    "masks",
    "animals without keypoints",
    "regions of crowds",
    "videos and frames that images are of",
    "sigmas of keypoints",
)

LABEL_EXPORT_FORMATS = (
    LabelExportFormat("sleap", "SLEAP's .slp", below_images, write_sleap, is_edited_in_place=True, lacks=_SLEAP_LACKS),
    LabelExportFormat("coco", "COCO keypoint JSON", below_images, write_coco, is_edited_in_place=True),
    LabelExportFormat(
        "cvat",
        "CVAT's XML for images",
        below_images,
        write_cvat,
        is_edited_in_place=False,
        lacks=(
            "masks that are run lengths",
            "animals without keypoints",
            "regions of crowds",
            "videos and frames that images are of",
            "symmetries that are not those of the keypoints' names",
            "sigmas of keypoints",
        ),
    ),
    LabelExportFormat(
        "label-studio",
        "Label Studio's JSON",
        below_images,
        write_label_studio,
        is_edited_in_place=False,
        lacks=(
            "keypoints that no animal has",
            "boxes that reach far out of the image",
            "masks",
            "regions of crowds",
            "videos and frames that images are of",
            "edges of the skeleton",
            "symmetries that are not those of the keypoints' names",
            "sigmas of keypoints",
        ),
    ),
    LabelExportFormat(
        "dlc",
        "DeepLabCut's project",
        deeplabcut_places,
        write_deeplabcut,
        is_edited_in_place=True,
        lacks=(
            "occluded points (written as visible)",
            "names that stand twice on an image, or that DeepLabCut uses itself",
            "marks and scores of predictions",
            "boxes of animals that are not those around the keypoints",
            "masks",
            "animals without keypoints",
            "regions of crowds",
            "images without animals",
            "videos and frames that images are of",
            "symmetries that are not those of the keypoints' names",
            "sigmas of keypoints",
        ),
    ),
    LabelExportFormat(
        "yolo",
        "Ultralytics' YOLO-pose",
        yolo_places,
        write_yolo,
        is_edited_in_place=True,
        lacks=(
            "names of animals",
            "marks and scores of predictions",
            "points and boxes that reach out of the image (cut at its edge)",
            "masks",
            "regions of crowds",
            "videos and frames that images are of",
            "edges of the skeleton",
            "sigmas of keypoints",
        ),
    ),
)


def label_export_format(name: str) -> LabelExportFormat:
    """The format of this name; `labelstudio` is `label-studio` too.

    Raises:
        LabelError: If there is no such format.
    """
    plain = name.lower().replace("-", "").replace("_", "")
    for known in LABEL_EXPORT_FORMATS:
        if known.name.replace("-", "") == plain:
            return known
    names = ", ".join(known.name for known in LABEL_EXPORT_FORMATS)
    raise LabelError(f"'{name}' is no format to export labels to; known are {names}")
