"""COCO keypoint JSON in the form in which poetlab keeps labels: `annotations.json` and `images/`.

Each annotation says in `provenance` who made it, and the score of a prediction. Nothing is lost.
"""

from poetlab.labels.exporting.folder import ExportFolder
from poetlab.labels.label_set import save_label_set


def write_coco(folder: ExportFolder) -> None:
    """Write `annotations.json`."""
    save_label_set(folder.label_set, folder.path)
