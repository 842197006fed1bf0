"""Fetching weights from a server that behaves, and from one that does not: a file is there whole or not at all."""

import hashlib
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import poetlab
from poetlab.cli.weights import fetch as show_fetch
from poetlab.errors import SnapshotError
from poetlab.weights.catalog import PublishedWeights
from poetlab.weights.download import fetch

ADVICE = ("poetlab weights fetch", "on a machine with internet", "poetlab weights add")


def refusal(weights: PublishedWeights) -> str:
    """The one line in which fetching fails."""
    with pytest.raises(SnapshotError) as caught:
        fetch(weights)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(f"{weights.name}: ")
    return text


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def partial_file(cache: Path) -> Path:
    (path,) = cache.glob("*.download")
    return path


@pytest.mark.parametrize("kind", ["weights", "pytorch_weights"])
def test_a_file_is_fetched_once_with_its_progress(zenodo: Any, cache: Path, kind: str) -> None:
    weights = getattr(zenodo, kind)()
    seen: list[tuple[int, int]] = []
    path = fetch(weights, lambda done, total: seen.append((done, total)))
    assert path == weights.path == cache / weights.file_name
    assert path.read_bytes() == zenodo.content
    assert {total for _, total in seen} == {len(zenodo.content)}
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1][0] == len(zenodo.content)
    n_requests = len(zenodo.requests)
    assert fetch(weights) == path
    assert len(zenodo.requests) == n_requests
    assert not list(cache.glob("*.download"))


def test_the_checksum_of_the_record_is_kept(zenodo: Any, cache: Path) -> None:
    weights = zenodo.weights()
    assert weights.record_md5 is None
    fetch(weights)
    assert names(cache) == ["poet_ckpt.pth", "poet_ckpt.pth.md5"]
    assert (cache / "poet_ckpt.pth.md5").read_text() == f"{zenodo.md5}  poet_ckpt.pth\n"
    assert weights.record_md5 == zenodo.md5


@pytest.mark.parametrize("kind", ["weights", "pytorch_weights"])
def test_a_wrong_checksum(zenodo: Any, cache: Path, kind: str) -> None:
    weights = getattr(zenodo, kind)()
    right = zenodo.content
    zenodo.content = right[:-1] + bytes([right[-1] ^ 1])
    text = refusal(weights)
    assert all(words in text for words in ("checksum", "deleted", *ADVICE))
    assert not list(cache.glob("*.pth"))
    assert not list(cache.glob("*.download"))
    zenodo.content = right
    assert fetch(weights).read_bytes() == right


@pytest.mark.parametrize("kind", ["weights", "pytorch_weights"])
@pytest.mark.parametrize("knows_ranges", [True, False])
def test_a_cut_connection_and_a_second_attempt(zenodo: Any, cache: Path, kind: str, knows_ranges: bool) -> None:
    weights = getattr(zenodo, kind)()
    zenodo.knows_ranges = knows_ranges
    zenodo.cut_after = 600_000
    text = refusal(weights)
    assert all(words in text for words in ("was cut", "next attempt", *ADVICE))
    assert not weights.path.exists()
    came = partial_file(cache).stat().st_size
    assert partial_file(cache).read_bytes() == zenodo.content[:came]
    assert 0 < came <= 600_000

    zenodo.cut_after = None
    zenodo.requests.clear()
    seen: list[tuple[int, int]] = []
    assert fetch(weights, lambda done, total: seen.append((done, total))).read_bytes() == zenodo.content
    assert zenodo.requests[-1][1] == f"bytes={came}-"
    assert (seen[0][0] > came) == knows_ranges
    assert seen[-1] == (len(zenodo.content), len(zenodo.content))
    assert not list(cache.glob("*.download"))


def test_a_download_cut_again_and_again_ends(zenodo: Any) -> None:
    zenodo.cut_after = 300_000
    attempts = 0
    while not zenodo.weights().path.exists():
        attempts += 1
        try:
            fetch(zenodo.weights())
        except SnapshotError:
            assert attempts < 10
    assert attempts == 4
    assert zenodo.weights().path.read_bytes() == zenodo.content


