"""Imports point one way, from higher layers to lower ones, and only the command line prints."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import poetlab

PACKAGE = Path(poetlab.__file__).parent

LAYERS = (
    {"errors", "settings", "skeleton", "poses", "files", "yaml_file", "overlap", "sleap_records"},
    {"model", "video", "device"},
    {"labels", "data", "results", "drawn", "weights"},
    {
        "training",
        "evaluation",
        "inference",
        "analysis",
        "rendering",
        "filtering",
        "plots",
        "tracking",
        "checking",
        "frames",
    },
    {"config", "project", "workflow", "demo"},
    {"cli", "__main__"},
)

FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def part_of(path: Path) -> str:
    """The file or folder directly in the package that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def layer_of(part: str) -> int:
    return next(number for number, parts in enumerate(LAYERS) if part in parts)


def imported_parts(tree: ast.AST) -> Iterator[str]:
    """Parts of poetlab that a file imports anywhere, also inside functions and for type checking.

    The package's own name brings nothing but the version, so it is of no layer.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (parts[1] for module in modules if (parts := module.split("."))[0] == "poetlab" and len(parts) > 1)


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def test_every_file_has_one_layer() -> None:
    known = [part for parts in LAYERS for part in parts]
    assert len(known) == len(set(known))
    assert {part_of(path) for path in FILES} == set(known)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_file_imports_a_higher_layer(path: Path) -> None:
    own = layer_of(part_of(path))
    assert {part for part in imported_parts(parse(path)) if layer_of(part) > own} == set()


@pytest.mark.parametrize("part", sorted(LAYERS[1]))
def test_the_parts_of_layer_1_know_only_layer_0(part: str) -> None:
    imported = {name for path in FILES if part_of(path) == part for name in imported_parts(parse(path))}
    assert imported <= LAYERS[0] | {part}


def test_the_package_imports_nothing_of_itself_when_it_is_imported() -> None:
    tree = parse(PACKAGE / "__init__.py")
    type_checking = [
        node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    tree.body = [node for node in tree.body if node not in type_checking]
    assert type_checking
    assert list(imported_parts(tree)) == []


def test_every_public_name_comes_from_where_the_type_checker_is_told() -> None:
    told = {
        alias.name: node.module
        for node in ast.walk(parse(PACKAGE / "__init__.py"))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("poetlab.")
        for alias in node.names
    }
    assert set(told) == set(poetlab.__all__) - {"__version__"}
    for name, module in told.items():
        assert getattr(poetlab, name).__module__ == module


def test_only_the_command_line_prints() -> None:
    printing = {
        str(path.relative_to(PACKAGE))
        for path in FILES
        if part_of(path) != "cli"
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"print", "sys.stdout.write", "sys.stderr.write"}
    }
    assert printing == set()


def test_an_import_upwards_would_be_found() -> None:
    source = (
        "def f():\n    from poetlab.cli import main\n    import poetlab.training.loop\n    from poetlab import demo\n"
    )
    assert set(imported_parts(ast.parse(source))) == {"cli", "training", "demo"}
