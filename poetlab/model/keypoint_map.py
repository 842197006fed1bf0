"""Which keypoint of a pretrained network each keypoint of a project starts from."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poetlab.errors import SkeletonError
from poetlab.yaml_file import read_yaml

_EXAMPLE = "write one line a keypoint, such as 'snout: nose'"


@dataclass(frozen=True)
class KeypointMap:
    """What a user says about keypoints that are called differently in the pretrained network.

    Attributes:
        origins: The pretrained keypoint for some of the project's keypoints; None for one that shall start as new.
        source: Where it was said, for error messages.
    """

    origins: Mapping[str, str | None]
    source: str


def read_keypoint_map(given: Mapping[str, str | None] | str | Path, keypoints: Sequence[str]) -> KeypointMap:
    """Read and check a keypoint map.

    Args:
        given: A YAML file, or its content: names of the project's keypoints to names of the pretrained network's, or to
            null. Several may have the same pretrained keypoint.
        keypoints: Names of the project's keypoints.

    Raises:
        SkeletonError: If it cannot be read, is no such mapping, or names an unknown keypoint of the project.
    """
    if isinstance(given, str | Path):
        content, source = read_yaml(Path(given), SkeletonError, "correct --keypoint-map"), str(given)
    else:
        content, source = given, "keypoint_map"
    if not isinstance(content, Mapping):
        raise SkeletonError(f"{source}: not a mapping of keypoint names; {_EXAMPLE}")
    origins = {}
    for key, value in content.items():
        name = _as_name(key, source)
        if name not in keypoints:
            raise SkeletonError(f"{source}: '{name}' is no keypoint of this project; {_nearest(name, keypoints)}")
        origins[name] = None if value is None else _as_name(value, source)
    return KeypointMap(origins, source)


def match_keypoints(
    keypoints: Sequence[str], pretrained_keypoints: Sequence[str], keypoint_map: KeypointMap | None = None
) -> dict[str, str | None]:
    """The pretrained keypoint that each of the project's starts from: as the map says, else that of equal name.

    Args:
        keypoints: Names of the project's keypoints.
        pretrained_keypoints: Names of the pretrained network's.
        keypoint_map: What the user said; None for nothing.

    Returns:
        For each of `keypoints`, in their order, one of `pretrained_keypoints`, or None.

    Raises:
        SkeletonError: If the map names a keypoint that the pretrained network does not know.
    """
    said = keypoint_map or KeypointMap({}, "")
    for origin in said.origins.values():
        if origin is not None and origin not in pretrained_keypoints:
            nearest = _nearest(origin, pretrained_keypoints)
            raise SkeletonError(f"{said.source}: '{origin}' is no keypoint of the pretrained network; {nearest}")
    by_name = {name: name if name in pretrained_keypoints else None for name in keypoints}
    return by_name | dict(said.origins)


def _as_name(value: Any, source: str) -> str:
    """A keypoint's name; numbers are names too, as in a skeleton."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise SkeletonError(f"{source}: expected the name of a keypoint, found {value!r:.60}; put names in quotes")
    return str(value)


def _nearest(name: str, known: Sequence[str]) -> str:
    found = difflib.get_close_matches(name, known, n=1, cutoff=0)
    return f"the nearest is '{found[0]}'" if found else "it has none"
