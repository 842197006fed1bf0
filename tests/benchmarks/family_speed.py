"""How long swift networks take beside faithful ones of like size: prints the ratio of each pair.

    python tests/benchmarks/family_speed.py [--threads 1]

Networks of random weights, folded as for prediction, see random images; of several turns side by side the best counts.
"""

import argparse
import time

import torch
from torch import Tensor

from poetlab.model.folding import folded_copy
from poetlab.model.network import Network, build_network
from poetlab.model.presets import find_preset

PAIRS = (("poet-r18", "poet-swift-light"), ("poet-r50", "poet-swift-medium"))
INPUTS = ((256, 1), (256, 8), (512, 1))
"""Side in pixels, and images at once."""

N_KEYPOINTS = 17
N_TURNS = 5


def main() -> None:
    """Time every pair with every input."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1, help="threads to compute with")
    torch.set_num_threads(parser.parse_args().threads)
    print("| side | images | faithful | ms | swift | ms | ratio |\n| --- | --- | --- | --- | --- | --- | --- |")
    for faithful, swift in PAIRS:
        networks = [folded_copy(build_network(find_preset(name), N_KEYPOINTS)) for name in (faithful, swift)]
        for side, n_images in INPUTS:
            images = torch.randn(n_images, 3, side, side)
            times = [milliseconds(network, images) for network in networks]
            row = (side, n_images, faithful, f"{times[0]:.1f}", swift, f"{times[1]:.1f}", f"{times[1] / times[0]:.2f}")
            print("| " + " | ".join(map(str, row)) + " |", flush=True)


@torch.inference_mode()
def milliseconds(network: Network, images: Tensor) -> float:
    """The best time of a network's prediction, after one that does not count."""
    network(images)
    times = []
    for _ in range(N_TURNS):
        start = time.perf_counter()
        network(images)
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


if __name__ == "__main__":
    main()
