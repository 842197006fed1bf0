"""JSON files that are large, cut or no JSON."""

import io
import json
from pathlib import Path

import pytest

from poetlab.errors import LabelError
from poetlab.labels import json_file
from poetlab.labels.json_file import drain, read_json, read_json_list


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


@pytest.mark.parametrize("chunk", [1, 7, 2**20])
def test_the_entries_of_a_list_come_one_by_one(tmp_path: Path, monkeypatch, chunk: int) -> None:
    monkeypatch.setattr(json_file, "_CHUNK", chunk)
    entries = [{"a": [1, {"b": "]}, é"}]}, {}, {"c": None}]
    for indent in (None, 2):
        (tmp_path / "a.json").write_text(json.dumps(entries, indent=indent), encoding="utf-8-sig")
        assert list(read_json_list(tmp_path / "a.json")) == entries
    (tmp_path / "a.json").write_text(" [ ] ")
    assert list(read_json_list(tmp_path / "a.json")) == []


@pytest.mark.parametrize("chunk", [1, 2**20])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "cut short after entry 0"),
        ("{}", "does not hold a list"),
        ("[", "cut short"),
        ("[{}", "cut short after entry 1"),
        ('[{"a": 1', "entry 1 of its list is cut short or damaged"),
        ("[{} {}]", "does not hold a list"),
        ("[{}] x", "something after its list"),
        ("[] x", "something after its list"),
        ("[1]", "entry 1 of its list is no object"),
        ("[{}, null]", "entry 2 of its list is no object"),
        ("[{},]", "entry 2 of its list is no object"),
        ("[" * 9, "entry 1 of its list is no object"),
    ],
)
def test_a_list_that_is_none_is_refused_in_one_line(
    tmp_path: Path, monkeypatch, content: str, reason: str, chunk: int
) -> None:
    monkeypatch.setattr(json_file, "_CHUNK", chunk)
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(LabelError, match=reason) as caught:
        list(read_json_list(tmp_path / "a.json"))
    assert "a.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_entry_without_end_is_not_read_into_memory(monkeypatch) -> None:
    monkeypatch.setattr(json_file, "_CHUNK", 2**10)
    monkeypatch.setattr(json_file, "_MAX_ENTRY", 2**12)
    file = io.StringIO('[{"a": [' + "0," * 2**16)
    with pytest.raises(ValueError, match="entry 1"):
        list(json_file._entries(file))
    assert file.tell() < 2**15


def test_lists_in_lists_in_lists_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[{"a": ' + "[" * 200_000)
    with pytest.raises(LabelError, match="not JSON text"):
        list(read_json_list(tmp_path / "a.json"))
