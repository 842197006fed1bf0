"""The skeletons of a SLEAP project: nodes, edges and symmetries, from the JSON of its metadata."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py

from poetlab.errors import LabelError
from poetlab.skeleton import Skeleton, infer_skeleton, infer_symmetries

_EDGE, _SYMMETRY = 1, 2
"""What a link between two nodes is, as SLEAP numbers it."""


def read_skeletons(file: h5py.File, path: Path) -> list[Skeleton]:
    """Read every skeleton, each with its nodes in its own order.

    Symmetries that SLEAP has not been told are taken from the names of the nodes.

    Args:
        file: The open project.
        path: Its path, which names skeletons without a name.

    Raises:
        LabelError: If a link refers to a node that the skeleton does not have.
    """
    metadata = json.loads(file["metadata"].attrs["json"])
    names = [str(node["name"]) for node in metadata["nodes"]]
    return [_read_skeleton(entry, names, path.name.split(".")[0]) for entry in metadata["skeletons"]]


def _read_skeleton(entry: dict[str, Any], names: list[str], default: str) -> Skeleton:
    graph = entry.get("nx_graph", entry)
    numbers = [node["id"] for node in graph["nodes"]]
    keypoints = [names[number] for number in numbers]
    pairs: dict[int, list[tuple[str, str]]] = {_EDGE: [], _SYMMETRY: []}
    for link, kind in zip(graph["links"], _kinds(graph["links"]), strict=True):
        if not {link["source"], link["target"]} <= set(numbers):
            raise LabelError("its skeleton links a node that it does not have; save it again in SLEAP")
        pairs[kind].append((names[link["source"]], names[link["target"]]))
    skeleton = infer_skeleton(str(graph["graph"].get("name") or default), keypoints, pairs[_EDGE])
    symmetries = _left_first(pairs[_SYMMETRY], keypoints)
    return replace(skeleton, symmetries=symmetries) if symmetries else skeleton


def _kinds(links: list[dict[str, Any]]) -> list[int]:
    """Whether each link is an edge or a symmetry: the first of a kind spells it out, later ones refer to it.

    A reference is the number of the kind among those spelled out, counted from 1.
    """
    spelled: list[int] = []
    kinds = []
    for link in links:
        kind = link["type"]
        if "py/reduce" in kind:
            spelled.append(int(kind["py/reduce"][1]["py/tuple"][0]))
            kinds.append(spelled[-1])
        else:
            reference = int(kind["py/id"])
            kinds.append(spelled[reference - 1] if 0 < reference <= len(spelled) else reference)
    return kinds


def _left_first(pairs: list[tuple[str, str]], keypoints: list[str]) -> tuple[tuple[str, str], ...]:
    """Each pair once; left before right where the names tell, since SLEAP does not keep which is which."""
    known = set(infer_symmetries(keypoints))
    ordered = ((second, first) if (second, first) in known else (first, second) for first, second in pairs)
    return tuple({frozenset(pair): pair for pair in ordered}.values())
