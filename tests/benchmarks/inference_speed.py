"""How much faster poetlab predicts than the published code, at equal output.

    python tests/benchmarks/inference_speed.py [--compile] [--runs N]

Builds the network as the published code does (`published_model.py`) and as poetlab does, with the same weights;
checks that all decoder layers give the same; then runs both in turn, with torchvision's plain ResNet-50 as a
yardstick, and prints medians and the medians of the ratios within each round. On the machine where the published
code was timed, the yardstick took about 260 ms: its times are scaled by what the yardstick takes here.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from published_model import PublishedModel, randomize
from torch import Tensor
from torchvision.models import resnet50

from poetlab.device import computes_in_bfloat16
from poetlab.model.folding import folded_copy
from poetlab.model.poet import Poet, PoetOutput
from poetlab.model.presets import find_preset
from poetlab.model.published import from_published

SIZE, N_KEYPOINTS, N_THREADS = (512, 512), 17, 2
TOLERANCE = 1e-4
PUBLISHED_MS = {1: 340.0, 4: 2119.0}
"""What a batch of 1 and of 4 took the published code, where the yardstick took `YARDSTICK_MS`."""
YARDSTICK_MS = 260.0
WANTED = {1: 1.3, 4: 1.8}

Run = Callable[[], object]


def main() -> None:
    """Compare on the CPU, and on a GPU where there is one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compile", action="store_true", help="also say what torch.compile adds (takes minutes)")
    parser.add_argument("--runs", type=int, default=10, help="rounds of batch 1; half as many of batch 4")
    options = parser.parse_args()
    torch.set_num_threads(N_THREADS)
    torch.manual_seed(0)
    published = PublishedModel(find_preset("poet-r50"), N_KEYPOINTS).eval()
    randomize(published)
    poet = Poet(find_preset("poet-r50"), N_KEYPOINTS).eval()
    poet.load_state_dict(from_published(published.state_dict()))
    with torch.inference_mode():
        compare_on_cpu(published, poet, options.runs)
        if options.compile:
            compare_compiled_on_cpu(folded_copy(poet), options.runs)
        if torch.cuda.is_available():
            compare_on_gpu(poet.cuda(), 4 * options.runs)
        else:
            print("no NVIDIA GPU here, so nothing is timed on one")


def compare_on_cpu(published: PublishedModel, poet: Poet, n_runs: int) -> None:
    """Print what batches of 1 and 4 take, and how the ratios are to what is wanted."""
    folded, yardstick = folded_copy(poet), resnet50(weights=None).eval()
    single = torch.randn(1, 3, *SIZE)
    print(f"{SIZE[0]} x {SIZE[1]}, {torch.get_num_threads()} threads, load {load()}, times in ms a batch")
    for batch_size, published_ms in PUBLISHED_MS.items():
        images = torch.randn(batch_size, 3, *SIZE)
        expected = PoetOutput(*published(images))
        difference = max(largest_difference(network(images), expected) for network in (poet, folded))
        if difference > TOLERANCE:
            raise SystemExit(f"batch {batch_size}: the networks disagree by {difference:.1e}")
        times = in_turn(
            {
                "torchvision's ResNet-50, batch 1": lambda: yardstick(single),
                "built as published": lambda images=images: published(images),
                "poetlab, as trained": lambda images=images: poet(images),
                "poetlab, folded": lambda images=images: folded(images),
            },
            n_runs if batch_size == 1 else (n_runs + 1) // 2,
        )
        yardstick_ms, built, _, fast = times.values()
        scaled = [published_ms / YARDSTICK_MS * ms for ms in yardstick_ms]
        print(f"\nbatch {batch_size}, outputs differ by at most {difference:.0e}, load {load()}")
        for name, ms in times.items():
            print(f"  {name:33} {statistics.median(ms):7.1f}")
        print(f"  {'published code, scaled':33} {statistics.median(scaled):7.1f}")
        print(f"  folded is {ratio(built, fast):.2f} times as fast as built as published,")
        print(f"  and {ratio(scaled, fast):.2f} times as fast as the published code (wanted: {WANTED[batch_size]})")


