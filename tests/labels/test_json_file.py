"""JSON files that are large, cut or no JSON."""

import json
import re
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from poetlab.errors import LabelError
from poetlab.labels import json_file
from poetlab.labels.json_file import drain, read_json_list, read_json_object


def read(path: Path, lists: tuple[str, ...] = ("images",)) -> dict[str, object]:
    """The whole object, with its lists."""
    return {
        name: list(value) if isinstance(value, Iterator) else value for name, value in read_json_object(path, lists)
    }


@pytest.mark.parametrize("chunk", [1, 7, 2**20])
def test_the_members_of_an_object_come_one_by_one(tmp_path: Path, monkeypatch, chunk: int) -> None:
    monkeypatch.setattr(json_file, "_CHUNK", chunk)
    content = {"info": {"a": [1]}, "n": 12.5, "images": [{"b": "]}, é\\n"}, {}], "none": None, "text": "1", "empty": []}
    for indent in (None, 2):
        text = json.dumps(content | {"skipped": [[1, [2]], "}"]}, indent=indent)
        (tmp_path / "a.json").write_text(text, encoding="utf-8-sig")
        assert read(tmp_path / "a.json", ("images", "empty")) == content
    (tmp_path / "a.json").write_text(" { } ")
    assert read(tmp_path / "a.json") == {}


def test_what_is_not_taken_of_a_list_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"images": [{"a": 1}, {"a": 2}, {"a": 3}], "end": true}')
    members = read_json_object(tmp_path / "a.json", ["images"])
    _, images = next(members)
    assert next(images) == {"a": 1}
    assert list(members) == [("end", True)]


@pytest.mark.parametrize("chunk", [1, 2**20])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"images": [', "not valid JSON"),
        (b'{"images": [{}', "not valid JSON (no , or ] at line 1)"),
        (b'{"images":\n[{}\n{}]}', "not valid JSON (no , or ] at line 3)"),
        (
            b'{"images":\n[{},\n\n{"a": nul}]}',
            "entry 2 of its list 'images' is cut short or damaged, Expecting value at",
        ),
        (b'{"images": [1]}', "entry 1 of its list 'images' is no object"),
        (b'{"a": 1} 2', "something after its end"),
        (b"{1: 2}", "no name of a member"),
        (b'{"a" 2}', "no : at line 1"),
        (b"3", "not valid JSON (no { at line 1)"),
        (b"", "not valid JSON"),
        (b"[1, 2]", "holds a list"),
        (b"\xff\xd8\xff\xe0", "not JSON text"),
        (b'{"a": ' + b"[" * 200_000, "not JSON text"),
    ],
)
def test_anything_else_is_refused_in_one_line(
    tmp_path: Path, monkeypatch, content: bytes, reason: str, chunk: int
) -> None:
    monkeypatch.setattr(json_file, "_CHUNK", chunk)
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(LabelError, match=re.escape(reason)) as caught:
        read(tmp_path / "a.json")
    assert str(tmp_path / "a.json") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="No such file"):
        read(tmp_path / "a.json")


@pytest.mark.parametrize("name", ["images", "licenses"])
def test_lists_without_end_are_refused(tmp_path: Path, monkeypatch, name: str) -> None:
    monkeypatch.setattr(json_file, "_MAX_ENTRIES", 1000)
    (tmp_path / "a.json").write_text(f'{{"{name}": [{"{}, " * 1000}{{}}]}}')
    with pytest.raises(LabelError, match=f"its list '{name}' has more than 1,000 entries") as caught:
        read(tmp_path / "a.json")
    assert "\n" not in str(caught.value)


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
        ("", "not valid JSON (no [ at line 1)"),
        ("{}", "does not hold a list"),
        ("[", "cut short"),
        ("[{}", "not valid JSON (no , or ] at line 1)"),
        ('[{"a": 1', "entry 1 of its list is cut short or damaged"),
        ("[{} {}]", "not valid JSON (no , or ] at line 1)"),
        ("[{}] x", "something after its end"),
        ("[] x", "something after its end"),
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
    with pytest.raises(LabelError, match=re.escape(reason)) as caught:
        list(read_json_list(tmp_path / "a.json"))
    assert "a.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_entry_without_end_is_not_read_into_memory(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(json_file, "_CHUNK", 2**10)
    monkeypatch.setattr(json_file, "_MAX_VALUE", 2**12)
    (tmp_path / "a.json").write_text('[{"a": [' + "0," * 2**22)
    tracemalloc.start()
    try:
        with pytest.raises(LabelError, match="entry 1 of its list is longer than 4,096 characters"):
            list(read_json_list(tmp_path / "a.json"))
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_lists_in_lists_in_lists_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[{"a": ' + "[" * 200_000)
    with pytest.raises(LabelError, match="not JSON text"):
        list(read_json_list(tmp_path / "a.json"))
