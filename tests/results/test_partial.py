"""The partial file is whole up to some batch, wherever it was cut off and whatever follows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from poetlab.errors import ResultsError
from poetlab.poses import Instances
from poetlab.results.detections import DetectionBlock, join_blocks, join_instances
from poetlab.results.partial import PartialFile

MADE_WITH = {"model": "m", "settings": {"threshold": 0.5}}


@pytest.fixture
def blocks(make_instances: Callable[[int, int], Instances]) -> list[DetectionBlock]:
    """Four batches of one to three frames, one of them without detections."""
    batches = []
    for numbers, counts in (([0, 2], [1, 2]), ([4], [0]), ([6, 8, 10], [0, 3, 1]), ([12, 14], [2, 2])):
        images = [make_instances(n, 3) for n in counts]
        frames = np.array(numbers)
        batches.append(DetectionBlock(frames, frames / 25, np.array(counts, np.int32), join_instances(images)))
    return batches


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for the disk, which a test of bytes needs not."""
    monkeypatch.setattr("os.fsync", lambda _: None)


def write(path: Path, blocks: list[DetectionBlock]) -> list[int]:
    """Write batches; return the length of the file before the first and after each."""
    partial = PartialFile(path, 3, MADE_WITH, resume=False)
    lengths = [path.stat().st_size]
    for block in blocks:
        partial.append(block)
        lengths.append(path.stat().st_size)
    partial.close()
    return lengths


def assert_same(found: DetectionBlock, expected: DetectionBlock) -> None:
    for name in ("frames", "times", "counts"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    for name in ("keypoints", "visibility", "scores"):
        np.testing.assert_array_equal(getattr(found.detections, name), getattr(expected.detections, name))


def test_what_was_added_is_read_back(tmp_path: Path, blocks: list[DetectionBlock]):
    write(tmp_path / "a", blocks)
    partial = PartialFile(tmp_path / "a", 3, MADE_WITH, resume=True)
    assert (partial.n_frames, partial.n_detections, partial.last_frame) == (8, 11, 14)
    assert_same(join_blocks(list(partial.blocks())), join_blocks(blocks))
    np.testing.assert_array_equal(partial.counts(), [1, 2, 0, 0, 3, 1, 2, 2])
    partial.close()


@pytest.mark.usefixtures("quick")
def test_cut_off_anywhere_it_keeps_all_whole_batches_and_goes_on(tmp_path: Path, blocks: list[DetectionBlock]):
    lengths = write(tmp_path / "whole", blocks)
    content = (tmp_path / "whole").read_bytes()
    n_frames = [0, 2, 3, 6, 8]
    for length in range(len(content) + 1):
        (tmp_path / "a").write_bytes(content[:length])
        partial = PartialFile(tmp_path / "a", 3, MADE_WITH, resume=True)
        n_whole = max(0, int(np.searchsorted(lengths, length, side="right")) - 1)
        assert partial.n_frames == n_frames[n_whole]
        for block in blocks[n_whole:]:
            partial.append(block)
        partial.close()
        assert (tmp_path / "a").read_bytes() == content


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("tail", [bytes(100), b"PLR1" + b"\xff" * 30, b"x", bytes(range(256))])
def test_what_a_power_cut_leaves_at_the_end_is_cut_off(tmp_path: Path, blocks: list[DetectionBlock], tail: bytes):
    write(tmp_path / "a", blocks)
    content = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(content + tail)
    partial = PartialFile(tmp_path / "a", 3, MADE_WITH, resume=True)
    assert partial.n_frames == 8
    partial.close()
    assert (tmp_path / "a").read_bytes() == content


@pytest.mark.usefixtures("quick")
def test_a_changed_byte_anywhere_is_noticed(tmp_path: Path, blocks: list[DetectionBlock]):
    lengths = write(tmp_path / "whole", blocks)
    content = (tmp_path / "whole").read_bytes()
    n_frames = [0, 0, 2, 3, 6, 8]
    for position in range(len(content)):
        (tmp_path / "a").write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
        partial = PartialFile(tmp_path / "a", 3, MADE_WITH, resume=True)
        partial.close()
        assert partial.n_frames == n_frames[int(np.searchsorted(lengths, position, side="right"))]


def test_damage_after_it_was_opened_is_noticed_when_it_is_read(tmp_path: Path, blocks: list[DetectionBlock]):
    lengths = write(tmp_path / "a", blocks)
    partial = PartialFile(tmp_path / "a", 3, MADE_WITH, resume=True)
    content = bytearray((tmp_path / "a").read_bytes())
    content[lengths[2] + 40] ^= 1
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(ResultsError, match="damaged on the disk after 3 frames"):
        list(partial.blocks())
    partial.close()


def test_a_write_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, blocks: list[DetectionBlock], monkeypatch: pytest.MonkeyPatch
):
    class HalfFull:
        """A file that takes some bytes and then no more."""

        def __init__(self, file: Any) -> None:
            self._file = file
            self._room = 50

        def __getattr__(self, name: str) -> Any:
            return getattr(self._file, name)

        def write(self, content: memoryview) -> int:
            if not self._room:
                raise OSError(28, "No space left on device")
            n_written = self._file.write(content[: self._room])
            self._room -= n_written
            return n_written

    write(tmp_path / "whole", blocks)
    partial = PartialFile(tmp_path / "a", 3, MADE_WITH, resume=True)
    partial.append(blocks[0])
    before = (tmp_path / "a").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(partial, "_file", HalfFull(partial._file))
        with pytest.raises(OSError, match="No space"):
            partial.append(blocks[1])
    assert (tmp_path / "a").read_bytes() == before
    assert (partial.n_frames, partial.last_frame) == (2, 2)
    for block in blocks[1:]:
        partial.append(block)
    partial.close()
    assert (tmp_path / "a").read_bytes() == (tmp_path / "whole").read_bytes()
