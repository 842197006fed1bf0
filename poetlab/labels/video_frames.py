"""Images that are frames of a video: the video is found and measured when labels are checked, the frames made later."""

import os
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from poetlab.errors import LabelError
from poetlab.labels.image_files import ImageFile, save_png
from poetlab.video.reading import Frame, VideoFile, open_video


class SourceVideo:
    """A video that labels refer to.

    Attributes:
        written: Its path as the labels have it.
        path: Where it lies; None until `locate` has found it.
    """

    def __init__(self, written: str) -> None:
        self.written = written.replace("\\", "/")
        self.path: Path | None = None
        self._video: VideoFile | None = None
        self._wanted: set[int] = set()
        self._last_wanted = -1
        self._frames: Generator[Frame] | None = None
        self._latest = -1

    def frame(self, index: int) -> "VideoFrame":
        """The frame with this number, counted from 0, as an image to import."""
        self._wanted.add(index)
        self._last_wanted = max(index, self._last_wanted)
        return VideoFrame(self, index)

    def locate(self, folders: Iterable[Path], *, as_written: bool) -> None:
        """Look for the file: where the labels say, then below each folder with ever fewer of its own folders.

        Args:
            folders: Where it may lie, first choice first.
            as_written: Whether to look first at the path that the labels have, from the first folder on.
        """
        parts = [part for part in PurePosixPath(self.written).parts if part not in ("/", "..")]
        names = [PurePosixPath(*parts[start:]) for start in range(len(parts))]
        folders = tuple(folders)
        written = [folders[0] / self.written] if as_written else []
        places = [*written, *(folder / name for name in names for folder in folders)]
        self.path = next((place for place in places if os.path.isfile(place)), None)  # noqa: PTH113  does not raise

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of its frames in pixels.

        Raises:
            VideoError: If it cannot be opened.
        """
        return self._opened().size

    def write(self, index: int, path: Path) -> None:
        """Write a frame as PNG. The video is decoded once if its frames are asked for in their order.

        Raises:
            LabelError: If it has no such frame, or if damage makes it unsure which frame is which.
            VideoError: If it cannot be opened.
        """
        if self._frames is None or index <= self._latest:
            self._frames = self._opened().pick(self._wanted)
        frame = next((frame for frame in self._frames if frame.index == index), None)
        self._latest = index
        if frame is None or index == self._last_wanted:
            next(self._frames, None)  # lets the iteration end, so that the video knows its problems
            self._refuse_damaged()
        if frame is None:
            raise LabelError(f"{self.path}: has no frame {index}, which the labels are of; is it the right video?")
        save_png(frame.image, path)

    def _opened(self) -> VideoFile:
        if self.path is None:
            raise LabelError(f"the video {self.written} has not been found; give the folder that holds it")
        if self._video is None:
            self._video = open_video(self.path)
        return self._video

    def _refuse_damaged(self) -> None:
        if problems := self._opened().problems:
            reason = f"{problems[0]}, so which frame is which is not sure"
            raise LabelError(f"{self.path}: {reason}; repair the video, or give the labeled frames as images")


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """One frame of a video as an image to import; an `ImageOrigin`.

    Attributes:
        video: The video.
        index: The number of the frame, counted from 0.
    """

    video: SourceVideo
    index: int

    def inspect(self) -> ImageFile:
        """The size of the video's frames."""
        return ImageFile(self.video.size)

    def write(self, path: Path) -> None:
        """Write the frame as PNG."""
        self.video.write(self.index, path)


def locate_videos(origins: Iterable[object], folders: tuple[Path, ...], *, as_written: bool) -> None:
    """Find the files of the videos that images are frames of.

    Args:
        origins: Where images come from; those that are no `VideoFrame` are passed over.
        folders: Where they may lie, first choice first.
        as_written: Whether to look first where the labels say that they lie.

    Raises:
        LabelError: If some are nowhere (all are named), or if two are found as the same file.
    """
    found: dict[Path, SourceVideo] = {}
    missing = []
    for video in dict.fromkeys(origin.video for origin in origins if isinstance(origin, VideoFrame)):
        video.locate(folders, as_written=as_written)
        if video.path is None:
            missing.append(video.written)
        elif (other := found.setdefault(video.path.resolve(), video)) is not video:
            both = f"{other.written} and {video.written}"
            raise LabelError(f"the videos {both} are both found as {video.path}; keep each in a folder as it was")
    if missing:
        places = " or ".join(map(str, folders))
        raise LabelError(
            f"the labeled videos {', '.join(missing)} are not in {places}; give their folder with --images"
        )


def distinct_names(paths: Iterable[str]) -> list[PurePosixPath]:
    """The shortest ends of paths that tell them apart, without regard to suffixes: `b/1.mp4` beside `a/1.mp4`."""
    split = [[part for part in PurePosixPath(path).parts if part not in ("/", "..")] or ["video"] for path in paths]
    for n_parts in range(1, max(map(len, split), default=0) + 1):
        names = [PurePosixPath(*parts[-n_parts:]) for parts in split]
        if len({name.with_suffix("") for name in names}) == len(names):
            return names
    return [PurePosixPath(f"{number}", parts[-1]) for number, parts in enumerate(split)]
