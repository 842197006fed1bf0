"""An analysis that was stopped, however, goes on where it stopped and gives what an unbroken one gives."""

import logging
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from poetlab.poses import Instances
from poetlab.results.reading import read_attributes
from poetlab.results.writing import ResultsWriter
from poetlab.skeleton import Skeleton

OpenWriter = Callable[..., ResultsWriter]


def stop_after(writer: ResultsWriter, frames: list[Instances], n: int) -> None:
    with writer:
        writer.append(np.arange(n) / 25, frames[:n], np.arange(n))


def finish(writer: ResultsWriter, frames: list[Instances]) -> None:
    n, n_all = writer.n_frames, len(frames)
    with writer:
        writer.append(np.arange(n, n_all) / 25, frames[n:], range(n, n_all))
        writer.finish()


@pytest.mark.parametrize("n", range(1, 13))
def test_going_on_gives_the_same_file_as_not_stopping(
    open_writer: OpenWriter, write_results: Callable[..., Path], frames: list[Instances], tmp_path: Path, n: int
):
    expected = write_results(frames, "expected.h5").read_bytes()
    stop_after(open_writer(), frames, n)
    writer = open_writer()
    assert (writer.n_frames, writer.last_frame) == (n, n - 1)
    finish(writer, frames)
    assert (tmp_path / "video.h5").read_bytes() == expected
    assert not (tmp_path / "video.h5.partial").exists()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"video_fingerprint": "another"}, "video_fingerprint"),
        ({"model_digest": "another"}, "model_digest"),
        ({"model": "another"}, "model"),
        ({"individuals": ("zoe", "adam", "eve")}, "individuals"),
        ({"settings": {"score_threshold": 0.4}}, "settings"),
        ({"skeleton": Skeleton("fly", ("a", "b", "c", "d"))}, "skeleton"),
        ({"size": (480, 641)}, "width"),
    ],
)
def test_what_was_made_with_something_else_is_begun_anew_and_said(
    open_writer: OpenWriter,
    write_results: Callable[..., Path],
    frames: list[Instances],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    change: dict[str, Any],
    named: str,
):
    expected = write_results(frames, "expected.h5", **change).read_bytes()
    stop_after(open_writer(), frames, 7)
    with caplog.at_level(logging.WARNING):
        writer = open_writer(**change)
    assert writer.n_frames == 0
    assert caplog.messages == [
        f"{tmp_path / 'video.h5.partial'}: the 7 frames in it are given up, since they were made with other {named}"
    ]
    finish(writer, frames)
    assert (tmp_path / "video.h5").read_bytes() == expected


def test_what_does_not_decide_the_results_may_change(
    open_writer: OpenWriter, frames: list[Instances], tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    stop_after(open_writer(other_settings={"max_frames": 7}), frames, 7)
    finish(open_writer(video="renamed.mp4", fps=25.0, other_settings={"max_frames": None}), frames)
    assert caplog.messages == []
    attributes = read_attributes(tmp_path / "video.h5")
    assert (attributes["n_frames"], attributes["video"], attributes["fps"]) == (12, "renamed.mp4", 25.0)
    assert attributes["settings"] == {"score_threshold": 0.5, "max_frames": None}


def test_starting_again_can_be_asked_for(open_writer: OpenWriter, frames: list[Instances]):
    stop_after(open_writer(), frames, 7)
    writer = open_writer(resume=False)
    assert (writer.n_frames, writer.last_frame) == (0, None)
    stop_after(writer, frames, 2)
    with open_writer() as again:
        assert again.n_frames == 2


@pytest.mark.parametrize("content", [b"", b"my notes", b"PLR1" + bytes(60)])
def test_a_partial_file_that_cannot_be_read_is_begun_anew(
    open_writer: OpenWriter, write_results: Callable[..., Path], frames: list[Instances], tmp_path: Path, content: bytes
):
    expected = write_results(frames, "expected.h5").read_bytes()
    (tmp_path / "video.h5.partial").write_bytes(content)
    finish(open_writer(), frames)
    assert (tmp_path / "video.h5").read_bytes() == expected


def test_finishing_that_fails_keeps_the_work(
    open_writer: OpenWriter,
    write_results: Callable[..., Path],
    frames: list[Instances],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    def fail(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    expected = write_results(frames, "expected.h5").read_bytes()
    for target, name in ((h5py.Group, "create_dataset"), (h5py.Dataset, "__setitem__"), (Path, "replace")):
        with monkeypatch.context() as patch:
            patch.setattr(target, name, fail)
            with pytest.raises(KeyboardInterrupt):
                finish(open_writer(), frames)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["expected.h5", "video.h5.partial"]
    finish(open_writer(), frames)
    assert (tmp_path / "video.h5").read_bytes() == expected


WRITE = """
import sys
import numpy as np
from poetlab.poses import Instances
from poetlab.results.writing import ResultsWriter
from poetlab.skeleton import Skeleton

def found(frame):
    rng = np.random.default_rng(frame)
    n = frame % 7
    return Instances(rng.normal(size=(n, 5, 2)), rng.random((n, 5)), rng.random(n))

with ResultsWriter(
    sys.argv[1], skeleton=Skeleton("s", tuple("abcde")), individuals=("f", "g", "h"), size=(4, 4), fps=25.0,
    video="v.mp4", video_fingerprint="0", model="m", tracked=False, settings={},
) as writer:
    print(writer.n_frames, flush=True)
    for start in range(writer.n_frames, 4000, 8):
        frames = range(start, start + 8)
        writer.append(np.array(frames) / 25, [found(frame) for frame in frames], frames)
    writer.finish()
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_killed_at_random_moments(tmp_path: Path):
    started = time.monotonic()
    expected = tmp_path / "expected.h5"
    assert list(run_and_kill(expected, [])) == [0]
    duration = time.monotonic() - started
    chance = random.Random(7)
    n_kills = n_went_on = 0
    while n_kills < 20:
        path = tmp_path / f"{n_kills}.h5"
        kept = list(run_and_kill(path, [chance.uniform(0, 0.5 * duration) for _ in range(4)]))
        n_kills += len(kept) - 1
        n_went_on += sum(n > 0 for n in kept)
        assert kept == sorted(kept)
        assert path.read_bytes() == expected.read_bytes()
    assert n_went_on >= 10
    left = {path.name for path in tmp_path.iterdir() if path.suffix != ".h5"}
    assert left == set()


def run_and_kill(path: Path, delays: list[float]) -> Iterator[int]:
    """Write a file, killed after each of the delays where it was not done before, and then until it is done.

    Yields:
        The number of frames that each process found kept when it began.
    """
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    for delay in [*delays, None]:
        with subprocess.Popen(
            [sys.executable, "-c", WRITE, str(path)], stdout=subprocess.PIPE, text=True, env=environment
        ) as process:
            assert process.stdout is not None
            kept = int(process.stdout.readline())
            if delay is not None:
                time.sleep(delay)
                process.kill()
        yield kept
        if path.exists() and not path.with_name(f"{path.name}.partial").exists():
            path.with_name(f"{path.name}.lock").unlink(missing_ok=True)  # killed when all was done but the exit
            return
        assert process.returncode == -signal.SIGKILL
