"""How the learning rates change over a run."""

import math

from poetlab.training.settings import TrainingSettings

_DROP = 0.1


def rate_factor(settings: TrainingSettings, epoch: float) -> float:
    """What every learning rate is multiplied with at a moment of a run.

    Args:
        settings: Their `schedule` is `drop`, the paper's: a tenth from the first whole epoch after
            `learning_rate_drop` on; or `cosine`: up from 0 over `warm_up`, then down to 0 along half a cosine
            (Loshchilov and Hutter, 2017, https://arxiv.org/abs/1608.03983, without restarts).
        epoch: The moment in epochs, counted from 0; the middle of a step in the second epoch lies between 1 and 2.
    """
    if settings.schedule == "drop":
        return _DROP if math.floor(epoch) >= settings.learning_rate_drop * settings.epochs else 1.0
    part = epoch / settings.epochs
    if part < settings.warm_up:
        return part / settings.warm_up
    return (1 + math.cos(math.pi * (part - settings.warm_up) / (1 - settings.warm_up))) / 2
