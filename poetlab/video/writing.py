"""Images into an H.264 video that any player shows."""

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.video.reformatter import Colorspace, VideoReformatter

from poetlab.errors import VideoError

DEFAULT_FPS = 30.0
_QUALITY = {"crf": "19", "preset": "veryfast"}
_BT709 = 1
_LIMITED_RANGE = 1


class VideoWriter:
    """Writes an mp4 file, which appears under its name only when complete.

    Args:
        path: The file to write; its folder must exist.
        size: (height, width) of the images. Odd sizes are padded by one row or column, because H.264 as
            players know it has even ones.
        fps: Frames per second; NaN is taken as 30.

    Raises:
        VideoError: If the folder is missing, no image was written, or writing fails.
    """

    def __init__(self, path: str | Path, size: tuple[int, int], fps: float) -> None:
        self.path = Path(path)
        self.size = size
        self._partial = self.path.with_name(self.path.name + ".partial")
        self._n_written = 0
        self._converter = VideoReformatter()  # one for all frames, because making its tables takes time
        if not self.path.parent.is_dir():
            raise VideoError(f"{self.path}: the folder {self.path.parent} does not exist; create it first")
        with self._telling_errors():
            self._container = av.open(str(self._partial.absolute()), "w", format="mp4")
            self._stream = self._container.add_stream("libx264", rate=_as_fraction(fps), options=_QUALITY)
        height, width = size
        self._stream.height, self._stream.width = height + height % 2, width + width % 2
        self._stream.pix_fmt = "yuv420p"
        context = self._stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED_RANGE

    def __enter__(self) -> Self:
        return self

    def write(self, image: np.ndarray) -> None:
        """Append a (height, width, 3) uint8 RGB image.

        Raises:
            VideoError: If the image has another size or type, or if writing fails.
        """
        if image.shape != (*self.size, 3) or image.dtype != np.uint8:
            raise VideoError(
                f"{self.path}: expected a uint8 image of shape {(*self.size, 3)}, not {image.dtype} {image.shape}"
            )
        padding = ((0, self._stream.height - self.size[0]), (0, self._stream.width - self.size[1]), (0, 0))
        padded = np.pad(image, padding, mode="edge") if any(map(any, padding)) else np.ascontiguousarray(image)
        frame = av.VideoFrame.from_ndarray(padded, format="rgb24")
        with self._telling_errors():
            self._encode(self._converter.reformat(frame, format="yuv420p", dst_colorspace=Colorspace.ITU709))
        self._n_written += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if kind is None and self._n_written:
                self._complete()
            else:
                with suppress(av.FFmpegError):
                    self._container.close()
        finally:
            with suppress(OSError):
                self._partial.unlink(missing_ok=True)
        if kind is None and not self._n_written:
            raise VideoError(f"{self.path}: no frame was given to write; nothing is kept")

    def _complete(self) -> None:
        with self._telling_errors():
            self._encode(None)
            self._container.close()
            self._partial.replace(self.path)

    def _encode(self, frame: av.VideoFrame | None) -> None:
        for packet in self._stream.encode(frame):
            self._container.mux(packet)

    @contextmanager
    def _telling_errors(self) -> Iterator[None]:
        try:
            yield
        except (av.FFmpegError, OSError) as error:
            raise VideoError(f"{self.path}: writing the video failed ({error}); is the disk full?") from error


def _as_fraction(fps: float) -> Fraction:
    """Frames per second as FFmpeg wants them; 29.97002997 becomes 30000/1001."""
    return Fraction(fps if math.isfinite(fps) and fps > 0 else DEFAULT_FPS).limit_denominator(10_000)
