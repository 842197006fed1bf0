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
from av.video.reformatter import VideoReformatter

from poetlab.errors import VideoError
from poetlab.video.colors import PLAIN_COLORS, VideoColors
from poetlab.video.planar import padded_size, to_planar

DEFAULT_FPS = 30.0
QUALITY = {"crf": "19", "preset": "veryfast"}
"""What the encoder is told."""
_TICKS_PER_SECOND = 90_000
"""At least: so fine are the times of frames."""


class VideoWriter:
    """Writes an mp4 file, which appears under its name only when complete.

    Args:
        path: The file to write; its folder must exist.
        size: (height, width) of the images. Odd sizes are padded by one row or column, because H.264 as
            players know it has even ones.
        fps: Frames per second of images whose time is not given; NaN is taken as 30.
        colors: What the numbers of planar images mean, and how RGB ones are stored.
        steady: Whether all images are shown equally long. If not, they are encoded in the order in which they are
            shown, because mp4 counts its length in the order of decoding, which else falls short; files are larger.

    Raises:
        VideoError: If the folder is missing, no image was written, or writing fails.
    """

    def __init__(
        self,
        path: str | Path,
        size: tuple[int, int],
        fps: float,
        colors: VideoColors = PLAIN_COLORS,
        *,
        steady: bool = True,
    ) -> None:
        self.path = Path(path)
        self.size = size
        self._partial = self.path.with_name(self.path.name + ".partial")
        self._colors = colors
        self._next_tick = 0
        self._began: float | None = None
        self._converter = VideoReformatter()  # one for all frames, because making its tables takes time
        if not self.path.parent.is_dir():
            raise VideoError(f"{self.path}: the folder {self.path.parent} does not exist; create it first")
        rate = _as_fraction(fps)
        with self._telling_errors():
            self._container = av.open(str(self._partial.absolute()), "w", format="mp4")
            self._stream = self._container.add_stream("libx264", rate=rate, options=QUALITY)
        self._planar_size = self._stream.height, self._stream.width = padded_size(size)
        self._stream.pix_fmt = "yuv420p"
        context = self._stream.codec_context
        context.colorspace, context.color_range = colors.matrix, colors.range
        context.color_primaries, context.color_trc = colors.primaries, colors.transfer
        context.time_base = _time_base(rate)
        self._ticks_a_frame = int(1 / (rate * context.time_base))
        if not steady:
            context.max_b_frames = 0

    def __enter__(self) -> Self:
        return self

    def write(self, image: np.ndarray) -> None:
        """Append a (height, width, 3) uint8 RGB image, one frame after the last.

        Raises:
            VideoError: If the image has another size or type, or if writing fails.
        """
        self._check(image, (*self.size, 3))
        height, width = self._planar_size
        padding = ((0, height - self.size[0]), (0, width - self.size[1]), (0, 0))
        padded = np.pad(image, padding, mode="edge") if any(map(any, padding)) else np.ascontiguousarray(image)
        frame = av.VideoFrame.from_ndarray(padded, format="rgb24")
        self._append(to_planar(frame, self._planar_size, self._colors, self._converter), self._next_tick)

    def write_planar(self, image: np.ndarray, time: float) -> None:
        """Append a planar image (`poetlab.video.planar`).

        Args:
            image: (3 / 2 * height, width) contiguous uint8, of the padded size.
            time: Seconds at which it is shown, later than the one before; the video begins with the first one's.

        Raises:
            VideoError: If the image has another size or type, or if writing fails.
        """
        height, width = self._planar_size
        self._check(image, (height * 3 // 2, width))
        self._began = time if self._began is None else self._began
        tick = round((time - self._began) / self._stream.codec_context.time_base)
        self._append(av.VideoFrame.from_numpy_buffer(image, format="yuv420p"), tick)

    def _check(self, image: np.ndarray, shape: tuple[int, ...]) -> None:
        if image.shape != shape or image.dtype != np.uint8:
            raise VideoError(f"{self.path}: expected a uint8 image of shape {shape}, not {image.dtype} {image.shape}")

    def _append(self, frame: av.VideoFrame, tick: int) -> None:
        frame.pts, frame.duration = tick, self._ticks_a_frame
        frame.time_base = self._stream.codec_context.time_base
        with self._telling_errors():
            self._encode(frame)
        self._next_tick = tick + self._ticks_a_frame

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if kind is None and self._next_tick:
                self._complete()
            else:
                with suppress(av.FFmpegError):
                    self._container.close()
        finally:
            with suppress(OSError):
                self._partial.unlink(missing_ok=True)
        if kind is None and not self._next_tick:
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


def _time_base(rate: Fraction) -> Fraction:
    """A fine unit of time of which a frame lasts a whole number."""
    return Fraction(1, rate.numerator * -(-_TICKS_PER_SECOND // rate.numerator))
