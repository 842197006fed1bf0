"""Which image CVAT means by a name, or by the number of a frame."""

import re
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import Element

from poetlab.errors import LabelError
from poetlab.labels.cvat_task import CvatTask
from poetlab.labels.label_set import IMAGES
from poetlab.labels.source_labels import SourceImage
from poetlab.labels.video_frames import SourceVideo

_FRAME_NAME = re.compile(r"frame_([0-9]{6,9})")
"""What CVAT calls the frames of a video, before the suffix."""


class CvatImages:
    """The images that a file is of.

    Args:
        path: The file.
        task: What it says about its task.
    """

    def __init__(self, path: Path, task: CvatTask) -> None:
        self._task = task
        self._suffix = _frame_suffix(path.parent / IMAGES) or _frame_suffix(path.parent)
        self._video = SourceVideo(task.video) if task.video else None

    def named(self, element: Element) -> SourceImage:
        """The image of an `image` element. Those of a project's subset lie in a folder called so.

        Raises:
            LabelError: If it is a frame, and neither the frames nor the video can be told.
        """
        name, subset = element.attrib["name"], element.get("subset")
        size = (int(element.attrib["height"]), int(element.attrib["width"]))
        if match := _FRAME_NAME.fullmatch(name):
            return self.numbered(int(match[1]), size)
        return SourceImage(f"{subset}/{name}" if subset else name, size)

    def numbered(self, frame: int, size: tuple[int, int] | None = None) -> SourceImage:
        """The image of a frame: its file where CVAT's own files of frames are there, else the frame of the video.

        Raises:
            LabelError: If there are no such files, and the labels do not say which video it is.
        """
        size, video = size or self._task.size, self._task.video
        if self._suffix:
            return SourceImage(f"frame_{frame:06d}{self._suffix}", size, video=video, frame=frame)
        if self._video is None:
            raise LabelError(
                "numbers its images and does not name them; export it as 'CVAT for images', or put the images that "
                f"CVAT saves with it (such as frame_{frame:06d}.png) into {IMAGES}/ beside it"
            )
        name = PurePosixPath(self._video.written)
        file_name = f"{name.stem}/frame_{frame:06d}.png"
        return SourceImage(file_name, size, origin=self._video.frame(frame), video=name.name, frame=frame)


def _frame_suffix(folder: Path) -> str | None:
    """The suffix of CVAT's files of frames in a folder; None if there are none."""
    files = folder.glob("frame_[0-9]*.*")
    return next((file.suffix for file in files if _FRAME_NAME.fullmatch(file.stem)), None)
