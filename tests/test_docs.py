"""The documentation names everything that the code has, and its code runs."""

import ast
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import typer.main
import yaml
from pydantic import BaseModel

import poetlab
from poetlab import errors
from poetlab.cli.main import app
from poetlab.config import Config
from poetlab.labels.exporting.formats import LABEL_EXPORT_FORMATS
from poetlab.labels.exporting.losses import LOSSES
from poetlab.labels.formats import LABEL_FORMATS
from poetlab.model.network import build_network
from poetlab.model.presets import PRESETS as MODEL_PRESETS
from poetlab.model.presets import SwiftSettings
from poetlab.poses import Instances
from poetlab.results.exporting.formats import EXPORT_FORMATS
from poetlab.results.writing import ResultsWriter
from poetlab.skeleton import PRESETS as SKELETON_PRESETS
from poetlab.skeleton import Skeleton, load_skeleton

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PACKAGE = ROOT / "poetlab"
TOP_COMMANDS: Mapping[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
COMMANDS: Mapping[str, Any] = {
    f"{name} {part}".strip(): command
    for name, top in TOP_COMMANDS.items()
    for part, command in getattr(top, "commands", {"": top}).items()
}
"""Every command that does something; those of a group by both their names, such as `weights add`."""
PAGES = sorted(DOCS.rglob("*.md"))
any_command = pytest.mark.parametrize("name", COMMANDS)
any_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))


def read(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def table_rows(text: str) -> dict[str, tuple[str, ...]]:
    """The rows of all tables whose first cell is code: its text, and the other cells."""
    rows = re.findall(r"^\| `([^`]+)` \| (.*) \|$", text, flags=re.MULTILINE)
    return {first: tuple(cell.strip() for cell in rest.split(" | ")) for first, rest in rows}


def arguments(command: Any) -> dict[str, Any]:
    """The options of a command by their flags, and its arguments by the name that the help gives them."""
    by_name = {}
    for parameter in command.params:
        is_option = parameter.param_type_name == "option"
        by_name[parameter.opts[0] if is_option else re.sub(r"[^A-Z]", "", parameter.metavar)] = parameter
    by_name.pop("--help", None)
    return by_name


def introduction(name: str) -> str:
    """What a command's page says before its first section; a command of a group has a section in the group's page."""
    top, _, part = name.partition(" ")
    parts = read(f"commands/{top}.md").split("\n## ")
    return next(text for text in parts if text.startswith(f"{part}\n")) if part else parts[0]


@any_command
def test_a_command_has_a_page_with_every_argument(name: str) -> None:
    top = name.partition(" ")[0]
    assert read(f"commands/{top}.md").startswith(f"# poetlab {top}\n")
    assert f"({top}.md)" in read("commands/index.md")
    assert set(table_rows(introduction(name))) == set(arguments(COMMANDS[name]))


@any_command
def test_a_commands_synopsis_has_every_argument(name: str) -> None:
    synopsis = blocks(introduction(name), "text")[0]
    assert synopsis.startswith(f"poetlab {name}")
    assert set(re.findall(r"--[a-z-]+|\b(?:PATH|VIDEO|RESULTS|DIR|NAME|FILE)\b(?=\.\.\.| \[|\]|\n)", synopsis)) >= set(
        arguments(COMMANDS[name])
    )


@any_command
def test_a_commands_page_states_the_defaults(name: str) -> None:
    rows = table_rows(introduction(name))
    for argument, parameter in arguments(COMMANDS[name]).items():
        stated = rows[argument][0].replace("`", "")
        if parameter.required:
            assert stated == "required"
        elif parameter.default is False:
            assert stated == "off"
        else:
            assert stated == (
                parameter.show_default if isinstance(parameter.show_default, str) else str(parameter.default)
            )


@any_page
def test_every_flag_in_the_docs_exists(page: Path) -> None:
    known = {flag for command in COMMANDS.values() for flag in arguments(command)} | {"--help", "--version"}
    known |= {flag for command in COMMANDS.values() for option in command.params for flag in option.secondary_opts}
    text = page.read_text(encoding="utf-8")
    for script in re.findall(r"tests/benchmarks/\w+\.py", text):
        known |= options_of_benchmark(ROOT / script)
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) <= known


def options_of_benchmark(script: Path) -> set[str]:
    """The options that a script adds to its parser, and those that all benchmarks of learning have."""
    shared = script.with_name("trials.py")
    return {
        flag for each in (script, shared) for flag in re.findall(r'"(--[a-z-]+)"', each.read_text(encoding="utf-8"))
    }


