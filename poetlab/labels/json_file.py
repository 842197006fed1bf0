"""JSON files that may be large, cut short, no JSON at all, or written to do harm: read piece by piece."""

import json
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, TextIO

from poetlab.errors import LabelError

_CHUNK = 2**20
"""Characters of a file that are read at a time."""

_SPACE = re.compile(r"\s*")
_NUMBER = re.compile(r"[-+.0-9eE]*")

_MAX_VALUE = 2**24
"""Characters of one entry of a list: more than the labels of one image take, and less than fills the memory."""

_MAX_ENTRIES = 5_000_000
"""Of one list: more than there are labels, and few enough that they cost no time."""

_DECODER = json.JSONDecoder()


def read_json_object(path: Path, lists: Collection[str]) -> Iterator[tuple[str, Any]]:
    """The members of the object that a JSON file holds, in its order; the file is never in memory as a whole.

    Args:
        path: The file.
        lists: Members that are lists of objects: each comes as an iterator of its entries, to go through once. Other
            lists are skipped.

    Yields:
        The name and the value of a member.

    Raises:
        LabelError: If the file cannot be read, is not JSON (cut short, damaged), or is too large for labels; if it
            holds no object, or a list of `lists` anything but objects.
    """
    with _explained(path), path.open(encoding="utf-8-sig") as file:
        for name, value in _Scanner(file).members(lists):
            yield name, _explained_entries(path, value) if isinstance(value, Iterator) else value


def read_json_list(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of the list that a JSON file holds, one at a time: the file is never in memory as a whole.

    Raises:
        LabelError: If the file cannot be read, is cut short or damaged, or holds anything but a list of objects.
    """
    with _explained(path), path.open(encoding="utf-8-sig") as file:
        scanner = _Scanner(file)
        if scanner.peek() not in ("[", ""):
            raise ValueError("does not hold a list of labels")
        yield from scanner.entries("its list", only_objects=True)
        scanner.end()


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say in one line what is wrong with a file."""
    try:
        yield
    except OSError as error:
        raise LabelError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise LabelError(f"{path}: not JSON text; give the label file that your tool exported") from error
    except _NoJsonError as error:
        raise LabelError(f"{path}: not valid JSON ({error}); it is cut short or damaged, export it again") from error
    except ValueError as error:
        raise LabelError(f"{path}: {error}; export it again") from error


def _explained_entries(path: Path, entries: Iterator[Any]) -> Iterator[Any]:
    with _explained(path):
        yield from entries


class _NoJsonError(ValueError):
    """The text ends too early, or is no JSON."""


class _Scanner:
    """Takes JSON apart, holding no more of the file than the value that is next.

    Args:
        file: The file, at its start.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._text = ""
        self._place = 0
        self._n_lines = 0  # before the text

    def members(self, lists: Collection[str]) -> Iterator[tuple[str, Any]]:
        """The members of the object that is the whole file; see `read_json_object`."""
        if self.peek() == "[":
            raise ValueError("holds a list where labels have an object")
        for _ in self._parts("{", "}"):
            if self.peek() != '"':
                raise self._error("no name of a member")
            name = self._value("a name")
            self._take(":")
            if self.peek() != "[":
                yield name, self._value(f"'{name}'")
                continue
            entries = self.entries(f"its list '{name}'", only_objects=name in lists)
            if name in lists:
                yield name, entries
            for _ in entries:  # what nobody wants
                pass
        self.end()

    def entries(self, what: str, *, only_objects: bool) -> Iterator[Any]:
        """The entries of the list that is next, which is called `what` in messages."""
        for number in self._parts("[", "]"):
            if number > _MAX_ENTRIES:
                raise ValueError(f"{what} has more than {_MAX_ENTRIES:,} entries, which no labels have")
            if only_objects and self.peek() not in ("{", ""):
                raise ValueError(f"entry {number} of {what} is no object")
            yield self._value(f"entry {number} of {what}")

    def peek(self) -> str:
        """The next character that is no white space; nothing at the end of the file."""
        while True:
            match = _SPACE.match(self._text, self._place)
            self._place = match.end() if match else self._place
            if self._place < len(self._text):
                return self._text[self._place]
            if not self._read(_CHUNK):
                return ""

    def end(self) -> None:
        """Raise a ValueError if anything follows."""
        if self.peek():
            raise ValueError("has something after its end")

    def _parts(self, opening: str, closing: str) -> Iterator[int]:
        """Count the parts between two brackets, each of which the caller takes; this takes what is between them."""
        self._take(opening)
        if self.peek() == closing:
            self._take(closing)
            return
        for number in count(1):
            yield number
            if self._take(f",{closing}") == closing:
                return

    def _take(self, expected: str) -> str:
        """Take the next character, which must be one of the expected ones."""
        found = self.peek()
        if not found or found not in expected:
            raise self._error(f"no {' or '.join(expected)}")
        self._place += 1
        return found

    def _value(self, what: str) -> Any:
        """Take the next value."""
        while True:
            self.peek()
            try:
                value, end = _DECODER.raw_decode(self._text, self._place)
            except json.JSONDecodeError as error:
                length = len(self._text) - self._place
                if length >= _MAX_VALUE:
                    raise ValueError(f"{what} is longer than {_MAX_VALUE:,} characters, or is damaged") from error
                if not self._read(min(max(_CHUNK, length), _MAX_VALUE - length)):
                    raise self._error(f"{what} is cut short or damaged, {error.msg}", error.pos) from error
            else:
                if not self._may_go_on(end) or not self._read(_CHUNK):
                    self._place = end
                    return value

    def _may_go_on(self, end: int) -> bool:
        """Whether the value that ends here may be a number of which the text holds but a part."""
        match = _NUMBER.match(self._text, end)
        return match is not None and match.end() == len(self._text)

    def _read(self, n_characters: int) -> bool:
        """Drop the text that was taken and read on; False at the end of the file."""
        more = self._file.read(n_characters)
        if more:
            self._n_lines += self._text.count("\n", 0, self._place)
            self._text, self._place = self._text[self._place :] + more, 0
        return bool(more)

    def _error(self, reason: str, place: int | None = None) -> ValueError:
        line = 1 + self._n_lines + self._text.count("\n", 0, self._place if place is None else place)
        return _NoJsonError(f"{reason} at line {line}")


def drain(entries: list[Any]) -> Iterator[Any]:
    """The entries in order, each removed from the list as it is handed over.

    Labels of many images take much memory in the form of their source; this gives it back while they are checked.
    """
    entries.reverse()
    while entries:
        yield entries.pop()
