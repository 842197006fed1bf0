"""Writing and reading results takes no more memory for a long video than for a short one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

WRITE_AND_READ = """
import resource, sys
import numpy as np
from pathlib import Path
from poetlab.poses import Instances
from poetlab.results.reading import iter_detections
from poetlab.results.rewriting import rewrite_results
from poetlab.results.writing import ResultsWriter
from poetlab.skeleton import Skeleton

path, n_frames, k = Path(sys.argv[1]), int(sys.argv[2]), 13
rng = np.random.default_rng(0)
found = Instances(rng.random((10, k, 2), np.float32), rng.random((10, k), np.float32), rng.random(10, np.float32))
with ResultsWriter(
    path, skeleton=Skeleton("s", tuple(f"k{i}" for i in range(k))), individuals=tuple("abcdefgh"), size=(4, 4),
    fps=25.0, video="v", video_fingerprint="f", model="m", tracked=False, settings={},
) as writer:
    for start in range(0, n_frames, 8):
        frames = np.arange(start, start + 8)
        writer.append(frames / 25, [found] * 8, frames)
    writer.finish()
n_detections = sum(len(instances) for _, _, instances in iter_detections(path))
slots = np.full(n_detections, -1, np.int32)
rewrite_results(path, path.with_name("new.h5"), individuals=("a",), slots=slots, tracked=True, overwrite=True)
print(n_detections, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, path.stat().st_size)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="this system does not say how much memory was used at most")
def test_peak_memory_does_not_grow_with_the_video(tmp_path: Path):
    measured = []
    for n_frames in (2000, 20000):
        command = [sys.executable, "-c", WRITE_AND_READ, str(tmp_path / "video.h5"), str(n_frames)]
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        n_detections, peak, size = map(int, done.stdout.split())
        assert n_detections == 10 * n_frames
        measured.append((peak, size))
    (short_peak, short_size), (long_peak, long_size) = measured
    assert long_size > 8 * short_size
    assert long_peak < 1.1 * short_peak
