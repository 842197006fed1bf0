"""How near the whole analysis comes to the speed of the bare network, and whether its time depends on the animals.

    python tests/benchmarks/analysis_speed.py VIDEO... [--preset poet-swift-light] [--letterbox 256] [--batches 30]

For each video, and for a 1080p clip that is made here, it prints the frames a second of the network on tensors that lie
ready, those of `analyze_video` on as many frames (decoding, resizing, network, writing), and their ratio. The two are
timed in turn, several times; given are medians. Then it prints how much longer frames take in which ten or more animals
are found than frames with at most one. This is without tracking, because an untrained network finds nothing that could
be followed; so last come the times of tracking drawn animals that are found as a trained network finds them.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from poetlab.analysis.batches import read_batches
from poetlab.analysis.pipeline import analyze_video
from poetlab.analysis.plan import AnalysisPlan, Progress
from poetlab.analysis.prediction import FittingPredictor
from poetlab.analysis.selection import Selection
from poetlab.analysis.settings import AnalysisSettings
from poetlab.data.image_size import ImageSizeSettings
from poetlab.device import choose_device, computes_in_bfloat16
from poetlab.drawn.detections import Faults, detect, wandering_animals
from poetlab.drawn.scenario import Scenario
from poetlab.drawn.tracks import draw_video
from poetlab.inference import Predictor
from poetlab.model.folding import folded_copy
from poetlab.model.network import build_network
from poetlab.model.presets import is_swift, network_settings
from poetlab.skeleton import load_skeleton
from poetlab.tracking.settings import TrackingSettings
from poetlab.tracking.track import track_detections
from poetlab.video.reading import open_video
from poetlab.video.writing import VideoWriter

FULL_HD = (1080, 1920)
MANY = 12
"""Animals in a frame of the video with many."""

N_TRACKED = 2000
FAULTS = Faults(missed=0.02, false=0.01, noise=1)
SCENARIO = Scenario(body_length=0.1, roaming=0.6, sociability=0.4)


def main() -> None:
    """Time everything side by side."""
    options = parse_options()
    torch.manual_seed(0)
    skeleton, device = load_skeleton("mouse-topview"), choose_device(options.device)
    settings = network_settings(options.preset, backbone=None, n_queries=2 * MANY)
    model = build_network(settings, skeleton.n_keypoints).to(device).eval()
    letterbox = (options.letterbox, options.letterbox) if is_swift(options.preset) else None
    predictor = Predictor(
        folded_copy(model), skeleton, ImageSizeSettings(letterbox=letterbox), device, options.preset, {}
    )
    print(f"{options.preset} on {device}, {torch.get_num_threads()} threads, batches of {options.batch_size}")
    with tempfile.TemporaryDirectory() as folder:
        clip = write_full_hd_clip(Path(folder) / "full_hd.mp4", options.batch_size * options.batches)
        for video in [*options.videos, clip]:
            compare_with_bare_network(predictor, video, Path(folder), options)
        compare_numbers_of_animals(predictor, Path(folder), options)
        time_tracking()


def parse_options() -> argparse.Namespace:
    """What to time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="*", type=Path, metavar="VIDEO")
    parser.add_argument("--preset", default="poet-swift-light")
    parser.add_argument("--letterbox", type=int, default=256, help="side in pixels of what swift networks see")
    parser.add_argument("--device")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--batches", type=int, default=30, help="batches in each run")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each kind")
    return parser.parse_args()


def compare_with_bare_network(predictor: Predictor, video: Path, folder: Path, options: argparse.Namespace) -> None:
    """Print frames a second of the network alone and of the analysis."""
    ready = ready_input(predictor, video, options.batch_size)
    n_frames = options.batch_size * options.batches
    plan = plan_for(folder, options, n_frames)
    bare, whole = interleaved(
        lambda: run_bare(predictor, ready, options.batches), lambda: run_whole(predictor, video, plan), options.rounds
    )
    ratio = statistics.median(b / w for b, w in zip(bare, whole, strict=True))
    bare_rate, whole_rate = (n_frames / statistics.median(seconds) for seconds in (bare, whole))
    print(f"{video.name}: network alone {bare_rate:.2f} frames/s at {ready.shape[2]} x {ready.shape[3]}, ", end="")
    print(f"analysis {whole_rate:.2f} frames/s, ratio {ratio:.3f}")


def ready_input(predictor: Predictor, video: Path, batch_size: int) -> Tensor:
    """The first frames of a video as the network takes them in: resized, normalized, in the same order in memory."""
    captured: list[Tensor] = []
    hook = predictor.model.register_forward_pre_hook(lambda _, inputs: captured.append(inputs[0]))
    with open_video(video) as opened:
        predictor.run(next(read_batches(opened, Selection(), batch_size)).images)
    hook.remove()
    return captured[0]


