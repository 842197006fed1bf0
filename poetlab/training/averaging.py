"""A moving average of a network's weights, which is steadier than the weights of any one step."""

from copy import deepcopy

import torch

from poetlab.model.network import Network


class AveragedWeights:
    """A network whose weights and buffers follow those of one that is trained, as an exponential moving average.

    Buffers count as weights do, so that batch normalization fits the averaged weights; those that are no real numbers
    are copied.

    Attributes:
        model: The averaged network; equal to the trained one at first.
    """

    def __init__(self, model: Network, decay: float) -> None:
        """Start with a copy of a network.

        Args:
            model: Left as it is.
            decay: Weight of the past in each step, from 0 to 1, once many steps are done.
        """
        self.model = deepcopy(model).requires_grad_(requires_grad=False).eval()
        self._decay = decay

    @torch.no_grad()
    def update(self, model: Network, n_before: int) -> None:
        """Follow the trained network by one step.

        Args:
            model: The trained network after the step.
            n_before: Steps that were done before this one.
        """
        weight = 1 - warmed_decay(self._decay, n_before)
        current = model.state_dict()
        for name, average in self.model.state_dict().items():
            if average.is_floating_point():
                average.lerp_(current[name], weight)
            else:
                average.copy_(current[name])


def warmed_decay(decay: float, n_before: int) -> float:
    """The decay after so many steps: small at first, so that a short run is not an average of its start.

    The average then spans about the last tenth of all steps, until `decay` is reached
    (https://www.tensorflow.org/api_docs/python/tf/train/ExponentialMovingAverage).
    """
    return min(decay, (1 + n_before) / (10 + n_before))
