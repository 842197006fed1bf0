"""The network on batches, in parts that fit into memory."""

import hashlib
import logging
from functools import cached_property

import torch
from torch import Tensor

from poetlab.errors import DeviceError
from poetlab.inference import Predictor
from poetlab.model.network import NetworkOutput

logger = logging.getLogger(__name__)


class FittingPredictor:
    """A network that takes fewer frames at once from the moment on that memory did not hold more.

    Args:
        network: The network.

    Attributes:
        most_frames: Most frames that the network is given at once; None as long as memory held all.
    """

    def __init__(self, network: Predictor) -> None:
        self.network = network
        self.most_frames: int | None = None

    @cached_property
    def digest(self) -> str:
        """16 hexadecimal digits that tell the network's weights from others."""
        digest = hashlib.blake2b(digest_size=8)
        for name, weights in self.network.model.state_dict().items():
            digest.update(name.encode())
            digest.update(weights.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def run(self, images: Tensor) -> list[NetworkOutput]:
        """What the network says of a batch, in one or more parts that follow each other.

        Args:
            images: As for `Predictor.run`.

        Raises:
            DeviceError: If memory does not hold what a single frame takes.
        """
        while True:
            part_size = min(self.most_frames or len(images), len(images))
            try:
                return [self.network.run(part) for part in images.split(part_size)]
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            # After the except clause, which holds on to what took the memory.
            self._take_fewer(part_size)

    def _take_fewer(self, part_size: int) -> None:
        device = self.network.device
        if part_size == 1:
            raise DeviceError(
                f"device '{device}' has not enough memory for one frame; end other programs, choose another --device, "
                "or train with a smaller image_size"
            )
        logger.warning("out of memory with %d frames at once; going on with %d", part_size, part_size // 2)
        self.most_frames = part_size // 2
        if device.type == "cuda":
            torch.cuda.empty_cache()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out; only CUDA has an error of its own for it."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    message = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in message or "can't allocate memory" in message)
