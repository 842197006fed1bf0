"""What the formats share: the type of a writer, parts of long recordings, and names that fit into files."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from poetlab.poses import Poses

Writer = Callable[[Poses, Path], None]
"""Writes some poses to a path that does not exist yet."""

_ROWS_AT_ONCE = 1 << 18
"""Keypoints of a part, so that what a format makes of it takes tens of megabytes at most."""


def frames_at_once(poses: Poses) -> int:
    """How many frames to write at a time, so that memory does not grow with the length of the video."""
    return max(1, _ROWS_AT_ONCE // (len(poses.individuals) * poses.skeleton.n_keypoints))


def parts_of(poses: Poses) -> Iterator[Poses]:
    """The poses of some frames at a time, in order."""
    for start in range(0, poses.n_frames, at_once := frames_at_once(poses)):
        part = slice(start, start + at_once)
        yield replace(
            poses,
            keypoints=poses.keypoints[part],
            visibility=poses.visibility[part],
            scores=poses.scores[part],
            frames=poses.frames[part],
            times=poses.times[part],
        )


def file_name_part(name: str) -> str:
    """A name with everything that some file system refuses replaced by `_`."""
    return re.sub(r"[^\w.-]+", "_", name)
