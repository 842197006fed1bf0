"""Frames out of a video container, past whatever is damaged in it."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from poetlab.errors import VideoError

_MAX_READ_ERRORS = 10
"""Reading errors in a row after which a file is taken to have ended."""


@dataclass
class Tally:
    """What happened while a video was decoded.

    Attributes:
        n_packets: Compressed frames found, without those that the file itself says are not to be shown.
        n_hidden: Compressed frames that the file says are not to be shown.
        n_frames: Frames decoded.
        n_damaged: Of these, frames that the decoder had to complete by guessing.
        n_undecodable: Compressed frames that could not be decoded.
        n_read_errors: Attempts to read from the file that failed.
    """

    n_packets: int = 0
    n_hidden: int = 0
    n_frames: int = 0
    n_damaged: int = 0
    n_undecodable: int = 0
    n_read_errors: int = 0


def open_container(path: Path) -> InputContainer:
    """Open a file and say in one line why it is no video where it is none.

    Raises:
        VideoError: If the file is missing, empty, cut off or no video.
    """
    if not path.is_file():
        raise VideoError(f"{path}: {'a folder, not a video file' if path.is_dir() else 'no such file'}; check the path")
    if path.stat().st_size == 0:
        raise VideoError(f"{path}: the file is empty; copy it again from where it was recorded")
    try:
        # An absolute path, because FFmpeg takes `cam1:2.mp4` for an address.
        return av.open(str(path.absolute()))
    except (av.FFmpegError, OSError) as error:
        raise VideoError(f"{path}: {_why_unreadable(path, error)}") from error


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """The stream of a container that a player would show.

    Raises:
        VideoError: If there is none, or none that can be decoded here.
    """
    stream = container.streams.best("video")
    if not isinstance(stream, VideoStream):
        raise VideoError(f"{path}: there is no video in this file, only sound or data; choose another file")
    # Typed as always there, but None where FFmpeg knows no decoder.
    if getattr(stream, "codec_context", None) is None:
        raise VideoError(f"{path}: its video format is not known here; convert it to H.264 in mp4")
    return stream


class Decoding:
    """Every decodable frame of a video in presentation order.

    Several frames are decoded at once. After a damaged packet near the end this can lose the frames that
    are still under way, because the decoder cannot be asked for them again. The file is then decoded a
    second time, one frame after the other, for the rest.

    Attributes:
        path: The file.
        tally: What happened so far.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tally = Tally()

    def __iter__(self) -> Generator[av.VideoFrame]:
        """Decode from the start.

        Raises:
            VideoError: If the file cannot be opened.
        """
        yield from self._decode("AUTO")
        n_found = self.tally.n_frames
        if n_found + self.tally.n_undecodable < self.tally.n_packets:
            yield from islice(self._decode("SLICE"), n_found, None)

    def _decode(self, threads: Literal["AUTO", "SLICE"]) -> Iterator[av.VideoFrame]:
        tally = self.tally = Tally()
        with open_container(self.path) as container:
            stream = video_stream(container, self.path)
            stream.codec_context.thread_type = threads
            for packet in _packets(container, stream, tally):
                try:
                    frames = stream.codec_context.decode(packet)
                except av.FFmpegError:
                    tally.n_undecodable += 1
                    continue
                for frame in frames:
                    tally.n_frames += 1
                    tally.n_damaged += frame.is_corrupt
                    yield frame


def _packets(container: InputContainer, stream: VideoStream, tally: Tally) -> Iterator["av.Packet[VideoStream] | None"]:
    """The compressed frames of a stream, then None, which tells the decoder to hand out what it holds."""
    errors_in_a_row = 0
    while errors_in_a_row < _MAX_READ_ERRORS:
        try:
            for packet in container.demux(stream):
                if packet.size == 0:
                    continue
                errors_in_a_row = 0
                tally.n_hidden += packet.is_discard
                tally.n_packets += not packet.is_discard
                yield packet
            break
        except av.FFmpegError:
            errors_in_a_row += 1
            tally.n_read_errors += 1
    yield None


def _why_unreadable(path: Path, error: Exception) -> str:
    if isinstance(error, PermissionError):
        return "not allowed to read this file; change its permissions"
    with path.open("rb") as file:
        is_mp4 = file.read(12)[4:8] == b"ftyp"
    if is_mp4:
        return "the file is cut off: its index, which is written last, is missing; copy or record it again"
    return "not a video that can be read; check that this is the right file and that it was copied whole"
