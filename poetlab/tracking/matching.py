"""The cheapest chains of pieces, as a matching of their ends with their beginnings (solved exactly by scipy)."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

_COME_OR_GO = 8.0
"""If the number of chains is unlimited: price of a chain's beginning, and of its end."""


def match_fixed(links: np.ndarray, costs: np.ndarray, prices: np.ndarray, n_chains: int) -> np.ndarray:
    """Chain n pieces into at most `n_chains` chains.

    Rows of the matching are the pieces' ends and, after them, the chains' beginnings; columns are the pieces'
    beginnings and the chains' ends. A piece whose end is matched with its own beginning is left out.

    Args:
        links: (m, 2) which pieces may follow which; these must be free of circles.
        costs: (m,) price of each link.
        prices: (n,) price of leaving a piece out.
        n_chains: Most chains.

    Returns:
        (n,) the piece that follows each; -1 for none, its own number for one that is left out.
    """
    n = len(prices)
    pieces, chains = np.arange(n), np.arange(n, n + n_chains)
    every, chain = np.tile(pieces, n_chains), np.repeat(chains, n)
    rows = np.concatenate([links[:, 0], pieces, chain, every, chains])
    columns = np.concatenate([links[:, 1], pieces, every, chain, chains])
    free = np.zeros(2 * len(every) + n_chains)
    return _match(rows, columns, np.concatenate([costs, prices, free]), n)


def match_unlimited(links: np.ndarray, costs: np.ndarray, prices: np.ndarray) -> np.ndarray:
    """As `match_fixed` for any number of chains, where each piece may begin a chain and end one, at a price.

    After the pieces' ends come rows for "begins a chain", after their beginnings columns for "ends a chain".
    """
    n = len(prices)
    pieces = np.arange(n)
    rows = np.concatenate([links[:, 0], pieces, pieces + n, pieces, links[:, 1] + n, pieces + n])
    columns = np.concatenate([links[:, 1], pieces, pieces, pieces + n, links[:, 0] + n, pieces + n])
    price = np.full(n, _COME_OR_GO)
    free = np.zeros(len(links) + n)
    return _match(rows, columns, np.concatenate([costs, prices, price, price, free]), n)


def _match(rows: np.ndarray, columns: np.ndarray, costs: np.ndarray, n: int) -> np.ndarray:
    """The column of each of the first n rows, -1 for one after the first n, such that the sum of costs is least."""
    weights = costs - costs.min() + 1  # a weight of 0 would be no edge; all matchings have the same number of edges
    matched_rows, matched_columns = min_weight_full_bipartite_matching(coo_array((weights, (rows, columns))).tocsr())
    column = matched_columns[np.argsort(matched_rows)][:n]
    return np.where(column < n, column, -1)
