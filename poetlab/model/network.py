"""The two families of networks, where code serves both."""

from poetlab.model.poet import Poet, PoetOutput
from poetlab.model.presets import ModelSettings, SwiftSettings
from poetlab.model.swift import Swift, SwiftOutput

Network = Poet | Swift
"""A network of either family."""

NetworkOutput = PoetOutput | SwiftOutput
"""What it says: both have `poses`, `scores`, `of_layers` and `is_finite`."""


def build_network(settings: ModelSettings | SwiftSettings, n_keypoints: int) -> Network:
    """A network of random weights.

    Args:
        settings: Its sizes, which also tell its family.
        n_keypoints: Number of keypoints of the skeleton.

    Raises:
        ConfigError: If its backbone does not exist or does not fit.
    """
    if isinstance(settings, SwiftSettings):
        return Swift(settings, n_keypoints)
    return Poet(settings, n_keypoints)
