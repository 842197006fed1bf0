"""Reading XML that is large, damaged or hostile."""

from pathlib import Path

import pytest

from poetlab.errors import LabelError
from poetlab.labels import xml_file
from poetlab.labels.xml_file import read_xml

LAUGHS = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(9))
BOMB = f'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY l0 "lol">{LAUGHS}]><a><b><c>&l9;</c></b></a>'
SECRET = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY s SYSTEM "file:///etc/passwd">]><a><b><c>&s;</c></b></a>'
OUTER = '<?xml version="1.0"?><!DOCTYPE a SYSTEM "http://localhost:9/a.dtd"><a><b><c/></b></a>'


def read(path: Path) -> list[tuple[str, dict[str, str], list[str]]]:
    return [
        (section.tag, section.attrib, [element.tag for element in elements]) for section, elements in read_xml(path)
    ]


def test_sections_come_with_their_elements(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text('<a><v>1.1</v><b n="1"><c><d><e/></d></c><f/></b><b n="2"/></a>')
    assert read(path) == [("v", {}, []), ("b", {"n": "1"}, ["c", "f"]), ("b", {"n": "2"}, [])]
    inner = [[part.tag for part in element.iter()] for _, elements in read_xml(path) for element in elements]
    assert inner == [["c", "d", "e"], ["f"]]


@pytest.mark.parametrize("content", [BOMB, SECRET, OUTER])
def test_entities_are_refused_in_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "bomb.xml"
    path.write_text(content)
    with pytest.raises(LabelError, match=r"bomb\.xml: declares entities") as caught:
        read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"<a><b>", b"<a></b>", b"<a>&x;</a>", b"\x00\xff", b'<?xml version="1.0" encoding="x"?><a/>', b"{}"],
)
def test_damaged_files_are_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.xml"
    path.write_bytes(content)
    with pytest.raises(LabelError, match=r"a\.xml: not valid XML") as caught:
        read(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(LabelError, match="cannot be read"):
        read(tmp_path / "none.xml")


def test_files_too_large_or_too_deep_are_refused(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "a.xml"
    path.write_text("<a>" * 5000)
    with pytest.raises(LabelError, match="elements within elements"):
        read(path)
    monkeypatch.setattr(xml_file, "_MAX_CHILDREN", 100)
    path.write_text(f"<a><b>{'<c/>' * 200}</b></a>")
    assert len(read(path)[0][2]) == 200
    path.write_text(f"<a><b><c>{'<d/>' * 200}</c></b></a>")
    with pytest.raises(LabelError, match="elements within elements"):
        read(path)
    monkeypatch.setattr(xml_file, "_MAX_BYTES", 2**20)
    with path.open("wb") as file:
        file.truncate(2**20 + 1)
    with pytest.raises(LabelError, match="is larger than labels are"):
        read(path)
