"""The cheapest chains against all that there are."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poetlab.tracking.matching import _COME_OR_GO, match_fixed, match_unlimited

Problem = tuple[np.ndarray, np.ndarray, np.ndarray]


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Up to five pieces, links forward in time, and prices that make every sum another one."""
    n = draw(st.integers(1, 5))
    links = [pair for pair in combinations(range(n), 2) if draw(st.booleans())]
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    costs = rng.uniform(-2, 12, len(links))
    return np.array(links, int).reshape(-1, 2), costs, rng.uniform(0, 12, n)


def all_followings(n: int, links: np.ndarray) -> Iterator[tuple[int, ...]]:
    """Everything that can follow each piece: another, nothing (-1), or itself, where it is left out."""

    def extend(done: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if len(done) == n:
            yield done
            return
        piece = len(done)
        for following in (-1, piece, *(b for a, b in links.tolist() if a == piece)):
            if following == -1 or following not in done:
                yield from extend((*done, following))

    for following in extend(()):
        out = {piece for piece in range(n) if following[piece] == piece}
        if not any(following[piece] in out for piece in range(n) if piece not in out):
            yield following


def n_chains(following: tuple[int, ...]) -> int:
    return sum(b == -1 for b in following)


def total(following: tuple[int, ...], problem: Problem, price_of_a_chain: float) -> float:
    links, costs, prices = problem
    of_link = {tuple(link): cost for link, cost in zip(links.tolist(), costs, strict=True)}
    cost = price_of_a_chain * n_chains(following)
    for piece, other in enumerate(following):
        cost += prices[piece] if other == piece else of_link.get((piece, other), 0.0)
    return cost


@given(problems(), st.integers(1, 3))
def test_so_many_chains_are_the_cheapest(problem: Problem, most: int) -> None:
    links, _, prices = problem
    found = tuple(match_fixed(*problem, most).tolist())
    possible = [one for one in all_followings(len(prices), links) if n_chains(one) <= most]
    assert found in possible
    assert total(found, problem, 0) == pytest.approx(min(total(one, problem, 0) for one in possible))


@given(problems())
def test_any_number_of_chains_is_the_cheapest(problem: Problem) -> None:
    links, _, prices = problem
    found = tuple(match_unlimited(*problem).tolist())
    possible = list(all_followings(len(prices), links))
    assert found in possible
    best = min(total(one, problem, 2 * _COME_OR_GO) for one in possible)
    assert total(found, problem, 2 * _COME_OR_GO) == pytest.approx(best)
