"""A server on this machine that stands in for Zenodo and PyTorch."""

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from poetlab.weights.catalog import PublishedWeights


@dataclass
class Zenodo:
    """What the server serves, how it misbehaves, and what it was asked.

    Attributes:
        content: The file's bytes.
        md5: The checksum that its record states.
        cut_after: Bytes of the next answer after which it closes the connection; None for all.
        knows_ranges: Whether it can send the rest of a file.
        status: What it answers to a request for the file; 200 stands for its content.
        record: The record's JSON; None for the usual one.
        requests: Path and Range header of every request.
    agents: What the client called itself.
    """

    content: bytes
    md5: str
    port: int = 0
    cut_after: int | None = None
    knows_ranges: bool = True
    status: int = 200
    record: bytes | None = None
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def record_json(self) -> bytes:
        link = f"{self.address}/api/records/7972042/files/poet_ckpt.pth/content"
        wanted = {"key": "poet_ckpt.pth", "checksum": f"md5:{self.md5}", "size": len(self.content)}
        other = {"key": "README.md", "checksum": "md5:" + "0" * 32, "size": 3, "links": {"self": "nowhere"}}
        return json.dumps({"id": 7972042, "files": [other, wanted | {"links": {"self": link}}]}).encode()

    def weights(self) -> PublishedWeights:
        """POET's weights, as this server has them."""
        url = f"{self.address}/api/records/7972042"
        return PublishedWeights("coco", "weights", ("poet-r50",), "poet_ckpt.pth", url)

    def pytorch_weights(self) -> PublishedWeights:
        """A backbone's weights, as this server has them."""
        start = hashlib.sha256(self.content).hexdigest()[:8]
        url = f"{self.address}/models/resnet18-{start}.pth"
        return PublishedWeights("imagenet-resnet18", "weights", ("poet-r18",), f"resnet18-{start}.pth", url, start)


class _Handler(BaseHTTPRequestHandler):
    zenodo: Zenodo

    def do_GET(self) -> None:
        zenodo = self.zenodo
        asked = self.headers.get("Range")
        zenodo.requests.append((self.path, asked))
        zenodo.agents.add(self.headers["User-Agent"])
        if not self.path.endswith(("/content", ".pth")):
            self.answer(200, zenodo.record if zenodo.record is not None else zenodo.record_json())
        elif zenodo.status != 200:
            self.answer(zenodo.status, b"no")
        elif asked and zenodo.knows_ranges:
            first = int(asked.removeprefix("bytes=").removesuffix("-"))
            n = len(zenodo.content)
            if first >= n:
                self.answer(416, b"")
            else:
                self.answer(206, zenodo.content[first:], {"Content-Range": f"bytes {first}-{n - 1}/{n}"})
        else:
            self.answer(200, zenodo.content)

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        is_file = self.path.endswith(("/content", ".pth"))
        self.wfile.write(body[: self.zenodo.cut_after] if is_file else body)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of weights; proxies of this machine are of no concern."""
    monkeypatch.setenv("POETLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache"


@pytest.fixture
def zenodo(cache: Path) -> Iterator[Zenodo]:  # noqa: ARG001 (nothing may be fetched into the user's own cache)
    """A server with a file of a megabyte."""
    content = hashlib.shake_256(b"weights").digest(1_000_000)
    served = Zenodo(content, hashlib.md5(content).hexdigest())
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"zenodo": served}))
    served.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield served
    server.shutdown()
    server.server_close()
    thread.join()
