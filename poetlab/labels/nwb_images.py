"""Which image a training frame of NWB is of: a frame of a video, one of a list of files, or a picture in the file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import h5py
import numpy as np

from poetlab.errors import LabelError
from poetlab.labels.image_files import ImageFile, save_png
from poetlab.labels.nwb_file import child, read_array, read_texts
from poetlab.labels.source_labels import SourceImage
from poetlab.labels.video_frames import SourceVideo, distinct_names

_IMAGES = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}

_MAX_PIXELS = 2**28


@dataclass(frozen=True, slots=True)
class NwbPicture:
    """A picture inside of a file as an image to import; an `ImageOrigin`. Its first axis is its rows.

    Attributes:
        path: The file.
        dataset: The array that holds it.
        row: Which of the array's pictures it is; None if it is the only one.
    """

    path: Path
    dataset: str
    row: int | None = None

    def inspect(self) -> ImageFile:
        """The size of the picture."""
        with h5py.File(self.path, "r") as file:
            dataset = file[self.dataset]
            shape = dataset.shape if self.row is None else dataset.shape[1:]
            is_picture = len(shape) == 2 or (len(shape) == 3 and shape[2] in (3, 4))
            if dataset.dtype != np.uint8 or not is_picture or shape[0] * shape[1] > _MAX_PIXELS:
                return ImageFile((0, 0), "picture that has not 8 bits a color, is too large, or is no picture")
        return ImageFile((int(shape[0]), int(shape[1])))

    def write(self, path: Path) -> None:
        """Write the picture as PNG, without any transparency."""
        with h5py.File(self.path, "r") as file:
            dataset = file[self.dataset]
            pixels = np.asarray(dataset[() if self.row is None else self.row])
        save_png(pixels[..., :3] if pixels.ndim == 3 else pixels, path)


class NwbImages:
    """The images of all training frames.

    Args:
        path: The NWB file.
        series: The image series that the frames are of.

    Attributes:
        folders: Where files of images lie by the file's account.
    """

    def __init__(self, path: Path, series: Sequence[Any]) -> None:
        self._path = path
        self._files = {
            one.name: [name.replace("\\", "/") for name in read_texts(one, "external_file")] for one in series
        }
        written = list(dict.fromkeys(file for files in self._files.values() for file in files))
        self._names = dict(zip(written, distinct_names(written), strict=True))
        self._videos = {file: SourceVideo(file) for file in written}
        parents = (
            PurePosixPath(file).parents[len(name.parts) - 1 :] for file, name in self._names.items() if _is_image(file)
        )
        self.folders = tuple(dict.fromkeys(path.parent / folders[0] for folders in parents if folders))

    def picture(self, image: Any) -> SourceImage:
        """The image of a picture inside of the file.

        Raises:
            LabelError: If it is none, or lies in another file.
        """
        if not isinstance(image, h5py.Dataset) or image.external or image.is_virtual:
            raise LabelError(f"{image.name}: is no picture inside of this file; save all in one file")
        return SourceImage(f"{image.name.strip('/')}.png", origin=NwbPicture(self._path, image.name))

    def frame(self, series: Any, index: int) -> SourceImage:
        """The image of a frame of a series.

        Raises:
            LabelError: If the series has no such frame.
        """
        files = self._files[series.name]
        if not files:
            return self._inner_frame(series, index)
        starts = child(series, "external_file").attrs.get("starting_frame", [0])
        place = max((n for n, start in enumerate(starts) if start <= index and n < len(files)), default=None)
        if place is None or len(starts) < len(files):
            raise LabelError(f"{series.name}: does not say which of its files has the frame {index}; save it again")
        file, local = files[place], index - int(starts[place])
        if not _is_image(file):
            name = self._names[file]
            file_name = str(name.with_suffix("") / f"frame_{local:06d}.png")
            return SourceImage(file_name, origin=self._videos[file].frame(local), video=str(name), frame=local)
        if local:
            raise LabelError(f"{series.name}: lists no image for the frame {index}; save it again")
        return SourceImage(str(self._names[file]), video=series.name.rpartition("/")[2], frame=index)

    def _inner_frame(self, series: Any, index: int) -> SourceImage:
        data = child(series, "data")
        if not isinstance(data, h5py.Dataset) or data.external or data.is_virtual or index >= len(data):
            raise LabelError(f"{series.name}: has neither a frame {index} nor a video file; save it again")
        size = read_array(series, "dimension")
        width_first = size is not None and data.shape[1:3] == tuple(size.tolist()) and size[0] != size[1]
        if width_first:
            raise LabelError(f"{series.name}: holds its frames turned (width before height); save them rows first")
        name = series.name.rpartition("/")[2]
        origin = NwbPicture(self._path, data.name, index)
        return SourceImage(f"{name}/frame_{index:06d}.png", origin=origin, video=name, frame=index)


def _is_image(file: str) -> bool:
    return PurePosixPath(file).suffix.lower() in _IMAGES
