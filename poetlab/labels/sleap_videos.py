"""The videos of a SLEAP project: video files, lists of images, and frames inside of the project itself."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from posixpath import commonpath
from typing import Any

import h5py
import numpy as np
from PIL import Image

from poetlab.errors import LabelError
from poetlab.labels.image_files import ImageFile, inspect_image_bytes, save_png
from poetlab.labels.source_labels import SourceImage
from poetlab.labels.video_frames import SourceVideo, distinct_names

OWN_MARK = "poetlab_images"
"""What the provenance of a project has that poetlab has written of images: SLEAP keeps it."""

_INSIDE = "."
"""What SLEAP calls the file of a video that is inside of the project."""

_RAW = "hdf5"
_IMAGE_FORMATS = (_RAW, "png", "jpg", "jpeg")
_UNREAD = (".h5", ".hdf5", ".slp", ".tif", ".tiff", ".seq")
_SAYS_ORDER = 1.4
"""The format from which on a project says in which order its colors are; it was OpenCV's before."""


@dataclass(frozen=True)
class EmbeddedFrame:
    """One frame inside of a project as an image to import; an `ImageOrigin`.

    Attributes:
        path: The project.
        dataset: The dataset of its video's frames.
        row: Which of them it is.
        is_raw: Whether it is an array (height, width, colors), and not the bytes of an image file.
        is_swapped: Whether blue is where red should be, because OpenCV wrote RGB as BGR.
        axes_first: Whether an array is (colors, width, height).
    """

    path: Path
    dataset: str
    row: int
    is_raw: bool
    is_swapped: bool
    axes_first: bool

    def inspect(self) -> ImageFile:
        """The size of the image and whether it is whole."""
        if self.is_raw:
            return ImageFile(self._pixels().shape[:2])
        return inspect_image_bytes(BytesIO(self._bytes()))

    def write(self, path: Path) -> None:
        """Write the bytes as they are, or the same pixels as PNG if they are no image file or have wrong colors."""
        if self.is_raw or self.is_swapped:
            save_png(self._pixels(), path)
        else:
            path.write_bytes(self._bytes())

    def _bytes(self) -> bytes:
        """The image file, without the zeros that fill it up to the length of the longest."""
        return self._content().tobytes().rstrip(b"\0")

    def _pixels(self) -> np.ndarray:
        if self.is_raw:
            pixels = self._content().T if self.axes_first else self._content()
            if pixels.dtype != np.uint8:
                raise LabelError(f"{self.dataset}: has pixels of the type {pixels.dtype}; save it with 8 bits a color")
        else:
            with Image.open(BytesIO(self._bytes())) as image:
                pixels = np.asarray(image)
        return pixels[..., ::-1] if pixels.ndim == 3 and self.is_swapped else pixels

    def _content(self) -> np.ndarray:
        with h5py.File(self.path, "r") as file:
            return np.asarray(file[self.dataset][self.row])


@dataclass(frozen=True)
class SleapVideo:
    """A video of a project.

    Attributes:
        name: Its name, distinct within the project.
        number: What the table of frames calls it where that is not its place in the list of videos.
        image: The frame with a number as an image, or None where the project does not have it; raises a LabelError if
            it is of a kind that cannot be read.
        folders: Where its images lie by the project's account, if it is a list of images.
    """

    name: PurePosixPath
    number: int
    image: Callable[[int], SourceImage | None]
    folders: tuple[Path, ...] = ()


def read_videos(file: h5py.File, path: Path) -> list[SleapVideo]:
    """Read what a project says about its videos; none is opened.

    Args:
        file: The open project.
        path: Its path.

    Raises:
        LabelError: If the videos are cropped, or if frames inside of the project are of no known format.
    """
    if "video_crops" in file and len(file["video_crops"]):
        raise LabelError("its videos are cropped by SLEAP, which is not supported; save the cropped videos as files")
    entries = [json.loads(entry) for entry in file["videos_json"][:]]
    is_own = OWN_MARK in (json.loads(file["metadata"].attrs["json"]).get("provenance") or {})
    keys = [(_written(file, entry), entry["backend"].get("dataset") or "") for entry in entries]
    unique = list(dict.fromkeys(keys))
    names = dict(zip(unique, distinct_names(written for written, _ in unique), strict=True))
    sources = {key: SourceVideo(key[0]) for key in unique}
    videos = []
    for number, (entry, key) in enumerate(zip(entries, keys, strict=True)):
        backend, name = entry["backend"], names[key]
        if _is_inside(entry):
            videos.append(_embedded(file, path, backend, name))
        elif "filenames" in backend:
            videos.append(_image_list(path, backend["filenames"], name, number, is_own=is_own))
        else:
            videos.append(_video_file(sources[key], _size(backend), name, number))
    return videos


