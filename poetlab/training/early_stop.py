"""When a run is over before its last epoch."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

_GAIN = 0.002
"""What AP must rise by to count as better."""

_FOUND = 0.1
"""The AP below which a run is still at its beginning, however long that takes."""


def is_flat(rows: Sequence[Mapping[str, Any]], patience: int, first: int = 0) -> bool:
    """Whether validation AP has not become better for `patience` epochs.

    A run that has found next to nothing is not flat: it may still begin to learn.

    Args:
        rows: Metrics of the epochs so far, as in `metrics.csv`; those with a validation have `val_AP`.
        patience: Epochs without anything better that are enough; 0 for never.
        first: Epoch after which patience begins.
    """
    by_epoch = {row["epoch"]: row["val_AP"] for row in rows if not math.isnan(row.get("val_AP", math.nan))}
    last = max(by_epoch, default=0)
    if patience == 0 or last - patience < first:
        return False
    before = max((ap for epoch, ap in by_epoch.items() if epoch <= last - patience), default=0.0)
    since = max(ap for epoch, ap in by_epoch.items() if epoch > last - patience)
    return before >= _FOUND and since < before + _GAIN