def settings_of(group: BaseModel, prefix: str = "") -> Iterator[tuple[str, Any, str]]:
    """Dotted name, default and description of every setting."""
    for name, field in type(group).model_fields.items():
        value = getattr(group, name)
        if isinstance(value, BaseModel):
            yield from settings_of(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", list(value) if isinstance(value, tuple) else value, field.description or ""


def test_every_setting_is_in_the_tables_with_its_default_and_meaning() -> None:
    rows = table_rows(read("configuration.md"))
    stated = {name: (yaml.safe_load(default.strip("`")), meaning) for name, (default, meaning) in rows.items()}
    # where the code has no description, the page has one of its own
    expected = {name: (default, meaning or stated[name][1]) for name, default, meaning in settings_of(Config())}
    assert stated == expected


def test_the_example_of_a_config_is_valid() -> None:
    (example,) = blocks(read("configuration.md"), "yaml")
    assert Config.model_validate(yaml.safe_load(example)).training.augmentation.flip_probability == 0


def test_the_example_of_a_skeleton_is_valid() -> None:
    (example,) = blocks(read("skeletons.md"), "yaml")
    skeleton = Skeleton.from_dict(yaml.safe_load(example))
    assert skeleton.symmetries == (("left_wing", "right_wing"),)


def test_every_preset_is_named_with_its_size() -> None:
    skeletons = table_rows(read("skeletons.md"))
    for name in SKELETON_PRESETS:
        assert skeletons[name][0] == str(load_skeleton(name).n_keypoints)
    models = table_rows(read("models.md"))
    for name, settings in MODEL_PRESETS.items():
        row = models[name]
        if isinstance(settings, SwiftSettings):
            stride = settings.coarsest_stride
            assert row[4] == f"{settings.n_encoder_layers} and {settings.n_decoder_layers}"
        else:
            stride = 16 if settings.dilated_c5 else 32
        assert row[1:4] == (str(stride), str(settings.n_features), str(settings.n_feedforward))
        with torch.device("meta"):  # shapes alone, no numbers
            network = build_network(settings, n_keypoints=17)
        n_parameters = sum(parameter.numel() for parameter in network.parameters())
        assert row[-1] == f"{n_parameters / 1e6:.1f} million"


def test_every_label_format_is_named() -> None:
    for label_format in LABEL_FORMATS:
        assert f"| `{label_format.name}` |" in read("labels.md")
        assert f"`{label_format.name}`" in read("commands/import.md")


def test_every_export_format_is_named_with_what_it_leaves_out() -> None:
    rows = table_rows(read("commands/export.md"))
    for known in EXPORT_FORMATS:
        assert rows[known.name][1] == known.leaves_out
        assert f"--to {known.name}" in read("downstream.md")


def test_every_loss_of_a_labeling_tool_is_in_the_table() -> None:
    page = read("commands/export-labels.md")
    n_signs = len(LABEL_EXPORT_FORMATS) + 2
    lines = [line.split("|")[1:-1] for line in page.splitlines() if line.count("|") == n_signs]
    (_, *formats), _, *rows = [[cell.strip() for cell in cells] for cells in lines]
    assert formats == [known.name for known in LABEL_EXPORT_FORMATS]
    stated = {loss: cells for loss, *cells in rows}
    assert stated == {loss: ["yes" if loss in known.lacks else "" for known in LABEL_EXPORT_FORMATS] for loss in LOSSES}
    assert {known.name for known in LABEL_EXPORT_FORMATS} <= set(table_rows(page))


def test_everything_that_an_import_leaves_out_is_explained() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in sorted((PACKAGE / "labels").glob("*.py")))
    constants = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    reasons = set(re.findall(r'(?:left_out\.add\(|reason = |MISSING = |ImageFile\(\(0, 0\), )"([^"]+)"', source))
    assert reasons
    assert reasons <= set(constants)
    pages = [read("labels.md"), *(path.read_text(encoding="utf-8") for path in (DOCS / "formats").glob("*.md"))]
    assert reasons <= {reason for page in pages for reason in table_rows(page)}


def test_every_part_of_the_package_is_in_the_architecture() -> None:
    page = read("architecture.md")
    parts = {path.name + "/" * path.is_dir() for path in PACKAGE.iterdir()} - {"__init__.py", "__pycache__/"}
    assert {part for part in parts if f"`{part}`" not in page} == set()


def test_every_public_name_is_in_the_python_page() -> None:
    page = read("python.md")
    names = set(poetlab.__all__) - {"__version__"}
    names |= {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert {name for name in names if not re.search(rf"`(poetlab\.)?{name}[`(]", page)} == set()


@any_page
def test_the_python_code_compiles_and_uses_what_exists(page: Path) -> None:
    for block in blocks(page.read_text(encoding="utf-8"), "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("poetlab"):
                assert all(hasattr(import_module(str(node.module)), alias.name) for alias in node.names)
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "poetlab":
                assert node.attr in poetlab.__all__


def test_the_recipes_for_results_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    write_results(tmp_path / "results" / "video.h5")
    names: dict[str, Any] = {}
    for block in blocks(read("results.md"), "python"):
        if "movement" not in block and "keypoint_moseq" not in block:
            exec(compile(block, "docs/results.md", "exec"), names)
    np.testing.assert_allclose(names["speed"], 60, rtol=1e-4)
    assert names["visible"]["likelihood"].min() >= 0.5
    assert len(names["detections"]) == len(names["table"]) == 5
    assert list(tmp_path.iterdir()) == [tmp_path / "results"]


def write_results(path: Path) -> None:
    """Two animals in 5 frames a tenth of a second apart; the head of the first moves by 6 pixels a frame."""
    skeleton = Skeleton("fly", ("head", "tail"))
    with ResultsWriter(
        path,
        skeleton=skeleton,
        individuals=("individual_1", "individual_2"),
        size=(100, 200),
        fps=10.0,
        video="video.mp4",
        video_fingerprint="0" * 16,
        model="001-poet-swift-light",
        tracked=True,
        settings={},
    ) as writer:
        for frame in range(5):
            keypoints = np.array([[[6.0 * frame, 10], [50, 50]], [[90, 20], [95, 25]]])
            visibility = np.array([[0.9, 0.2], [0.8, 0.6]])
            writer.append([frame / 10], [Instances(keypoints, visibility, np.array([0.9, 0.7]))], [frame])
        writer.finish(tracking={"individuals": 2, "joins": 0})
