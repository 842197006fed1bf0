"""JSON files that are large, cut or no JSON."""

from pathlib import Path

import pytest

from poetlab.errors import LabelError
from poetlab.labels.json_file import drain, read_json


def test_reads_an_object_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"images": [1]}')
    assert read_json(tmp_path / "a.json") == {"images": [1]}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"images": [', "not valid JSON"),
        (b"", "not valid JSON"),
        (b"[1, 2]", "holds a list"),
        (b"\xff\xd8\xff\xe0", "not JSON text"),
        (b"[" * 200_000, "not JSON text|not valid JSON"),
    ],
)
def test_anything_else_is_refused_in_one_line(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(LabelError, match=reason) as caught:
        read_json(tmp_path / "a.json")
    assert str(tmp_path / "a.json") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="No such file"):
        read_json(tmp_path / "a.json")


def test_drain_hands_over_in_order_and_empties_the_list() -> None:
    entries = [1, 2, 3]
    remaining = [(entry, len(entries)) for entry in drain(entries)]
    assert remaining == [(1, 2), (2, 1), (3, 0)]
