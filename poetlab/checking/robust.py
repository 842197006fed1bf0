"""Medians and spreads that a few wrong values do not move."""

import warnings

import numpy as np

_AS_STANDARD_DEVIATION = 1.4826
"""Makes the median absolute deviation of normally distributed values their standard deviation."""


def median(values: np.ndarray, axis: int) -> np.ndarray:
    """The median of the values that are not NaN; NaN where there are none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of numpy, about rows without values
        return np.asarray(np.nanmedian(values, axis=axis))


def spread_above(residuals: np.ndarray) -> np.ndarray:
    """(b,) how far the columns of (n, b) residuals around 0 usually lie from it, and above it if that is farther."""
    around = median(np.abs(residuals), axis=0)
    above = median(np.where(residuals > 0, residuals, np.nan), axis=0)
    return np.asarray(_AS_STANDARD_DEVIATION * np.fmax(around, above))


def quantile(values: np.ndarray, part: float) -> np.ndarray:
    """(b,) the value below which a part of each column of (n, b) values lies; NaN in columns without any."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(np.nanquantile(values, part, axis=0)) if len(values) else np.full(values.shape[1], np.nan)