def compare_compiled_on_cpu(folded: Poet, n_runs: int) -> None:
    """Print what compilation adds, or why it cannot be had."""
    compiled = torch.compile(folded, dynamic=False)
    for batch_size in PUBLISHED_MS:
        images = torch.randn(batch_size, 3, *SIZE)
        expected = folded(images)
        started = time.perf_counter()
        try:
            difference = largest_difference(compiled(images), expected)
        except RuntimeError as error:  # mostly: no C++ compiler
            print(f"\ntorch.compile does not work here: {str(error).splitlines()[0]}")
            return
        seconds = time.perf_counter() - started
        times = in_turn(
            {"folded": lambda images=images: folded(images), "compiled": lambda images=images: compiled(images)},
            (n_runs + 1) // 2,
        )
        gain = ratio(times["folded"], times["compiled"])
        print(
            f"\nbatch {batch_size}: compiled is {gain:.2f} times as fast as folded, after {seconds:.0f} s of compiling;"
        )
        print(f"  outputs differ by at most {difference:.0e}")


def compare_on_gpu(poet: Poet, n_runs: int) -> None:
    """Print what folding, bfloat16 and compilation add to float32 on a GPU."""
    folded = folded_copy(poet)
    compiled = torch.compile(folded, dynamic=False)
    print(f"\n{torch.cuda.get_device_name()}, times in ms a batch; the ratio is to float32 as trained")
    for batch_size in (1, 8):
        images = torch.randn(batch_size, 3, *SIZE, device="cuda")
        expected = poet(images)
        runs: dict[str, Callable[[], PoetOutput]] = {
            "float32, as trained": lambda images=images: poet(images),
            "float32, folded": lambda images=images: folded(images),
            "float32, folded, compiled": lambda images=images: compiled(images),
        }
        if computes_in_bfloat16(images.device):
            runs["bfloat16, folded"] = lambda images=images: in_bfloat16(folded, images)
            runs["bfloat16, folded, compiled"] = lambda images=images: in_bfloat16(compiled, images)
        differences = {name: largest_difference(run(), expected) for name, run in runs.items()}
        times = in_turn({name: waited_for(run) for name, run in runs.items()}, n_runs)
        print(f"batch {batch_size}")
        for name, ms in times.items():
            gain = ratio(times["float32, as trained"], ms)
            print(f"  {name:27} {statistics.median(ms):7.2f}  {gain:5.2f}x  differs by {differences[name]:.0e}")


def in_bfloat16(network: Callable[[Tensor], PoetOutput], images: Tensor) -> PoetOutput:
    """As `Predictor` does on a GPU."""
    with torch.autocast("cuda", torch.bfloat16):
        return network(images)


def waited_for(run: Run) -> Run:
    """The same, until the GPU is done."""

    def run_and_wait() -> None:
        run()
        torch.cuda.synchronize()

    return run_and_wait


def in_turn(runs: Mapping[str, Run], n_runs: int) -> dict[str, list[float]]:
    """Milliseconds of each, round after round, after one that does not count."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    for _ in range(n_runs):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - started) * 1000)
    return times


def ratio(slow: list[float], fast: list[float]) -> float:
    """The median of the ratios within each round, which a machine that is busy for a while disturbs least."""
    return statistics.median(a / b for a, b in zip(slow, fast, strict=True))


def largest_difference(found: PoetOutput, expected: PoetOutput) -> float:
    """Over class logits and pose vectors of all decoder layers."""
    pairs = ((found.class_logits, expected.class_logits), (found.pose_vectors, expected.pose_vectors))
    return max((a - b).abs().max().item() for a, b in pairs)


def load() -> str:
    """How busy the machine has been in the last minute, where the system tells."""
    path = Path("/proc/loadavg")
    return path.read_text(encoding="utf-8").split()[0] if path.exists() else "unknown"


if __name__ == "__main__":
    main()
