"""XML files that may be large, cut short, or written to do harm: read piece by piece, and never with entities."""

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring, iterparse

from poetlab.errors import LabelError

_MAX_BYTES = 2**29
_MAX_DEPTH = 12
_MAX_CHILDREN = 1_000_000
"""Of one element, at any depth: more than any tool writes, and less than fills the memory."""


def read_xml(path: Path) -> Iterator[tuple[Element, Iterator[Element]]]:
    """The sections of an XML file, which are the children of its root, in order.

    What has been handed over is forgotten, so that a file is never in memory as a whole.

    Yields:
        A section, of which only the tag and the attributes are there, and its elements, complete, to go through once.

    Raises:
        LabelError: If the file cannot be read, is not XML, declares entities, or is too large or too deep for labels.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise LabelError(
                f"{path}: is larger than labels are ({_MAX_BYTES // 2**20} MB of XML); export fewer images"
            )
        with path.open("rb") as file:
            pairs = _elements(path, iterparse(file, events=("start", "end"), forbid_dtd=True))
            for section, group in groupby(pairs, key=itemgetter(0)):
                yield section, (element for _, element in group if element is not None)
    except OSError as error:
        raise LabelError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
    except DefusedXmlException as error:
        raise LabelError(
            f"{path}: declares entities, which no export does and which can do harm; export it again"
        ) from error
    except (ParseError, LookupError, UnicodeError) as error:
        raise LabelError(f"{path}: not valid XML ({error}); it is cut short or damaged, export it again") from error


def read_xml_text(text: str) -> Element:
    """The element that a short text of XML holds.

    Raises:
        ValueError: If it is not XML, or declares entities.
    """
    try:
        element: Element = fromstring(text, forbid_dtd=True)
    except ParseError as error:
        raise ValueError(f"not valid XML ({error})") from error
    return element


def _elements(path: Path, events: Iterator[tuple[str, Element]]) -> Iterator[tuple[Element, Element | None]]:
    """Each section with each of its elements, and with None at its end."""
    open_elements: list[Element] = []
    n_children = 0
    for event, element in events:
        if event == "start":
            open_elements.append(element)
            n_children += 1
            if len(open_elements) > _MAX_DEPTH or n_children > _MAX_CHILDREN:
                raise LabelError(f"{path}: has elements within elements as no export has; export it again")
            continue
        open_elements.pop()
        match open_elements:
            case [_, section]:
                yield section, element
            case [_]:
                yield element, None
        if 1 <= len(open_elements) <= 2:
            del open_elements[-1][:]
            n_children = 0
