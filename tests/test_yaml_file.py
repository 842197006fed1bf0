"""YAML that people write: read safely, and a name that stands twice is refused wherever it stands."""

from pathlib import Path

import pytest

from poetlab.errors import ConfigError
from poetlab.yaml_file import read_yaml


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def test_plain_content_is_read(path: Path) -> None:
    path.write_text("a: 1\nb: {c: [x, null], a: 2.5}\n")
    assert read_yaml(path, ConfigError) == {"a": 1, "b": {"c": ["x", None], "a": 2.5}}


@pytest.mark.parametrize("text", ["a: 1\nb: 2\na: 3\n", "t:\n  a: 1\n  a: 1\n", "t: [{a: 1,\n a: 2}]\n"])
def test_a_repeated_name_is_refused_with_its_lines(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"config\.yaml: 'a' stands in lines [12] and [23]; leave one of them"):
        read_yaml(path, ConfigError)


@pytest.mark.parametrize("content", [b"a: [", b"\xff\xfe\x00", b"!!python/object/apply:os.getcwd []"])
def test_what_is_no_plain_yaml_is_refused_in_one_line(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"config\.yaml: not valid YAML") as caught:
        read_yaml(path, ConfigError)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config\.yaml: cannot be read .*; check"):
        read_yaml(path, ConfigError)
