"""How much of the encoder's speed is left when poses are drawn: frames a second and CPU time, with and without.

    python tests/benchmarks/rendering_speed.py [VIDEO]

Renders a drawn 1080p clip of five animals, and if one is given a video with two made-up ones, in turn with decoding the
video and encoding frames that were drawn before and lie ready, by the same threads. Prints medians and their ratios.
That of CPU time says more where other work runs on the machine.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
from av import VideoFrame
from av.video.reformatter import VideoReformatter

from poetlab.drawn.animals import LIZARD
from poetlab.drawn.tracks import draw_video
from poetlab.overlap import run_ahead
from poetlab.poses import Poses
from poetlab.rendering.video import Look, drawn_frames, render_video
from poetlab.video.reading import Frame, open_video
from poetlab.video.writing import VideoWriter

N_RUNS = 3
N_FRAMES = 150
ENLARGED = 4


def main() -> None:
    """Time both kinds of clips."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compare(*make_large_clip(folder), folder)
        if len(sys.argv) > 1:
            compare(Path(sys.argv[1]), made_up_poses(Path(sys.argv[1])), folder)


def compare(video: Path, poses: Poses, folder: Path) -> None:
    """Encode what was drawn before, and render, in turn, and print what drawing costs."""
    n, output = poses.n_frames, folder / "output.mp4"
    with open_video(video) as opened:
        ready = list(drawn_frames(opened, poses, Look()))
    works: tuple[Callable[[], object], ...] = (
        lambda: decode_and_encode(video, ready, output),
        lambda: render_video(video, poses, output),
    )
    works[1]()  # once, to load what is loaded once
    runs = np.array([[seconds(work) for work in works] for _ in range(N_RUNS)])
    print(f"{video.name}, {poses.size[1]} x {poses.size[0]}, {len(poses.individuals)} animals, {n} frames")
    names = ("decoding, and encoding what was drawn before", "rendering")
    for name, (clock, cpu) in zip(names, np.median(runs, axis=0), strict=True):
        print(f"  {name}: {n / clock:.1f} frames/s, {1000 * cpu / n:.2f} ms of CPU a frame")
    clock, cpu = np.median(runs[:, 0] / runs[:, 1], axis=0)
    print(f"  rendering has {clock:.2f} of the rate without drawing, by CPU time {cpu:.2f}")
    print(f"  decoding and encoding varied by {np.ptp(runs[:, 0, 0]) / np.median(runs[:, 0, 0]):.0%}")


def decode_and_encode(video_path: Path, ready: list[Frame], path: Path) -> None:
    """Decode a video in a thread, and encode other frames in place of its own."""
    with (
        open_video(video_path) as video,
        closing(run_ahead(video.planar_frames(stop=len(ready)), 3)) as frames,
        VideoWriter(path, video.size, video.fps, video.colors) as writer,
    ):
        for _, frame in zip(frames, ready, strict=True):
            writer.write_planar(frame.image, frame.time)


def make_large_clip(folder: Path) -> tuple[Path, Poses]:
    """A drawn clip, made four times as large in both directions, and its poses."""
    small, large = folder / "small.mp4", folder / "large.mp4"
    tracks = draw_video(small, n_frames=N_FRAMES, n_animals=5, size=(1080 // ENLARGED, 1920 // ENLARGED), seed=1)
    converter = VideoReformatter()
    with open_video(small) as video, VideoWriter(large, (1080, 1920), 25) as writer:
        for frame in video:
            enlarged = converter.reformat(VideoFrame.from_ndarray(frame.image, format="rgb24"), width=1920, height=1080)
            writer.write(enlarged.to_ndarray())
    return large, poses_of(tracks.keypoints[..., :2] * ENLARGED, (1080, 1920), large.name)


def made_up_poses(path: Path) -> Poses:
    """Two lizards that turn in circles, whatever the video shows."""
    with open_video(path) as video:
        n_frames, size = sum(1 for _ in video.frames(stop=10 * N_FRAMES)), video.size
    body = np.random.default_rng(0).uniform(-0.08, 0.08, (2, LIZARD.n_keypoints, 2)) * min(size)
    angles = np.arange(n_frames)[:, None, None] / 20 + np.array([[0], [np.pi]])
    place = np.stack([np.cos(angles), np.sin(angles)], axis=-1) * 0.3 * min(size) + np.array([size[1], size[0]]) / 2
    return poses_of(body + place, size, path.name)


def poses_of(keypoints: np.ndarray, size: tuple[int, int], video: str) -> Poses:
    """Tracked poses of which every keypoint is seen, more or less."""
    visibility = np.random.default_rng(0).uniform(0.4, 1, keypoints.shape[:3])
    frames = np.arange(len(keypoints))
    names = tuple(f"animal_{number}" for number in range(1, keypoints.shape[1] + 1))
    scores = np.ones(keypoints.shape[:2])
    return Poses(LIZARD, names, keypoints, visibility, scores, frames, frames / 25, size, 25.0, video, "drawn", True)


def seconds(function: Callable[[], object]) -> tuple[float, float]:
    """Of one call, by the clock and of all threads' CPU time; the latter says more on a machine with other work."""
    started, started_cpu = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - started, time.process_time() - started_cpu


if __name__ == "__main__":
    main()
