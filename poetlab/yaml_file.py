"""Reading YAML that people write by hand."""

from pathlib import Path
from typing import Any

import yaml

from poetlab.errors import PoetlabError


def read_yaml(path: Path, kind: type[PoetlabError], advice: str = "check its name and whether you may read it") -> Any:
    """The content of a YAML file, without executing anything in it.

    Args:
        path: The file.
        kind: The error to raise.
        advice: What to do where the file cannot be read.

    Raises:
        PoetlabError: Of that kind, if the file cannot be read, is no YAML, or has a name twice in one place.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_StrictLoader)  # noqa: S506 (a safe loader's child)
    except OSError as error:
        raise kind(f"{path}: cannot be read ({error.strerror}); {advice}") from error
    except _RepeatedNameError as error:
        raise kind(f"{path}: {error}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: no UTF-8, or a date that is none
        raise kind(f"{path}: not valid YAML ({' '.join(str(error).split())})") from error


class _RepeatedNameError(Exception):
    """A name stands twice in one place, where YAML would silently take the last."""


class _StrictLoader(yaml.SafeLoader):
    """The safe loader, but for names that are repeated."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        """Refuse a name that stands twice."""
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                line = key.start_mark.line + 1
                if key.value in lines:
                    first = lines[key.value]
                    raise _RepeatedNameError(f"'{key.value}' stands in lines {first} and {line}; leave one of them")
                lines[key.value] = line
        return super().construct_mapping(node, deep)
