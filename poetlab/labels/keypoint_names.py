"""Keypoints by name: renamed, selected, and brought from the labels' skeleton to the project's."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from poetlab.errors import LabelError, SkeletonError
from poetlab.skeleton import DEFAULT_SIGMA, Skeleton, infer_skeleton
from poetlab.yaml_file import read_yaml

LACKING = -1
"""In an order: the labels have no such keypoint."""

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[^\W\d_a-zA-Z]+")
_SIDES = {"l": "left", "r": "right"}
_ALIKE = 0.7
"""Of difflib's ratio, from which two names are suggested for each other."""


def read_renames(given: Iterable[str]) -> dict[str, str]:
    """What keypoints of labels are to be called.

    Args:
        given: Texts of the form `old=new`, and YAML files with one line `old: new` a keypoint.

    Returns:
        Old name -> new name.

    Raises:
        LabelError: If a text is neither, or a keypoint gets two names.
    """
    renames: dict[str, str] = {}
    for text in given:
        for old, new in _read_pairs(text):
            if renames.setdefault(old, new) != new:
                raise LabelError(f"--rename calls '{old}' both '{renames[old]}' and '{new}'; give it one name")
    return renames


def _read_pairs(text: str) -> Iterable[tuple[str, str]]:
    old, equals, new = (part.strip() for part in text.partition("="))
    if equals:
        if not old or not new:
            raise LabelError(f"--rename '{text}' lacks a name; write OLD=NEW, such as snout=nose")
        return [(old, new)]
    content = read_yaml(Path(text), LabelError, "give a YAML file, or OLD=NEW such as snout=nose")
    if not isinstance(content, Mapping) or not all(
        isinstance(name, str | int) for pair in content.items() for name in pair
    ):
        raise LabelError(f"{text}: not a mapping of keypoint names; write one line a keypoint, such as 'snout: nose'")
    return [(str(old), str(new)) for old, new in content.items()]


def map_skeleton(source: Skeleton, renames: Mapping[str, str], keypoints: Sequence[str] | None) -> Skeleton:
    """A skeleton with some keypoints renamed and some selected; edges, symmetries and sigmas go with them.

    Args:
        source: The labels' own skeleton.
        renames: Old name -> new name.
        keypoints: The new names of those to keep, in their order; None for all.

    Raises:
        SkeletonError: If a name is unknown, or two keypoints would have one name.
    """
    for old in renames:
        _refuse_unknown(old, source.keypoints, "--rename")
    names = renamed(source, renames)
    for name in names:
        if names.count(name) > 1:
            olds = " and ".join(f"'{old}'" for old, new in zip(source.keypoints, names, strict=True) if new == name)
            raise SkeletonError(f"--rename gives {olds} the same name '{name}'; give each its own")
    kept = tuple(names if keypoints is None else keypoints)
    for name in kept:
        _refuse_unknown(name, names, "--keypoints")
    if len(set(kept)) < len(kept):
        raise SkeletonError(f"--keypoints has a name twice ({', '.join(kept)}); give each once")
    new_name = dict(zip(source.keypoints, names, strict=True))
    edges, symmetries = (
        tuple((new_name[a], new_name[b]) for a, b in pairs if {new_name[a], new_name[b]} <= set(kept))
        for pairs in (source.edges, source.symmetries)
    )
    sigmas = tuple(source.sigmas[names.index(name)] for name in kept)
    if renames:
        inferred = infer_skeleton(source.name, kept, edges)
        paired = {name for pair in symmetries for name in pair}
        symmetries += tuple(pair for pair in inferred.symmetries if not paired & set(pair))
        sigmas = inferred.sigmas if set(sigmas) == {DEFAULT_SIGMA} else sigmas
    return Skeleton(source.name, kept, edges, symmetries, sigmas)


def renamed(source: Skeleton, renames: Mapping[str, str]) -> list[str]:
    """The new name of each keypoint of the labels, in their order."""
    return [renames.get(name, name) for name in source.keypoints]


def keypoint_order(names: Sequence[str], mapped: Skeleton, target: Skeleton) -> np.ndarray:
    """Where among the labels' keypoints each one of the project stands, (k,); `LACKING` where they have none.

    Args:
        names: The new names of the labels' keypoints, in the order of the labels.
        mapped: Those of them that are to be used.
        target: The project's skeleton.

    Raises:
        SkeletonError: If the labels have a keypoint that the project does not know, or none that it knows. It says
            what disagrees and how to mend it.
    """
    common = set(mapped.keypoints) & set(target.keypoints)
    if common != set(mapped.keypoints) or not common:
        raise SkeletonError(_disagreement(mapped, target))
    return np.array([list(names).index(name) if name in common else LACKING for name in target.keypoints])


def _disagreement(mapped: Skeleton, target: Skeleton) -> str:
    missing = [name for name in target.keypoints if name not in mapped.keypoints]
    extra = [name for name in mapped.keypoints if name not in target.keypoints]
    pairs = _alike(extra, missing)
    found = [pairs.get(name, name) for name in mapped.keypoints if name in pairs or name not in extra]
    parts = [
        f"the labels have {mapped.n_keypoints} keypoints, skeleton '{target.name}' has {target.n_keypoints}",
        f"the labels lack: {', '.join(missing) or 'none'}",
        f"the skeleton lacks: {', '.join(extra) or 'none'}",
    ]
    if pairs:
        parts.append(f"perhaps it is {' '.join(f'--rename {old}={new}' for old, new in pairs.items())}")
    elif missing:
        parts.append("where two names mean the same, give --rename LABELS_NAME=PROJECT_NAME")
    if len(pairs) < len(extra) and found:
        parts.append(f"to do without the others, give --keypoints {','.join(found)}")
    elif not found:
        parts.append("or import into another project")
    return "; ".join(parts)


def _alike(extra: Sequence[str], missing: Sequence[str]) -> dict[str, str]:
    """For keypoints of the labels the most similar names that the project has and they lack, each at most once."""
    scored = [
        (difflib.SequenceMatcher(None, " ".join(_words(old)), " ".join(_words(new))).ratio(), old, new)
        for old in extra
        for new in missing
        if set(_SIDES.values()) & set(_words(old)) == set(_SIDES.values()) & set(_words(new))
    ]
    pairs: dict[str, str] = {}
    for score, old, new in sorted(scored, key=lambda entry: -entry[0]):
        if score >= _ALIKE and old not in pairs and new not in pairs.values():
            pairs[old] = new
    return {old: pairs[old] for old in extra if old in pairs}


def _words(name: str) -> list[str]:
    """The words of a name in one order, sides spelled out: `L_Ear` and `earLeft` are both ear, left."""
    return sorted(_SIDES.get(word.lower(), word.lower()) for word in _WORD.findall(name))


def _refuse_unknown(name: str, known: Sequence[str], flag: str) -> None:
    if name not in known:
        pair = _alike([name], known)
        nearest = f"did you mean '{pair[name]}'?" if pair else f"they have {', '.join(known)}"
        raise SkeletonError(f"{flag} names '{name}', which the labels do not have; {nearest}")