def test_a_whole_download_that_was_not_renamed_is_taken(zenodo: Any, cache: Path) -> None:
    cache.mkdir()
    (cache / f"poet_ckpt.pth.{zenodo.md5[:8]}.download").write_bytes(zenodo.content)
    assert fetch(zenodo.weights()).read_bytes() == zenodo.content
    assert zenodo.requests[-1][1] == f"bytes={len(zenodo.content)}-"


@pytest.mark.parametrize("rest", [b"x" * 400_000, b"x" * 2_000_000])
def test_a_beginning_of_another_file_is_found_out(zenodo: Any, cache: Path, rest: bytes) -> None:
    cache.mkdir()
    (cache / f"poet_ckpt.pth.{zenodo.md5[:8]}.download").write_bytes(rest)
    assert "checksum" in refusal(zenodo.weights())
    assert not zenodo.weights().path.exists()
    assert fetch(zenodo.weights()).read_bytes() == zenodo.content


@pytest.mark.parametrize("kind", ["weights", "pytorch_weights"])
def test_no_network(zenodo: Any, cache: Path, kind: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and it does not listen
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/api/records/1"
        text = refusal(replace(getattr(zenodo, kind)(), url=url))
    assert all(words in text for words in ("127.0.0.1", "cannot be reached", *ADVICE))
    assert names(cache) == []


@pytest.mark.parametrize("status", [404, 429, 503])
def test_a_server_that_refuses(zenodo: Any, cache: Path, status: int) -> None:
    zenodo.status = status
    text = refusal(zenodo.weights())
    assert all(words in text for words in (f"status {status}", *ADVICE))
    assert not list(cache.glob("*.pth"))


@pytest.mark.parametrize(
    "record",
    [
        b"<html>maintenance</html>",
        b"[]",
        b'{"files": []}',
        b'{"files": [{"key": "poet_ckpt.pth", "checksum": "md5:none", "links": {"self": "http://127.0.0.1/"}}]}',
        b'{"files": [{"key": "poet_ckpt.pth", "checksum": "md5:00000000000000000000000000000000"}]}',
    ],
)
def test_a_record_that_is_none(zenodo: Any, cache: Path, record: bytes) -> None:
    zenodo.record = record
    text = refusal(zenodo.weights())
    assert all(words in text for words in ("does not describe poet_ckpt.pth", "poetlab weights add"))
    assert names(cache) == []


def test_a_record_without_the_name_of_its_checksum(zenodo: Any) -> None:
    zenodo.record = zenodo.record_json().replace(b"md5:", b"")
    assert fetch(zenodo.weights()).read_bytes() == zenodo.content


def test_a_cache_that_cannot_be_written(zenodo: Any, cache: Path) -> None:
    cache.write_text("not a folder")
    with pytest.raises(SnapshotError, match=r"cannot be written.*POETLAB_CACHE"):
        fetch(zenodo.weights())


def test_the_server_is_told_who_asks(zenodo: Any) -> None:
    fetch(zenodo.weights())
    assert zenodo.agents == {f"poetlab/{poetlab.__version__}"}


def test_the_command_shows_the_progress_and_the_path(
    zenodo: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = zenodo.weights()
    monkeypatch.setattr("poetlab.weights.catalog.weights_named", lambda _: (weights,))
    show_fetch("coco")
    bar, path = capsys.readouterr().out.strip().splitlines()
    assert bar.startswith("fetching coco, MB")
    assert "1/1" in bar
    assert path == f"coco: {weights.path}"
    assert weights.path.read_bytes() == zenodo.content


def test_nothing_is_printed(zenodo: Any, capfd: pytest.CaptureFixture[str]) -> None:
    fetch(zenodo.weights())
    fetch(zenodo.pytorch_weights())
    assert capfd.readouterr() == ("", "")
    assert hashlib.md5(zenodo.weights().path.read_bytes()).hexdigest() == zenodo.md5
