"""Which image a task of Label Studio is of: where its file may lie, by the path or address that the task has."""

import base64
import binascii
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from poetlab.errors import LabelError
from poetlab.labels.frame_names import frame_of
from poetlab.labels.source_labels import SourceImage
from poetlab.labels.video_frames import SourceVideo

_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
_N_PREFIX = 8
"""Hexadecimal digits that Label Studio puts before the name of an uploaded file, and a hyphen."""


class LabelStudioImages:
    """The images of an export."""

    def __init__(self) -> None:
        self._videos: dict[str, SourceVideo] = {}
        self._written: dict[str, str] = {}

    def of_task(self, task: Mapping[str, Any], sources: Iterable[str], size: tuple[int, int] | None) -> SourceImage:
        """The image of a task: the one file that it names, or a frame of a video where sleap-io has written it.

        Args:
            task: The task.
            sources: The fields of its data that its regions are on, where they say so.
            size: (height, width) in pixels, or None.

        Raises:
            LabelError: If it names no image, several, or one inside of the export.
        """
        data = task.get("data") or {}
        written = [value for key in dict.fromkeys(sources) if isinstance(value := data.get(key), str)]
        written = written or [value for value in data.values() if isinstance(value, str) and _is_image(value)]
        if len(written) == 1:
            return self._file(written[0], size)
        video = (task.get("meta") or {}).get("video")
        if not written and video and isinstance(video["filename"], str) and int(video["frame_idx"]) >= 0:
            return self._frame(video["filename"], int(video["frame_idx"]), size)
        raise LabelError(
            f"names {len(written) or 'no'} images in its data ({', '.join(data)}); give each task one image"
        )

    def _file(self, written: str, size: tuple[int, int] | None) -> SourceImage:
        if written.startswith("data:"):
            raise LabelError("has its image inside of the export; save the images as files, and label those")
        names = _file_names(written)
        if self._written.setdefault(names[0], written) != written:
            raise LabelError(
                f"{self._written[names[0]]} and {written} would both be {names[0]}; export them one by one"
            )
        video, frame = frame_of(names[-1])  # the one without digits that Label Studio has put before it
        return SourceImage(names[0], size, other_names=names[1:], video=video, frame=frame)

    def _frame(self, written: str, frame: int, size: tuple[int, int] | None) -> SourceImage:
        video = self._videos.setdefault(written, SourceVideo(written))
        name = PurePosixPath(video.written)
        file_name = f"{name.stem}/frame_{frame:06d}.png"
        if self._written.setdefault(name.stem, written) != written:
            raise LabelError(f"the videos {self._written[name.stem]} and {written} have one name; rename one of them")
        return SourceImage(file_name, size, origin=video.frame(frame), video=name.name, frame=frame)


def _is_image(written: str) -> bool:
    return written.startswith("data:image/") or PurePosixPath(_path_of(written)).suffix.lower() in _SUFFIXES


def _path_of(written: str) -> str:
    """The path in an address: of a file that Label Studio serves, of a bucket, of a web site, or simply a path."""
    if len(written) > 1 and written[1] == ":":  # a drive of Windows, which is no scheme
        return written
    address = urlsplit(written)
    query = parse_qs(address.query)
    if address.path.rstrip("/").endswith("local-files") and "d" in query:
        return query["d"][-1]
    if "fileuri" in query:
        try:
            return _path_of(base64.b64decode(query["fileuri"][-1], validate=True).decode())
        except (binascii.Error, UnicodeDecodeError):
            return unquote(address.path)
    return unquote(address.path) if address.scheme or address.netloc else written.partition("?")[0]


def _file_names(written: str) -> tuple[str, ...]:
    """What the file may be called, below a folder: with all its own folders, and with ever fewer of them.

    Label Studio puts digits before the names of uploaded files; it is also looked for without them.
    """
    parts = [part for part in _path_of(written).replace("\\", "/").split("/") if part]
    if parts[:1] == ["data"] and "upload" in parts[1:2]:
        parts = parts[1:]
    if parts[:1] == ["upload"] and len(parts) > 1:  # upload/<number of the project>/<file>
        parts = parts[2:] if parts[1].isdecimal() and len(parts) > 2 else parts[1:]
    if len(parts) > 1 and parts[0].endswith(":"):
        parts = parts[1:]
    names = ["/".join(parts[start:]) for start in range(len(parts))]
    prefix, hyphen, name = parts[-1].partition("-") if parts else ("", "", "")
    is_uploaded = len(prefix) == _N_PREFIX and hyphen and set(prefix) <= set("0123456789abcdef")
    return (*names, name) if is_uploaded and name else tuple(names) or ("",)
