"""How a processor's cores are shared by batches that are computed at the same time."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_MOST_WORKERS = 4
"""Each holds a batch with all that a network makes of it in memory."""


@contextmanager
def share_cores(device: torch.device) -> Iterator[int]:
    """Compute with few cores in each thread while the block runs, so that there can be several threads.

    Where several cores work on one batch, all wait for the one that also decodes or writes. Where each works on a batch
    of its own, none does. It holds for this thread and for those that begin in the block.

    Args:
        device: Where the network computes; all but a CPU take one batch at a time.

    Yields:
        How many threads are to compute a batch at the same time.
    """
    n_cores = torch.get_num_threads()
    cores_each = math.ceil(n_cores / _MOST_WORKERS) if device.type == "cpu" else n_cores
    try:
        torch.set_num_threads(cores_each)
        yield n_cores // cores_each
    finally:
        torch.set_num_threads(n_cores)
