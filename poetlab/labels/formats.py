"""The label formats that can be imported.

A new format is one file with two functions (does a path hold it; read it) and one line in `LABEL_FORMATS`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from poetlab.errors import LabelError
from poetlab.labels.coco import matches_coco, read_coco
from poetlab.labels.cvat import matches_cvat, read_cvat
from poetlab.labels.deeplabcut import matches_deeplabcut, read_deeplabcut
from poetlab.labels.label_studio import matches_label_studio, read_label_studio
from poetlab.labels.lightning_pose import matches_lightning_pose, read_lightning_pose
from poetlab.labels.macaque import matches_macaque, read_macaque
from poetlab.labels.nwb import matches_nwb, read_nwb
from poetlab.labels.sleap import matches_sleap, read_sleap
from poetlab.labels.source_labels import SourceLabels
from poetlab.labels.yolo import matches_yolo, read_yolo


@dataclass(frozen=True, slots=True)
class LabelFormat:
    """One format.

    Attributes:
        name: What `label_format` calls it.
        description: What it is, for people.
        matches: Whether a file or folder holds labels of this format, judged by its content.
        read: Reads what `matches` accepts; raises a LabelError if it is malformed.
    """

    name: str
    description: str
    matches: Callable[[Path], bool]
    read: Callable[[Path], SourceLabels]


LABEL_FORMATS = (
    LabelFormat("coco", "COCO keypoint JSON", matches_coco, read_coco),
    LabelFormat("cvat", "CVAT's XML", matches_cvat, read_cvat),
    LabelFormat("dlc", "DeepLabCut's project or table", matches_deeplabcut, read_deeplabcut),
    LabelFormat("label-studio", "Label Studio's JSON", matches_label_studio, read_label_studio),
    LabelFormat("lightning-pose", "Lightning Pose's CSV or project", matches_lightning_pose, read_lightning_pose),
    LabelFormat("macaquepose", "MacaquePose's annotations.csv", matches_macaque, read_macaque),
    LabelFormat("nwb", "NWB with ndx-pose's PoseTraining", matches_nwb, read_nwb),
    LabelFormat("sleap", "SLEAP's .slp or .pkg.slp", matches_sleap, read_sleap),
    LabelFormat("yolo", "Ultralytics' YOLO-pose data.yaml", matches_yolo, read_yolo),
)

_ANNOTATIONS = "annotations"
"""The folder of COCO's own label files, and of those that CVAT exports."""


def detect_format(source: Path, label_format: str | None = None) -> tuple[LabelFormat, Path]:
    """Which format `source` has, and the path to read.

    Args:
        source: A label file, or a folder that holds exactly one: itself, in its folder `annotations`, or in its only
            folder.
        label_format: The format's name, to consider no other one; a file is then read whatever it looks like.

    Raises:
        LabelError: If there is no such path or format, or if the folder holds no label file or several.
    """
    wanted = None if label_format is None else _plain(label_format)
    formats = [known for known in LABEL_FORMATS if wanted in (None, _plain(known.name))]
    if not formats:
        known_names = ", ".join(known.name for known in LABEL_FORMATS)
        raise LabelError(f"'{label_format}' is no label format; known are {known_names}")
    try:
        if not source.exists():
            raise LabelError(f"{source}: no such file or folder; give the label file or the folder that holds it")
        if label_format and source.is_file():
            return formats[0], source
        found = next((found for paths in _levels(source) if (found := _matches(paths, formats))), [])
    except OSError as error:
        raise LabelError(f"{source}: cannot be read ({error.strerror}); check the path and its permissions") from error
    if not found:
        expected = " or ".join(f"{known.description} ({known.name})" for known in formats)
        raise LabelError(f"{source}: no labels of a known format; expected {expected}")
    if len(found) > 1:
        names = ", ".join(path.name for _, path in found)
        raise LabelError(f"{source}: holds several label files ({names}); give one of them, or its --format")
    return found[0]


def _plain(name: str) -> str:
    """A format's name without hyphens, which people leave out."""
    return name.lower().replace("-", "").replace("_", "")


def _levels(source: Path) -> Iterator[list[Path]]:
    """Where labels are looked for: a path, then what is in it, then what is in the folder that has labels in it."""
    yield [source]
    if source.is_dir():
        inside = sorted(source.iterdir())
        yield inside
        folders = [path for path in inside if path.is_dir()]
        yield from (sorted(folder.iterdir()) for folder in folders if folder.name == _ANNOTATIONS or len(folders) == 1)


def _matches(paths: Sequence[Path], formats: Sequence[LabelFormat]) -> list[tuple[LabelFormat, Path]]:
    return [(known, path) for path in paths for known in formats if known.matches(path)]