def compare_numbers_of_animals(predictor: Predictor, folder: Path, options: argparse.Namespace) -> None:
    """Print how the time of frames with many animals compares with that of frames with at most one."""
    n_frames = options.batch_size * options.batches
    few, many = (draw(folder / f"{n_animals}_animals.mp4", n_frames, n_animals) for n_animals in (1, MANY))
    threshold_of_few = max(np.nextafter(scores[1], 1) for scores in scores_of(predictor, few, options.batch_size))
    threshold_of_many = min(scores[MANY - 1] for scores in scores_of(predictor, many, options.batch_size))
    plan_of_few, plan_of_many = (
        replace(plan_for(folder, options, n_frames, threshold), tracking=TrackingSettings(enabled=False))
        for threshold in (threshold_of_few, threshold_of_many)
    )
    one, ten = interleaved(
        lambda: run_whole(predictor, few, plan_of_few),
        lambda: run_whole(predictor, many, plan_of_many),
        options.rounds,
    )
    ratio = statistics.median(b / a for a, b in zip(one, ten, strict=True))
    print(f"time of a frame with {MANY} animals or more over that with at most 1, untracked: {ratio:.3f}")


def time_tracking() -> None:
    """Print the time that tracking takes for one animal and for many."""
    for n_animals in (1, MANY):
        animals = wandering_animals(
            0, n_frames=N_TRACKED, n_animals=n_animals, size=(384, 384), fps=25, scenario=SCENARIO
        )
        found = detect(animals, FAULTS, seed=0).frames
        started = time.perf_counter()
        track_detections(zip(count(), animals.times, found), animals.skeleton, TrackingSettings(), n_animals)
        milliseconds = (time.perf_counter() - started) / N_TRACKED * 1000
        print(f"tracking, animals in a frame: {n_animals}: {milliseconds:.2f} ms a frame")


def plan_for(folder: Path, options: argparse.Namespace, n_frames: int, threshold: float = 0.5) -> AnalysisPlan:
    """An analysis of the first frames, begun anew each time."""
    settings = AnalysisSettings(threshold=threshold, batch_size=options.batch_size)
    return AnalysisPlan(folder, MANY, settings, Selection(max_frames=n_frames), overwrite=True)


def scores_of(predictor: Predictor, video: Path, batch_size: int) -> list[list[float]]:
    """Each frame's scores, highest first: with an untrained network, only a threshold between them sets the number."""
    with open_video(video) as opened:
        batches = [batch.images for batch in read_batches(opened, Selection(), batch_size)]
    return [found.scores.tolist() for images in batches for found in predictor.predict(images)]


def interleaved(
    first: Callable[[], float], second: Callable[[], float], n_rounds: int
) -> tuple[list[float], list[float]]:
    """Seconds of two things, done in turn after one round that does not count, each beginning every other round."""
    first(), second()
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(n_rounds):
        for which in (0, 1) if number % 2 == 0 else (1, 0):
            times[which].append((first, second)[which]())
    return times


@torch.inference_mode()
def run_bare(predictor: Predictor, ready: Tensor, n_batches: int) -> float:
    """Seconds of the network on tensors that lie ready."""
    started = time.perf_counter()
    with torch.autocast(predictor.device.type, torch.bfloat16, enabled=computes_in_bfloat16(predictor.device)):
        for _ in range(n_batches):
            predictor.model(ready)
    if predictor.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def run_whole(predictor: Predictor, video: Path, plan: AnalysisPlan) -> float:
    """Seconds of an analysis, from opening the video to the finished result file."""
    started = time.perf_counter()
    analyze_video(FittingPredictor(predictor), video, plan.output_dir / "result.h5", plan, Progress())
    return time.perf_counter() - started


def draw(path: Path, n_frames: int, n_animals: int) -> Path:
    """A video of drawn animals."""
    draw_video(path, n_frames=n_frames, n_animals=n_animals, size=(384, 384), seed=0)
    return path


def write_full_hd_clip(path: Path, n_frames: int) -> Path:
    """A 1080p H.264 clip of a grainy ground that moves under bright squares."""
    random = np.random.default_rng(0)
    ground = random.normal(120, 6, (*FULL_HD, 3)).clip(0, 255).astype(np.uint8)
    with VideoWriter(path, FULL_HD, 30) as writer:
        for index in range(n_frames):
            image = np.roll(ground, 3 * index, axis=1)
            image[400:500, 10 * index : 10 * index + 120] = (200, 80, 20)
            writer.write(image)
    return path


if __name__ == "__main__":
    main()
