"""JSON files that may be large, cut short or not JSON at all."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from poetlab.errors import LabelError

_CHUNK = 2**20
"""Characters of a list that are read at a time."""

_SPACE = re.compile(r"\s*")

_MAX_ENTRY = 2**27
"""Characters of one entry of a list: more than any labels of one image take."""


def read_json(path: Path) -> dict[str, Any]:
    """The object that a JSON file holds.

    Raises:
        LabelError: If the file cannot be read, is not JSON (cut short, damaged), or holds no object.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            content = json.load(file)
    except OSError as error:
        raise LabelError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
    except json.JSONDecodeError as error:
        place = f"{error.msg} at line {error.lineno}, column {error.colno}"
        raise LabelError(f"{path}: not valid JSON ({place}); it is cut short or damaged, export it again") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise LabelError(f"{path}: not JSON text; give the label file that your tool exported") from error
    if not isinstance(content, dict):
        raise LabelError(f"{path}: holds a {type(content).__name__} where labels have an object; export it again")
    return content


def read_json_list(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of the list that a JSON file holds, one at a time: the file is never in memory as a whole.

    Raises:
        LabelError: If the file cannot be read, is cut short or damaged, or holds anything but a list of objects.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            yield from _entries(file)
    except OSError as error:
        raise LabelError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise LabelError(f"{path}: not JSON text; give the label file that your tool exported") from error
    except ValueError as error:
        raise LabelError(f"{path}: {error}; export it again") from error


def _entries(file: TextIO) -> Iterator[dict[str, Any]]:
    decoder = json.JSONDecoder()
    text, place = file.read(_CHUNK), 0
    number = 0
    while True:
        while (place := _next(text, place)) == len(text):
            if not (text := file.read(_CHUNK)):
                raise ValueError(f"is cut short after entry {number} of its list")
            place = 0
        if text[place] == "]" and number:
            break
        if text[place] != ("," if number else "["):
            raise ValueError("does not hold a list of labels")
        entry, text, place = _decode(decoder, file, text, place + 1, number + 1)
        if entry is None:
            break
        number += 1
        yield entry
    if text[place + 1 :].strip() or any(rest.strip() for rest in iter(lambda: file.read(_CHUNK), "")):
        raise ValueError("has something after its list")


def _decode(
    decoder: json.JSONDecoder, file: TextIO, text: str, place: int, number: int
) -> tuple[dict[str, Any] | None, str, int]:
    """The entry after a place of the text, the text with what had to be read on, and the place after the entry.

    None instead of an entry where the list is empty.
    """
    while True:
        start = _next(text, place)
        if number == 1 and text[start : start + 1] == "]":
            return None, text, start
        if text[start : start + 1] not in ("{", ""):
            raise ValueError(f"entry {number} of its list is no object")
        try:
            entry, end = decoder.raw_decode(text, start)
        except json.JSONDecodeError as error:
            more = file.read(max(_CHUNK, len(text) - start))
            if not more or len(text) - start > _MAX_ENTRY:
                raise ValueError(f"entry {number} of its list is cut short or damaged ({error.msg})") from error
            text, place = text[start:] + more, 0
        else:
            return entry, text, end


def _next(text: str, place: int) -> int:
    """The first place from here on that is no white space."""
    match = _SPACE.match(text, place)
    return match.end() if match else place


def drain(entries: list[Any]) -> Iterator[Any]:
    """The entries in order, each removed from the list as it is handed over.

    A file of many polygons takes most of its memory parsed; this gives it back while the labels are built.
    """
    entries.reverse()
    while entries:
        yield entries.pop()
