"""The skeleton: which keypoints an animal has, how they are linked, mirrored and scored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from poetlab.errors import SkeletonError
from poetlab.yaml_file import read_yaml

PRESETS = ("coco-person", "macaque", "ap10k", "mouse-topview")

DEFAULT_SIGMA = 0.05
"""OKS sigma of a keypoint for which nobody has measured how far two annotators differ.

COCO's own lie between 0.025 (eyes) and 0.107 (hips); 0.05 is between its shoulders' and its ears'.
"""

_SIDES = (("left", "right"), ("Left", "Right"), ("LEFT", "RIGHT"), ("L", "R"), ("l", "r"))


@dataclass(frozen=True)
class Skeleton:
    """Named keypoints of one kind of animal.

    Attributes:
        name: What the skeleton is called, for people.
        keypoints: Unique names; their order is the order of every array with a keypoint axis.
        edges: Pairs of keypoint names to draw as lines.
        symmetries: Pairs (left, right) of names that change places when an image is mirrored.
        sigmas: OKS falloff of each keypoint, relative to the square root of the animal's area
            (COCO's definition, https://cocodataset.org/#keypoints-eval).

    Raises:
        SkeletonError: If names repeat or are empty, or if an edge, symmetry or sigma does not fit them.
    """

    name: str
    keypoints: tuple[str, ...]
    edges: tuple[tuple[str, str], ...] = ()
    symmetries: tuple[tuple[str, str], ...] = ()
    sigmas: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not self.sigmas:
            object.__setattr__(self, "sigmas", (DEFAULT_SIGMA,) * len(self.keypoints))
        self._check_names()
        self._check_symmetries()
        if len(self.sigmas) != self.n_keypoints:
            raise self._error(f"{self.n_keypoints} keypoints but {len(self.sigmas)} sigmas; give one a keypoint")
        if not all(0 < sigma < float("inf") for sigma in self.sigmas):
            raise self._error("every sigma must be a positive number")

    @property
    def n_keypoints(self) -> int:
        """Number of keypoints."""
        return len(self.keypoints)

    @property
    def edge_indices(self) -> tuple[tuple[int, int], ...]:
        """Edges as pairs of keypoint indices."""
        return tuple((self.keypoints.index(a), self.keypoints.index(b)) for a, b in self.edges)

    @property
    def flip_indices(self) -> tuple[int, ...]:
        """Where each keypoint's data comes from when the image is mirrored: itself or its counterpart."""
        partner = dict(self.symmetries) | {right: left for left, right in self.symmetries}
        return tuple(self.keypoints.index(partner.get(name, name)) for name in self.keypoints)

    def to_dict(self) -> dict[str, Any]:
        """The skeleton as plain lists and strings, for YAML, JSON and file attributes."""
        return {
            "name": self.name,
            "keypoints": list(self.keypoints),
            "edges": [list(edge) for edge in self.edges],
            "symmetries": [list(pair) for pair in self.symmetries],
            "sigmas": list(self.sigmas),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], source: str = "skeleton") -> "Skeleton":
        """Build a skeleton from `to_dict`'s form; `sigmas` may also be a mapping from name to value.

        Args:
            content: Keys `name`, `keypoints`, and optionally `edges`, `symmetries`, `sigmas`.
            source: Where it came from, for error messages.

        Raises:
            SkeletonError: If a key is unknown or a value has the wrong form.
        """
        known = {"name", "keypoints", "edges", "symmetries", "sigmas"}
        if not isinstance(content, Mapping):
            raise SkeletonError(f"{source}: expected the keys {', '.join(sorted(known))}, found no mapping")
        if unknown := sorted(map(str, set(content) - known)):
            raise SkeletonError(f"{source}: unknown key '{unknown[0]}'; known are {', '.join(sorted(known))}")
        try:
            keypoints = _names(content["keypoints"])
            return cls(
                name=str(content.get("name", "skeleton")),
                keypoints=keypoints,
                edges=_pairs(content.get("edges")),
                symmetries=_pairs(content.get("symmetries")),
                sigmas=_sigmas(content.get("sigmas"), keypoints),
            )
        except SkeletonError as error:
            raise SkeletonError(f"{source}: {error}") from error
        except (KeyError, TypeError, ValueError) as error:
            raise SkeletonError(f"{source}: not a skeleton ({error!r}); see docs/skeletons for the form") from error

    def _check_names(self) -> None:
        if not self.keypoints:
            raise self._error("a skeleton needs at least one keypoint")
        if not all(self.keypoints):
            raise self._error("a keypoint's name is empty")
        if repeated := {name for name in self.keypoints if self.keypoints.count(name) > 1}:
            raise self._error(f"keypoint names must be unique, repeated: {', '.join(sorted(repeated))}")
        for name in (name for pair in self.edges + self.symmetries for name in pair):
            if name not in self.keypoints:
                raise self._error(f"an edge or symmetry names '{name}', which is no keypoint")

    def _check_symmetries(self) -> None:
        paired = [name for pair in self.symmetries for name in pair]
        if repeated := {name for name in paired if paired.count(name) > 1}:
            raise self._error(f"a keypoint can have one symmetric partner: {', '.join(sorted(repeated))}")

    def _error(self, reason: str) -> SkeletonError:
        return SkeletonError(f"skeleton '{self.name}': {reason}")


