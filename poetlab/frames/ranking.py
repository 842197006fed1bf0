"""Many signs of uncertainty as one order of frames, and the reasons in words."""

from collections.abc import Mapping

import numpy as np
from scipy.stats import rankdata

from poetlab.frames.signals import WORDS

_NOTABLE = 0.75
"""Part of the frames that must be surer by a signal before it is a reason to look at a frame."""

_MOST_REASONS = 3


def combine_ranks(signals: Mapping[str, np.ndarray]) -> np.ndarray:
    """Where frames stand among all, in the mean over signals.

    Signals have different units, so only their order counts, and no weights are needed. Frames that are equal by a
    signal share the mean of their places. A signal that is the same everywhere says nothing, nor does one of a frame
    where it is NaN: that frame is in the middle.

    Args:
        signals: Name -> (n,), larger for less sure.

    Returns:
        (n,) from 0, surest by every signal, to 1, least sure by every signal.
    """
    return np.mean([_places(values) for values in signals.values()], axis=0)


def part_surer(values: np.ndarray) -> np.ndarray:
    """(n,) the part of frames that are surer than each by a signal (n,); NaN where it says nothing."""
    known = np.isfinite(values)
    surer = np.searchsorted(np.sort(values[known]), values) / max(1, known.sum())
    return np.where(known, surer, np.nan)


def reasons_for(values: Mapping[str, float], surer: Mapping[str, float]) -> tuple[str, ...]:
    """Why a frame is unsure, in words: the signals by which it stands out most, the clearest first.

    Args:
        values: What each signal says of the frame, by the names of `WORDS`.
        surer: The part of frames that are surer by each signal.

    Returns:
        Those by which it is less sure than three quarters of the frames, at most three; else the one by which it stands
        out most; none if nothing speaks against it.
    """
    order = sorted((name for name, value in values.items() if value > 0), key=lambda name: -surer[name])
    notable = [name for name in order if surer[name] >= _NOTABLE][:_MOST_REASONS] or order[:1]
    return tuple(WORDS[name](values[name]) for name in notable)


def _places(values: np.ndarray) -> np.ndarray:
    """(n,) places in the order of values as numbers from 0 to 1: the mean of them for equal values, 1/2 for NaN."""
    known = np.isfinite(values)
    places = np.full(len(values), 0.5)
    if known.sum() > 1:
        places[known] = (rankdata(values[known]) - 1) / (known.sum() - 1)
    return places
