"""A skeleton in the JSON of a SLEAP project's metadata, as networkx and jsonpickle have it."""

from typing import Any

from poetlab.skeleton import Skeleton

_EDGE, _SYMMETRY = 1, 2
"""What a link between two nodes is, as SLEAP numbers it."""


def skeleton_metadata(skeleton: Skeleton) -> dict[str, Any]:
    """The metadata of a project with this one skeleton."""
    links = [
        {"edge_insert_idx": number, **_link(skeleton, edge, _EDGE)} for number, edge in enumerate(skeleton.edges)
    ] + [_link(skeleton, pair, _SYMMETRY) for pair in skeleton.symmetries]
    graph = {
        "directed": True,
        "graph": {"name": skeleton.name, "num_edges_inserted": len(skeleton.edges)},
        "links": links,
        "multigraph": True,
        "nodes": [{"id": number} for number in range(skeleton.n_keypoints)],
    }
    return {
        "version": "2.0.0",
        "skeletons": [graph],
        "nodes": [{"name": name, "weight": 1.0} for name in skeleton.keypoints],
        "videos": [],
        "tracks": [],
        "suggestions": [],
        "negative_anchors": {},
    }


def _link(skeleton: Skeleton, pair: tuple[str, str], kind: int) -> dict[str, Any]:
    """A link whose kind is spelled out, where SLEAP would refer to the first of that kind."""
    source, target = map(skeleton.keypoints.index, pair)
    spelled = [{"py/type": "sleap.skeleton.EdgeType"}, {"py/tuple": [kind]}]
    return {"key": 0, "source": source, "target": target, "type": {"py/reduce": spelled}}