def load_skeleton(source: str | Path) -> Skeleton:
    """Load a preset by name, or a skeleton from a YAML file of the presets' form.

    Raises:
        SkeletonError: If there is no such preset or file, or if the file is malformed.
    """
    if str(source) in PRESETS:
        text = (resources.files("poetlab") / "skeletons" / f"{source}.yaml").read_text(encoding="utf-8")
        return Skeleton.from_dict(yaml.safe_load(text), f"preset {source}")
    path = Path(source)
    if not path.is_file():
        raise SkeletonError(f"'{source}' is neither a skeleton preset ({', '.join(PRESETS)}) nor a YAML file")
    return Skeleton.from_dict(read_yaml(path, SkeletonError), str(path))


def infer_skeleton(name: str, keypoints: Sequence[str], edges: Sequence[tuple[str, str]] = ()) -> Skeleton:
    """The skeleton of labels that carry names and perhaps edges, but no symmetries or sigmas.

    Takes a preset's symmetries and sigmas where the keypoint names are exactly a preset's; otherwise pairs
    names that differ only in left/right (or L/R) and gives every keypoint `DEFAULT_SIGMA`.
    """
    for preset in map(load_skeleton, PRESETS):
        if preset.keypoints == tuple(keypoints):
            return Skeleton(name, preset.keypoints, tuple(edges) or preset.edges, preset.symmetries, preset.sigmas)
    return Skeleton(name, tuple(keypoints), tuple(edges), infer_symmetries(keypoints))


def infer_symmetries(keypoints: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Pairs of names that differ only in one side word: `left_ear`/`right_ear`, `wingL`/`wingR`, `L_hip`/`R_hip`."""
    names = set(keypoints)
    pairs: dict[str, str] = {}
    for name in keypoints:
        for left, right in _SIDES:
            for counterpart in _replace_each(name, left, right):
                if counterpart in names and name not in pairs and counterpart not in pairs.values():
                    pairs[name] = counterpart
    return tuple(pairs.items())


def _replace_each(name: str, left: str, right: str) -> list[str]:
    """`name` with one occurrence of `left` replaced, for each occurrence that stands for a side."""
    found = []
    for start in range(len(name) - len(left) + 1):
        end = start + len(left)
        if name[start:end] == left and _is_side(name, start, end):
            found.append(name[:start] + right + name[end:])
    return found


def _is_side(name: str, start: int, end: int) -> bool:
    """Whether a side word at this place stands alone: a single letter must not be part of a longer word."""
    if end - start > 1:
        return True
    before = name[start - 1] if start else "_"
    after = name[end] if end < len(name) else "_"
    if name[start].isupper():
        return not (before.isupper() or after.isupper()) and not after.islower()
    return not before.isalpha() and not after.isalpha()


def _names(content: Any) -> tuple[str, ...]:
    """A list of names; numbers are names too, but nothing is not."""
    if not isinstance(content, list | tuple) or any(name is None or isinstance(name, bool) for name in content):
        raise ValueError(f"expected a list of names, found {content!r}")
    return tuple(str(name) for name in content)


def _pairs(content: Any) -> tuple[tuple[str, str], ...]:
    pairs = tuple(_names(pair) for pair in content or ())
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError("edges and symmetries are lists of two names")
    return tuple((pair[0], pair[1]) for pair in pairs)


def _sigmas(content: Any, keypoints: tuple[str, ...]) -> tuple[float, ...]:
    if isinstance(content, Mapping):
        if unknown := set(content) - set(keypoints):
            raise ValueError(f"sigmas name unknown keypoints {sorted(map(str, unknown))}")
        return tuple(float(content.get(name, DEFAULT_SIGMA)) for name in keypoints)
    return tuple(float(sigma) for sigma in content or ())
