"""JSON files that may be large, cut short or not JSON at all."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from poetlab.errors import LabelError


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


def drain(entries: list[Any]) -> Iterator[Any]:
    """The entries in order, each removed from the list as it is handed over.

    A file of many polygons takes most of its memory parsed; this gives it back while the labels are built.
    """
    entries.reverse()
    while entries:
        yield entries.pop()
