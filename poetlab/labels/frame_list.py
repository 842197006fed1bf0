"""Which frames of which videos the user means: numbers, or a table of videos and frames."""

import csv
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from poetlab.errors import LabelError
from poetlab.labels.frame_names import names_of_video

_NUMBERS = re.compile(r"\d{1,9}(,\d{1,9})*")
_COLUMNS = ("video", "frame")


class FrameList:
    """Frames by video.

    Args:
        source: Where they are from, for messages.
        frames: Name of a video -> numbers of frames; the name None stands for every video.
    """

    def __init__(self, source: str, frames: Mapping[str | None, Iterable[int]]) -> None:
        self._source = source
        self._frames = {video: sorted(set(numbers)) for video, numbers in frames.items()}

    def of(self, video: Path) -> list[int]:
        """The frames of a video, rising; none if it is not listed.

        A video is listed under its name, or with the last of its folders before it: `day1/cam.mp4`, `day1-cam.mp4`.
        """
        names = {None, *names_of_video(video)}
        return sorted({number for name, numbers in self._frames.items() if name in names for number in numbers})

    def check_all_used(self, videos: Iterable[Path]) -> None:
        """Make sure that each listed video is one of these, and only one.

        Raises:
            LabelError: If it is none or several of them.
        """
        videos = list(videos)
        for listed in self._frames:
            found = [video for video in videos if listed is None or listed in names_of_video(video)]
            if listed is not None and len(found) > 1:
                both = " and ".join(map(str, found[:2]))
                raise LabelError(f"{self._source}: '{listed}' may be {both}; give the results of one of them at a time")
            if not found:
                raise LabelError(
                    f"{self._source}: lists frames of '{listed}', but none of the results is of that video"
                )


def read_frame_list(text: str | Path) -> FrameList:
    """Read frames: numbers as in `12,340`, or a CSV file with the columns `video` and `frame` among others.

    Raises:
        LabelError: If it is neither.
    """
    if _NUMBERS.fullmatch(str(text)):
        return FrameList(f"--frames {text}", {None: map(int, str(text).split(","))})
    path = Path(text)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return FrameList(str(path), _read_rows(path, csv.DictReader(file, strict=True)))
    except FileNotFoundError as error:
        raise LabelError(
            f"--frames '{text}' is neither numbers, such as 12,340, nor a CSV file with the columns video,frame"
        ) from error
    except OSError as error:
        raise LabelError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise LabelError(f"{path}: not a CSV file ({error}); give one with the columns video,frame") from error


def _read_rows(path: Path, rows: "csv.DictReader[str]") -> dict[str | None, list[int]]:
    if missing := [column for column in _COLUMNS if column not in (rows.fieldnames or ())]:
        raise LabelError(f"{path}: has no column '{missing[0]}'; its first line must name video and frame")
    frames: dict[str | None, list[int]] = {}
    for row in rows:
        video, frame = ((row[column] or "").strip() for column in _COLUMNS)
        if not video or not _NUMBERS.fullmatch(frame) or "," in frame:
            raise LabelError(f"{path}, line {rows.line_num}: '{video},{frame}' is no video and frame; correct it")
        frames.setdefault(video.replace("\\", "/"), []).append(int(frame))
    if not frames:
        raise LabelError(f"{path}: lists no frame")
    return frames
