"""A folder of frames to label: one folder of images a video, and a table of them."""

import csv
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from poetlab.errors import LabelError, VideoError
from poetlab.files import sync_folder, whole_file
from poetlab.labels.frame_names import frame_file_name
from poetlab.labels.image_files import save_png
from poetlab.results.locking import only_writer
from poetlab.video.reading import VideoFile

TABLE = "frames.csv"
_CHOSEN = "chosen.json"


class FrameFolder:
    """A folder of frames that appears under its name when it is whole; to be used in a `with` statement.

    Until then it is `<name>.partial` and stays however the work ends. The next run of the same work goes on with it:
    what has been chosen is not chosen again, and images that are there are not made again.

    Args:
        path: The folder to make; absent or empty. The folder that it lies in is made too.
        work: What decides the frames, as JSON can hold it.

    Raises:
        LabelError: If there is something already, or a stopped run has begun other work there.
        ResultsError: If another run is writing it.
    """

    def __init__(self, path: Path, work: Mapping[str, Any]) -> None:
        self.path = path
        self._partial = path.with_name(path.name + ".partial")
        self._work = json.loads(json.dumps(work))
        self._chosen: dict[str, list[int]] = {}

    def __enter__(self) -> Self:
        check_new_folder(self.path)
        with ExitStack() as stack, telling_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(only_writer(self.path))
            self._begin()
            self._held = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        with self._held:
            if self._partial.is_dir() and not self._chosen:
                shutil.rmtree(self._partial, ignore_errors=True)

    def chosen(self, video: str) -> list[int] | None:
        """The numbers of the frames that were chosen of a video of this name; None if that is still to be done."""
        return self._chosen.get(video)

    def choose(self, video: str, frames: Sequence[int]) -> None:
        """Note the frames that were chosen of a video; an interruption does not lose them."""
        self._chosen[video] = list(frames)
        with telling_errors(self.path):
            self._save()

    def write(self, video: VideoFile, name: str, on_frame: Callable[[int], None]) -> None:
        """Write the chosen frames of a video that are not there yet.

        Args:
            video: The video.
            name: What it is called.
            on_frame: Called with the number of each frame, when it is written.

        Raises:
            VideoError: If it has no such frame.
            LabelError: If the folder cannot be written.
        """
        missing = [frame for frame in self._chosen[name] if not (self._partial / frame_file_name(name, frame)).exists()]
        write_frames(video, name, missing, self._partial, on_frame)

    def finish(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write the table and give the folder its name.

        Raises:
            LabelError: If the folder cannot be written.
        """
        with telling_errors(self.path):
            write_frame_table(self._partial / TABLE, rows)
            (self._partial / _CHOSEN).unlink()
            if self.path.is_dir():
                self.path.rmdir()
            self._partial.rename(self.path)
            sync_folder(self.path.parent)

    def _begin(self) -> None:
        note = self._partial / _CHOSEN
        if not self._partial.exists():
            self._partial.mkdir()
            self._save()
            return
        try:
            content = json.loads(note.read_text(encoding="utf-8"))
            is_same, chosen = content["work"] == self._work, dict(content["chosen"])
        except (OSError, ValueError, KeyError, TypeError):
            is_same, chosen = False, {}
        if not is_same:
            raise LabelError(
                f"{self._partial}: left by a run with other videos or choices that was stopped; go on with that by the "
                "same command as then, or delete this folder"
            )
        self._chosen = chosen
        for cut_short in self._partial.rglob("*.partial"):
            cut_short.unlink()

    def _save(self) -> None:
        with whole_file(self._partial / _CHOSEN) as partial:
            partial.write_text(json.dumps({"work": self._work, "chosen": self._chosen}), encoding="utf-8")


def write_frames(
    video: VideoFile, name: str, frames: Sequence[int], folder: Path, on_frame: Callable[[int], None]
) -> None:
    """Write frames of a video as PNG; each file appears when it is whole.

    Args:
        video: The video.
        name: What it is called in the names of the files.
        frames: The numbers of the frames.
        folder: Where to.
        on_frame: Called with the number of each frame, when it is written.

    Raises:
        VideoError: If it has no such frame.
        LabelError: If the folder cannot be written.
    """
    left = set(frames)
    for frame in video.pick(left):
        path = folder / frame_file_name(name, frame.index)
        with telling_errors(folder):
            path.parent.mkdir(exist_ok=True)
            with whole_file(path) as partial:
                save_png(frame.image, partial)
        left.remove(frame.index)
        on_frame(frame.index)
    if left:
        raise VideoError(f"{video.path}: has no frame {min(left)}; was it changed or cut?")


def write_frame_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows with the same columns, among them `video` and `frame`, as CSV.

    Raises:
        OSError: If it cannot be written.
    """
    with whole_file(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def check_new_folder(path: Path) -> None:
    """Raise a LabelError if there is something in a folder that is to be made."""
    if os.path.lexists(path) and not (path.is_dir() and not any(path.iterdir())):
        raise LabelError(f"{path}: exists; choose another --output (poetlab never overwrites frames)")


@contextmanager
def telling_errors(path: Path) -> Iterator[None]:
    """Turn what the system says about a folder into a LabelError."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise LabelError(
            f"{error.filename or path}: cannot be written ({reason}); free space or choose another --output"
        ) from error
