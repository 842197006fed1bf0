"""Left and right exchanged: on a whole animal, or for some pairs of keypoints only.

The labels themselves teach what is usual. Seen from above, the arrow from the left to the right ear always points to
the same side of the line from nose to tail, and about where that from the left to the right hip points. Such rules are
used where practically all labels obey them; of people, who face the camera or turn their back, the first is not one.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from poetlab.checking.finding import Finding, Severity
from poetlab.checking.material import Animals, Material
from poetlab.checking.robust import median

FEWEST = 20
"""Animals that show whether a rule holds."""
_EXCEPTIONS_TO_AXES = 0.05
"""Of these animals; two are always allowed."""
_EXCEPTIONS_TO_PAIRS = 0.02
_MOST_UNCLEAR = 0.2
"""So that nothing is a rule that is seen now from this side and now from that."""
_CLEAR = 0.5
"""Sine or cosine from which on a direction is clear, at 30 degrees from doubt."""
_PART_OF_USUAL = 0.5
"""Of its usual length, which an arrow must have: short ones, as of crossed paws, may point anywhere."""
_MOST_AXES = 60
_MOST_RULES = 6
"""About axes, for each pair: those that most animals obey most clearly."""
_RULING_PART = 0.3
"""Of all axes that must rule a pair, or those that do so do it by chance."""
_FEWEST_RULES = 2
"""That must say something about an animal."""
_MAJORITY = 2 / 3
_FEWEST_PAIRS = 3


def find_swaps(material: Material) -> Iterator[Finding]:
    """Find animals of which pairs of keypoints break rules of direction that nearly all labels obey."""
    for animals in material.animals:
        if len(animals) >= FEWEST and animals.label_set.skeleton.symmetries:
            yield from _find(animals)


def _find(animals: Animals) -> Iterator[Finding]:
    names = animals.label_set.skeleton.keypoints
    pairs = np.array([[names.index(left), names.index(right)] for left, right in animals.label_set.skeleton.symmetries])
    swapped = _swapped_pairs(animals.positions, pairs)
    labeled = np.isfinite(animals.positions[:, pairs]).all(axis=(2, 3))
    for row in np.flatnonzero(swapped.any(axis=1)).tolist():
        numbers = np.flatnonzero(swapped[row])
        n_pairs = int(labeled[row].sum())
        whole = len(numbers) > n_pairs / 2 and len(numbers) > 1
        listed = ", ".join(
            f"{left} and {right}" for left, right in (animals.names(pairs[number]) for number in numbers)
        )
        yield Finding(
            "left-right",
            Severity.WARNING,
            animals.place(row, pairs[numbers].ravel().tolist()),
            f"{'the whole animal' if whole else listed}: left and right look exchanged",
            "exchange left and right" + (", unless it is seen from another side than the others" if whole else ""),
            badness=1 + len(numbers) / len(pairs),
        )


def _swapped_pairs(positions: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """(n, p) which pairs of which animals are the wrong way round.

    Most of the axes of the body that rule a pair decide. Where none does, as of animals that are seen from above and
    from below, all other pairs that rule it must agree, and be three or more: legs may cross, and take a pair along.
    """
    middles = _middles(positions, pairs)
    sizes = median(np.linalg.norm(middles - median(middles, axis=1)[:, None], axis=-1), axis=1)
    sizes[sizes == 0] = np.nan
    across = [_directions(positions[:, right] - positions[:, left], sizes) for left, right in pairs]
    by_axes: list[list[np.ndarray | None]] = [[] for _ in pairs]
    for start, end in _longest_axes(middles, sizes):
        axis = _directions(middles[:, end] - middles[:, start], sizes)
        for rules, arrow in zip(by_axes, across, strict=True):
            rules.extend(_judge_by_axis(axis, arrow))
    swapped = np.zeros((len(positions), len(pairs)), bool)
    for pair, arrow in enumerate(across):
        by_pairs = [rule for other in across if other is not arrow for rule in _judge_by_pair(other, arrow)]
        against, n_axes = _votes(_best_rules(by_axes[pair]), len(positions))
        all_against, n_pairs = _votes([rule for rule in by_pairs if rule is not None], len(positions))
        by_most_axes = (n_axes >= _FEWEST_RULES) & (against >= _MAJORITY * n_axes)
        by_all_pairs = (n_pairs >= _FEWEST_PAIRS) & (all_against == n_pairs)
        swapped[:, pair] = np.where(n_axes > 0, by_most_axes, by_all_pairs)
    return swapped


def _middles(positions: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """(n, m, 2) keypoints without a partner, and the middles between those with one: they lie along the body."""
    unpaired = np.setdiff1d(np.arange(positions.shape[1]), pairs)
    return np.concatenate([positions[:, unpaired], positions[:, pairs].mean(axis=2)], axis=1)


def _directions(vectors: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """(n, 2) unit vectors along others; 0 where too short to have a clear direction, NaN where not labeled.

    Args:
        vectors: (n, 2) pixels.
        sizes: (n,) pixels, the size of each animal; NaN if not known.
    """
    lengths = np.linalg.norm(vectors, axis=-1)
    relative = lengths / sizes
    is_long = relative >= max(_PART_OF_USUAL * float(np.nan_to_num(median(relative, axis=0))), 1e-6)
    return np.where(is_long[:, None], vectors / np.where(lengths > 0, lengths, 1)[:, None], 0 * vectors)


def _longest_axes(middles: np.ndarray, sizes: np.ndarray) -> list[tuple[int, int]]:
    """Those middles, two at a time, that are usually farthest apart."""
    axes = list(combinations(range(middles.shape[1]), 2))
    usual = [
        float(median(np.linalg.norm(middles[:, end] - middles[:, start], axis=-1) / sizes, axis=0))
        for start, end in axes
    ]
    return [axes[number] for number in np.argsort(-np.nan_to_num(usual))[:_MOST_AXES]]


def _judge_by_axis(axis: np.ndarray, arrow: np.ndarray) -> list[np.ndarray | None]:
    """Whether the arrow of a pair points to the usual side of an axis; see `_judge`."""
    sines = axis[:, 0] * arrow[:, 1] - axis[:, 1] * arrow[:, 0]
    n_known = np.count_nonzero(np.isfinite(sines))
    return _judge(sines * np.sign(median(sines, axis=0)), max(2, _EXCEPTIONS_TO_AXES * n_known))


def _judge_by_pair(other: np.ndarray, arrow: np.ndarray) -> list[np.ndarray | None]:
    """Whether the arrow of a pair points about where that of another pair does; see `_judge`."""
    cosines = (other * arrow).sum(axis=-1)
    return _judge(cosines, _EXCEPTIONS_TO_PAIRS * np.count_nonzero(np.isfinite(cosines)))


def _judge(values: np.ndarray, most_exceptions: float) -> list[np.ndarray | None]:
    """Which animals obey what may be a rule.

    Args:
        values: (n,) sines or cosines, which are 1 where the rule is obeyed perfectly; NaN where nothing is labeled.
        most_exceptions: Animals that may do the opposite of what is a rule.

    Returns:
        Nothing if too few animals tell. Else, alone in a list, None if it is no rule, or (n,) 1 where obeyed, -1 where
        broken, 0 where unclear or not known.
    """
    n_known = np.count_nonzero(np.isfinite(values))
    n_exceptions, n_unclear = np.count_nonzero(values < -_CLEAR), np.count_nonzero(np.abs(values) < _CLEAR)
    if n_known < FEWEST:
        return []
    if n_unclear > _MOST_UNCLEAR * n_known or n_exceptions > most_exceptions:
        return [None]
    return [np.where(np.abs(values) >= _CLEAR, np.sign(values), 0).astype(np.int8)]


def _best_rules(judged: Sequence[np.ndarray | None]) -> list[np.ndarray]:
    """The rules that most animals obey; none where too few of what may be rules are."""
    rules = [rule for rule in judged if rule is not None]
    if len(rules) < _RULING_PART * len(judged):
        return []
    return sorted(rules, key=lambda rule: -int(rule.sum(dtype=np.int64)))[:_MOST_RULES]


def _votes(rules: Sequence[np.ndarray], n: int) -> tuple[np.ndarray, np.ndarray]:
    """(n,) how many rules each animal breaks, and how many say something about it."""
    given = np.array(rules).reshape(-1, n)
    return (given < 0).sum(axis=0), (given != 0).sum(axis=0)