def videos_by_number(videos: list[SleapVideo], used: Iterable[int]) -> dict[int, SleapVideo]:
    """The videos by the numbers that the table of frames has.

    Those are places in the list of videos, except in some packages: there they are the numbers in the names of
    the videos' groups, which may have gaps.
    """
    places = set(range(len(videos)))
    return {place if set(used) == places else video.number: video for place, video in enumerate(videos)}


def _is_inside(entry: dict[str, Any]) -> bool:
    return bool(entry["backend"].get("filename", entry.get("filename")) == _INSIDE)


def _written(file: h5py.File, entry: dict[str, Any]) -> str:
    """The path of a video file, of the folder of a list of images, or of the video that embedded frames are from."""
    backend = entry["backend"]
    if _is_inside(entry):
        group = file[backend["dataset"]].parent
        source = next((group[key] for key in ("source_video", "original_video") if key in group), None)
        origin = source and json.loads(source["json"][()] if "json" in source else source.attrs["json"])
        while origin and origin.get("source_video"):  # a package that was made of a package
            origin = origin["source_video"]
        return str(group.name) if not origin or _is_inside(origin) else _written(file, origin)
    if "filenames" in backend:
        return commonpath([str(PurePosixPath(_slashes(name)).parent) for name in backend["filenames"]])
    return _slashes(backend.get("filename", entry.get("filename")))


def _slashes(name: str) -> str:
    return name.replace("\\", "/")


def _size(backend: dict[str, Any]) -> tuple[int, int] | None:
    """(height, width) as the project has it."""
    _, height, width, _ = backend.get("shape") or (0, 0, 0, 0)
    return (int(height), int(width)) if height and width else None


def _video_file(source: SourceVideo, size: tuple[int, int] | None, name: PurePosixPath, number: int) -> SleapVideo:
    def image(index: int) -> SourceImage:
        if PurePosixPath(source.written).suffix.lower() in _UNREAD:
            what = f"the frames of {source.written} cannot be read"
            raise LabelError(f"{what}; save the project as .pkg.slp, which holds the labeled frames itself")
        return SourceImage(_frame_name(name, index), size, origin=source.frame(index), video=str(name), frame=index)

    return SleapVideo(name, number, image)


def _image_list(path: Path, files: list[str], name: PurePosixPath, number: int, *, is_own: bool) -> SleapVideo:
    """A list of images as a video, unless poetlab has made that list of images that may be of any video."""
    files = [_slashes(file) for file in files]
    common = commonpath([str(PurePosixPath(file).parent) for file in files])

    def image(index: int) -> SourceImage | None:
        if index >= len(files):
            return None
        file_name = str(name / PurePosixPath(files[index]).relative_to(common or "."))
        return SourceImage(file_name) if is_own else SourceImage(file_name, video=str(name), frame=index)

    parents = (path.parent / common).parents
    folders = (parents[len(name.parts) - 1],) if common and len(parents) >= len(name.parts) else ()
    return SleapVideo(name, number, image, folders=folders)


def _embedded(file: h5py.File, path: Path, backend: dict[str, Any], name: PurePosixPath) -> SleapVideo:
    dataset = backend["dataset"]
    frames = file[dataset]
    image_format = str(frames.attrs.get("format", _RAW))
    if image_format not in _IMAGE_FORMATS:
        raise LabelError(f"its frames in {dataset} are of the format {image_format}; save it with PNG frames")
    order = "RGB" if float(file["metadata"].attrs["format_id"]) >= _SAYS_ORDER else "BGR"
    is_raw = image_format == _RAW
    is_swapped = not is_raw and frames.attrs.get("channel_order", order) == "BGR"
    numbers = frames.parent["frame_numbers"][:].tolist() if "frame_numbers" in frames.parent else range(len(frames))
    rows = {int(number): row for row, number in enumerate(numbers)}
    suffix = ".png" if is_raw or is_swapped else f".{image_format}"
    axes_first = backend.get("input_format") == "channels_first"

    def image(index: int) -> SourceImage | None:
        if index not in rows:
            return None
        origin = EmbeddedFrame(path, dataset, rows[index], is_raw, is_swapped, axes_first)
        return SourceImage(_frame_name(name, index, suffix), origin=origin, video=str(name), frame=index)

    digits = "".join(filter(str.isdigit, PurePosixPath(dataset).parts[0]))
    return SleapVideo(name, int(digits or 0), image)


def _frame_name(name: PurePosixPath, index: int, suffix: str = ".png") -> str:
    return str(name.with_suffix("") / f"frame_{index:06d}{suffix}")
