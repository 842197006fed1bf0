"""Frames out of a video file: each with its index, its time and its pixels."""

import math
import sys
from collections.abc import Callable, Collection, Container, Generator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Self

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from poetlab.errors import VideoError
from poetlab.video.decoding import Decoding, Tally, open_container, video_stream
from poetlab.video.planar import planar_colors, planar_image

_MISSING_SECONDS = 1.0
"""How much earlier than promised a video may end before that is worth a word: sound often runs on."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One decoded frame.

    Attributes:
        index: Its place among the decoded frames in presentation order, from 0.
        time: Seconds since the first frame, from the presentation stamps; always later than the frame before.
        image: (height, width, 3) uint8 RGB, turned as a player shows it; where planar images were asked for, one of
            those (`poetlab.video.planar`).
    """

    index: int
    time: float
    image: np.ndarray


class VideoFile:
    """A video to iterate over. Each iteration starts at the first frame and holds few frames at a time.

    Pixels are as stored, which players stretch where they are not square. A rotation that the file asks for
    is applied, rounded to a quarter turn. Damaged packets are skipped; `problems` says so afterwards.

    Attributes:
        path: The file.
        size: (height, width) of every frame in pixels.
        colors: What the numbers of planar images mean.
        fps: Average frames per second by the header; NaN if unknown.
        n_frames_estimate: Number of frames by the header, which may be wrong; None if unknown.
        duration: Seconds by the header; NaN if unknown.
        problems: What was wrong with the part that was read, one sentence each; complete when an iteration has ended.

    Raises:
        VideoError: If the file is missing, empty, cut off before its index, no video, or has no decodable frame.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.problems: tuple[str, ...] = ()
        self._iterations = ExitStack()
        self._read_header()
        self._read_first_frame()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._iterations.close()

    def __iter__(self) -> Generator[Frame]:
        return self.frames()

    def frames(self, start: int = 0, stop: int | None = None, stride: int = 1) -> Generator[Frame]:
        """Some of the frames, with the index and the time that they have among all.

        Every frame before `stop` is decoded, because which one is the n-th decodable cannot be told otherwise; those
        that are not asked for cost no more than that.

        Args:
            start: The first.
            stop: The first that is not given any more; None for the end of the video.
            stride: Every how many-th.
        """
        return self._kept(self._frames(range(start, sys.maxsize, stride), stop, self._rgb_image))

    def thumbnails(self, long_side: int, stride: int = 1) -> Generator[Frame]:
        """The same frames, made so small that they cost little more than decoding.

        Args:
            long_side: Pixels of the longer side; small frames are not enlarged.
            stride: Every how many-th.
        """
        scale = min(1.0, long_side / max(self._stored_size))
        height, width = (max(1, round(side * scale)) for side in self._stored_size)

        def shrink(frame: av.VideoFrame, converter: VideoReformatter) -> np.ndarray:
            return self._turned(
                converter.reformat(frame, width=width, height=height, format="rgb24", interpolation=Interpolation.AREA)
            )

        return self._kept(self._frames(range(0, sys.maxsize, stride), None, shrink))

    def planar_frames(self, start: int = 0, stop: int | None = None, stride: int = 1) -> Generator[Frame]:
        """The same frames with planar images, which most videos give without any conversion of colors."""
        return self._kept(self._frames(range(start, sys.maxsize, stride), stop, self._planar_image))

    def pick(self, indices: Collection[int]) -> Generator[Frame]:
        """The frames with these numbers, in ascending order; every frame before the last of them is decoded.

        Args:
            indices: The numbers, in any order; one beyond the end of the video is passed over.
        """
        return self._kept(self._frames(frozenset(indices), max(indices, default=-1) + 1, self._rgb_image))

    def _kept(self, iteration: Generator[Frame]) -> Generator[Frame]:
        """The same iteration, which ends when the video is closed."""
        self._iterations.callback(iteration.close)
        return iteration

    def _frames(
        self,
        wanted: Container[int],
        stop: int | None,
        to_image: Callable[[av.VideoFrame, VideoReformatter], np.ndarray],
    ) -> Generator[Frame]:
        decoding = Decoding(self.path)
        converter = VideoReformatter()
        clock = _Clock(self._time_base, 0.0 if math.isnan(self.fps) else 1 / self.fps)
        n_resized = 0
        with closing(iter(decoding)) as frames:
            for index, frame in enumerate(islice(frames, stop)):
                n_resized += (frame.height, frame.width) != self._stored_size
                time = clock.time_of(frame.dts if self._has_decoding_stamps_only else frame.pts)
                if index in wanted:
                    yield Frame(index, time, to_image(frame, converter))
        reached_end = stop is None or decoding.tally.n_frames < stop
        self.problems = (
            *_damage(decoding.tally, n_resized),
            *(self._missing(decoding.tally, clock.latest) if reached_end else ()),
        )

    def _rgb_image(self, frame: av.VideoFrame, converter: VideoReformatter) -> np.ndarray:
        height, width = self._stored_size
        return self._turned(converter.reformat(frame, width=width, height=height, format="rgb24"))

    def _turned(self, frame: av.VideoFrame) -> np.ndarray:
        """The pixels of an RGB frame, turned as a player shows it."""
        return np.ascontiguousarray(np.rot90(frame.to_ndarray(), self._quarter_turns))

    def _planar_image(self, frame: av.VideoFrame, converter: VideoReformatter) -> np.ndarray:
        return planar_image(frame, self._stored_size, self.colors, self._quarter_turns, converter)

    def _read_header(self) -> None:
        with open_container(self.path) as container:
            stream = video_stream(container, self.path)
            rate = stream.average_rate or stream.guessed_rate
            self.fps = float(rate) if rate else float("nan")
            self.duration = container.duration / av.time_base if container.duration else float("nan")
            self._n_frames_promised = stream.frames
            self._time_base = stream.time_base or Fraction(1, 1)
            # FFmpeg's guess at presentation stamps is wrong for AVI files with reordered frames.
            self._has_decoding_stamps_only = container.format.name == "avi"
        self.n_frames_estimate: int | None = self._n_frames_promised or None
        if not self.n_frames_estimate and self.fps * self.duration > 0:
            self.n_frames_estimate = round(self.fps * self.duration)

    def _read_first_frame(self) -> None:
        with closing(iter(Decoding(self.path))) as frames:
            frame = next(frames, None)
        if frame is None:
            raise VideoError(f"{self.path}: no frame of this video can be decoded; copy or record it again")
        self._stored_size = (frame.height, frame.width)
        self.colors = planar_colors(frame)
        self._quarter_turns = round(frame.rotation / 90) % 4
        self.size = self._stored_size if self._quarter_turns % 2 == 0 else self._stored_size[::-1]

    def _missing(self, tally: Tally, end: float) -> Generator[str]:
        if tally.n_frames + tally.n_hidden < self._n_frames_promised:
            yield f"the file announces {self._n_frames_promised} frames, but only {tally.n_frames} could be decoded"
        elif not self._n_frames_promised and end + _MISSING_SECONDS < self.duration:
            yield f"the file announces {self.duration:.1f} s, but its last decodable frame is at {end:.1f} s"


def open_video(path: str | Path) -> VideoFile:
    """Open a video, to be used in a `with` statement and iterated over.

    Raises:
        VideoError: If the file is missing, empty, cut off before its index, no video, or has no decodable frame.
    """
    return VideoFile(path)


def _damage(tally: Tally, n_resized: int) -> Generator[str]:
    if tally.n_undecodable:
        yield f"damaged packets that could not be decoded and were skipped: {tally.n_undecodable}"
    if tally.n_damaged:
        yield f"damaged frames that could be decoded only in part: {tally.n_damaged}"
    if tally.n_read_errors:
        yield "parts of the file could not be read"
    if n_resized:
        yield f"frames of another size than the first, scaled to it: {n_resized}"


class _Clock:
    """Seconds since the first frame, later with each frame even where stamps are missing or run backwards."""

    def __init__(self, time_base: Fraction, period: float) -> None:
        self.latest = -period
        self._time_base = time_base
        self._period = period
        self._origin: int | None = None
        self._offset = 0.0

    def time_of(self, stamp: int | None) -> float:
        """The time of the next frame, whose stamp counts units of the time base."""
        expected = self.latest + self._period
        if stamp is None:
            self.latest = expected
            return expected
        if self._origin is None:
            self._origin, self._offset = stamp, expected
        time = self._offset + float((stamp - self._origin) * self._time_base)
        self.latest = time if time > self.latest else expected
        return self.latest
