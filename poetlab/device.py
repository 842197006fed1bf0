"""Which device computes."""

import torch

from poetlab.errors import DeviceError


def choose_device(name: str | None = None) -> torch.device:
    """The named device, or the best there is: an NVIDIA GPU, an Apple GPU, the CPU.

    Args:
        name: As torch names devices, such as `cpu`, `cuda`, `cuda:1`, `mps`; None or `auto` to choose.

    Raises:
        DeviceError: If the named device does not exist here.
    """
    if name is None or name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise DeviceError(f"device '{name}' is not available here; leave out --device to let poetlab choose") from error
    return device


def computes_in_bfloat16(device: torch.device) -> bool:
    """Whether mixed precision is worth it and safe: on NVIDIA GPUs that know bfloat16, which needs no loss scaling."""
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def trains_in_bfloat16_on_cpu() -> bool:
    """Whether training on this processor is faster in bfloat16: where it has tiles for it (AMX)."""
    if not hasattr(torch.cpu, "get_capabilities"):  # torch 2.11 does not tell
        return False
    return bool(torch.cpu.get_capabilities().get("amx_bf16", False))
