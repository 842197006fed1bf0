"""Fetching published weights: with a checksum, going on where an earlier attempt was cut, and never half."""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pooch
import requests

import poetlab
from poetlab.errors import SnapshotError
from poetlab.files import whole_file
from poetlab.weights.catalog import PublishedWeights, cache_folder

OnBytes = Callable[[int, int], None]
"""Called with bytes done and in all."""

_TIMEOUT = 30  # seconds without any answer
_HEADERS = {
    "User-Agent": f"poetlab/{poetlab.__version__}",  # Zenodo limits clients that do not say who they are
    "Accept-Encoding": "identity",  # so that bytes are counted as they lie in the file
}
_CHUNK = 2**18
_NOTHING_LEFT = 416  # HTTP: the file has no bytes from there on


@dataclass(frozen=True)
class _Source:
    """Where a file is and how to know that it came whole.

    Attributes:
        url: Of the file itself.
        known_hash: `md5:...` of the file, in pooch's form; None if only `sha256_start` is known.
        sha256_start: The first digits of its SHA-256, which pooch cannot check.
    """

    url: str
    known_hash: str | None
    sha256_start: str | None


def fetch(weights: PublishedWeights, on_progress: OnBytes | None = None) -> Path:
    """The file of some weights, downloaded unless it is in the cache already.

    What an attempt that was cut has brought is kept under another name, and the next attempt goes on from there where
    the server can do that. The file gets its own name when its checksum is right, and not before.

    Args:
        weights: Which weights.
        on_progress: Called with bytes done and in all while it downloads.

    Raises:
        SnapshotError: If it cannot be had; says what to do on a machine without internet.
    """
    if weights.path.is_file():
        return weights.path
    pooch.get_logger().setLevel(logging.WARNING)  # or it prints to the terminal where it downloads to
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        source = _read_record(weights) if weights.sha256_start is None else _pytorch_source(weights)
        digits = (source.known_hash or f"sha256:{source.sha256_start}").partition(":")[2]
        partial = folder / f"{weights.file_name}.{digits[:8]}.download"
        download = _ResumingDownload(partial, source.sha256_start, on_progress)
        pooch.retrieve(
            source.url, known_hash=source.known_hash, fname=weights.file_name, path=folder, downloader=download
        )
    except requests.RequestException as error:
        raise SnapshotError(f"{weights.name}: {_explain(error, weights)}; {_what_to_do(weights)}") from error
    except ValueError as error:  # pooch's, and that of the download, for a wrong checksum
        raise SnapshotError(
            f"{weights.name}: what came is not the published {weights.file_name} (its checksum differs) and was "
            f"deleted; {_what_to_do(weights)}"
        ) from error
    except OSError as error:
        raise SnapshotError(
            f"{folder}: cannot be written ({error.strerror or error}); free some space, or set "
            "POETLAB_CACHE to another folder"
        ) from error
    return weights.path


class _ResumingDownload:
    """Downloads for `pooch.retrieve`, which itself would throw away what came before a cut."""

    def __init__(self, partial: Path, sha256_start: str | None, on_progress: OnBytes | None) -> None:
        self.partial = partial
        self.sha256_start = sha256_start
        self.on_progress = on_progress

    def __call__(self, url: str, output_file: str, _: pooch.Pooch | None) -> None:
        """Bring a file to `output_file`, whole.

        Raises:
            ValueError: If its SHA-256 starts otherwise.
            RequestException: If the server cannot be reached, refuses, or stops early.
            OSError: If the file cannot be written.
        """
        done = self.partial.stat().st_size if self.partial.is_file() else 0
        headers = _HEADERS | ({"Range": f"bytes={done}-"} if done else {})
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
            if not (done and response.status_code == _NOTHING_LEFT):
                response.raise_for_status()
                continues = response.headers.get("Content-Range", "").startswith(f"bytes {done}-")
                self._write(response, done if done and continues else 0)
        if self.sha256_start and not pooch.file_hash(str(self.partial)).startswith(self.sha256_start):
            self.partial.unlink()
            raise ValueError(f"{url}: SHA-256 does not start with {self.sha256_start}")
        self.partial.replace(output_file)

    def _write(self, response: requests.Response, done: int) -> None:
        """Write an answer after the first `done` bytes."""
        total = done + int(response.headers.get("Content-Length", 0))
        with self.partial.open("ab") as file:
            file.truncate(done)
            for chunk in response.iter_content(_CHUNK):
                file.write(chunk)
                done += len(chunk)
                if self.on_progress:
                    self.on_progress(done, max(done, total))
        if done < total:  # urllib3 1 does not notice
            raise requests.exceptions.ChunkedEncodingError(f"{done} of {total} bytes came")


def _pytorch_source(weights: PublishedWeights) -> _Source:
    return _Source(weights.url, known_hash=None, sha256_start=weights.sha256_start)


def _read_record(weights: PublishedWeights) -> _Source:
    """Ask Zenodo's API (https://developers.zenodo.org) where the file is, and keep the checksum that it states.

    pooch has a downloader of its own for Zenodo, but it asks doi.org and zenodo.org by fixed addresses.
    """
    response = requests.get(weights.url, headers=_HEADERS, timeout=_TIMEOUT)
    response.raise_for_status()
    try:
        entries: list[dict[str, Any]] = response.json()["files"]
        (entry,) = (entry for entry in entries if entry["key"] == weights.file_name)
        url, checksum = str(entry["links"]["self"]), str(entry["checksum"])
        (md5,) = re.findall(r"^(?:md5:)?([0-9a-f]{32})$", checksum)
    except (ValueError, KeyError, TypeError) as error:
        raise SnapshotError(
            f"{weights.name}: {weights.url} does not describe {weights.file_name} in the form that poetlab knows; "
            f"download it in a browser, then run: poetlab weights add {weights.file_name}"
        ) from error
    with whole_file(weights.md5_path) as partial:
        partial.write_text(f"{md5}  {weights.file_name}\n", encoding="utf-8")
    return _Source(url, known_hash=f"md5:{md5}", sha256_start=None)


def _explain(error: requests.RequestException, weights: PublishedWeights) -> str:
    server = urlsplit(weights.url).netloc
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"{server} answered with status {error.response.status_code}"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return f"the connection to {server} was cut, and the next attempt goes on from there if the server can do that"
    return f"{server} cannot be reached or no longer answers"


def _what_to_do(weights: PublishedWeights) -> str:
    return (
        f"try again, or run `poetlab weights fetch {weights.name}` on a machine with internet, carry "
        f"{weights.file_name} here, and run `poetlab weights add {weights.file_name}`"
    )
