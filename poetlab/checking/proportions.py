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
_STEADY = 0.05
"""Spread of a logarithm below which a distance is as steady as can be."""


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
    enough = len(skeleton.edges) >= _FEWEST_BONES
    bones = np.array(skeleton.edge_indices) if enough else _steadiest_tree(positions)
    lengths = np.linalg.norm(positions[:, bones[:, 0]] - positions[:, bones[:, 1]], axis=-1)
    usual, sizes = _fit(_logarithms(lengths))
    return Proportions(bones, lengths, np.where(np.isfinite(lengths), np.exp(usual + sizes), np.nan))


def _fit(logarithms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What (n, b) logarithms of lengths usually are, (b,), and how much larger each animal is, (n, 1) or NaN."""
    sizes = np.zeros((len(logarithms), 1))
    too_few = np.isfinite(logarithms).sum(axis=1) < _FEWEST_BONES
    for _ in range(_ROUNDS):
        usual = median(logarithms - sizes, axis=0)
        sizes = median(logarithms - usual, axis=1)[:, None]
        sizes[too_few] = np.nan
    return usual, sizes


def _steadiest_tree(positions: np.ndarray) -> np.ndarray:
    """(b, 2) bones that join all keypoints, for skeletons that have no edges.

    First each keypoint is joined to one that usually lies near. By these bones the size of every animal is known, and
    so of any two keypoints how steady their distance is. Then those are joined whose distance is short and steady.
    """
    n_keypoints = positions.shape[1]
    usual, spread = np.zeros((2, n_keypoints, n_keypoints))
    for start in range(n_keypoints):
        usual[start] = median(_logarithms(_distances(positions, start)), axis=0)
    bones = _tree(np.exp(usual))
    _, sizes = _fit(_logarithms(np.linalg.norm(positions[:, bones[:, 0]] - positions[:, bones[:, 1]], axis=-1)))
    for start in range(n_keypoints):
        relative = _logarithms(_distances(positions, start)) - sizes
        spread[start] = median(np.abs(relative - median(relative, axis=0)), axis=0)
    return _tree(np.exp(usual) * np.maximum(spread, _STEADY))


def _distances(positions: np.ndarray, start: int) -> np.ndarray:
    """(n, k) pixels from one keypoint to all."""
    return np.asarray(np.linalg.norm(positions - positions[:, start : start + 1], axis=-1))


def _logarithms(lengths: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(lengths, _SHORTEST))


def _tree(weights: np.ndarray) -> np.ndarray:
    """(b, 2) edges of the tree of least weight; those that are NaN are none."""
    tree = minimum_spanning_tree(np.triu(np.nan_to_num(weights), 1))
    return np.stack(tree.nonzero(), axis=1).astype(np.int64).reshape(-1, 2)
