"""How long each bone of each animal is, and how long it would be if all animals had the same proportions."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse.csgraph import minimum_spanning_tree

from poetlab.checking.robust import median
from poetlab.skeleton import Skeleton

_FEWEST_BONES = 3
"""From which an animal's size can be told even if one of them is wrong."""
_SHORTEST = 0.5
"""Pixels; a click is no more precise."""
_ROUNDS = 3


@dataclass(frozen=True, eq=False)
class Proportions:
    """Lengths of bones, a row an animal; NaN where an end is not labeled.

    Attributes:
        bones: (b, 2) the keypoints at the ends of each bone.
        lengths: (n, b) pixels.
        expected: (n, b) pixels: the bone's usual part of the animal's size. NaN for animals of which too little is
            labeled to tell their size.
    """

    bones: np.ndarray
    lengths: np.ndarray
    expected: np.ndarray


def measure_proportions(skeleton: Skeleton, positions: np.ndarray) -> Proportions:
    """Measure all bones of all animals.

    The logarithm of a length is taken for a sum of the bone's own and of the animal's size. Both are found as medians
    in turn, so neither a wrong keypoint nor a box or mask that is off changes the size of an animal.

    Args:
        skeleton: Its edges are the bones.
        positions: (n, k, 2) pixels, NaN where unlabeled.
    """
    bones = _bones(skeleton, positions)
    lengths = np.linalg.norm(positions[:, bones[:, 0]] - positions[:, bones[:, 1]], axis=-1)
    logs = np.log(np.maximum(lengths, _SHORTEST))
    sizes = np.zeros((len(logs), 1))
    too_few = np.isfinite(logs).sum(axis=1) < _FEWEST_BONES
    for _ in range(_ROUNDS):
        usual = median(logs - sizes, axis=0)
        sizes = median(logs - usual, axis=1)[:, None]
        sizes[too_few] = np.nan
    expected = np.where(np.isfinite(lengths), np.exp(usual + sizes), np.nan)
    return Proportions(bones, lengths, expected)


def _bones(skeleton: Skeleton, positions: np.ndarray) -> np.ndarray:
    """(b, 2) the edges; of a skeleton with hardly any, the tree that joins those that usually lie near."""
    if len(skeleton.edges) >= _FEWEST_BONES:
        return np.array(skeleton.edge_indices)
    n = skeleton.n_keypoints
    distances = np.zeros((n, n))
    for start in range(n):
        away = np.linalg.norm(positions - positions[:, start : start + 1], axis=-1)
        distances[start] = np.maximum(median(away, axis=0), _SHORTEST)
    never = np.isnan(distances)
    tree = minimum_spanning_tree(np.triu(np.where(never, 0, distances), 1))
    return np.stack(tree.nonzero(), axis=1).astype(np.int64).reshape(-1, 2)
