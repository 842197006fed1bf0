"""Names of image files that tell of which video and which frame an image is."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from poetlab.errors import LabelError
from poetlab.labels.video_frames import distinct_names

_NAME = re.compile(r"(?P<video>.+\.\w+)_frame_(?P<frame>[0-9]{6,12})\.\w+")


def frame_file_name(video: str, frame: int) -> str:
    """Where the image of a frame lies below a folder of images: `cam1/cam1.mp4_frame_000012.png`.

    The file's own name tells everything, because some labeling tools drop folders.

    Args:
        video: The video's name, without folders.
        frame: Its number, counted from 0.
    """
    return f"{PurePosixPath(video).stem}/{video}_frame_{frame:06d}.png"


def frame_of(file_name: str) -> tuple[str, int] | tuple[None, None]:
    """The video and the frame that a name by `frame_file_name` tells, in any folder; None of both for other names."""
    match = _NAME.fullmatch(PurePosixPath(file_name).name)
    return (match["video"], int(match["frame"])) if match else (None, None)


def video_names(paths: Sequence[Path]) -> list[str]:
    """Names that tell videos apart, without folders: `cam1.mp4`, or `day1-cam1.mp4` and `day2-cam1.mp4`.

    Raises:
        LabelError: If two would be called the same.
    """
    names = ["-".join(name.parts) for name in distinct_names(path.absolute().as_posix() for path in paths)]
    places: dict[str, Path] = {}
    for name, path in zip(names, paths, strict=True):
        if places.setdefault(PurePosixPath(name).stem, path) is not path:
            raise LabelError(f"{path}: would be called like {places[PurePosixPath(name).stem]}; rename one of them")
    return names


def names_of_video(path: Path) -> set[str]:
    """What labels may call a video: its name, perhaps after the last of its folders, as in `day1-cam1.mp4`."""
    parts = path.absolute().parts[1:]
    return {sign.join(parts[-n:]) for n in range(1, len(parts) + 1) for sign in "/-"} | {path.absolute().as_posix()}
