"""The `poetlab` command: its subcommands, and one line for every error that a user can cause."""

import logging
import re
import sys
from collections.abc import Callable
from typing import Annotated

import rich
import typer
from rich.markup import escape

import poetlab
from poetlab.cli import (
    analyze,
    check,
    demo,
    evaluate,
    export,
    exporting_labels,
    extract_frames,
    filtering,
    importing,
    info,
    init,
    plot,
    render,
    suggest,
    track,
    train,
    weights,
)
from poetlab.cli.console import WarningHandler
from poetlab.errors import PoetlabError

app = typer.Typer(
    help="Poses of many animals in images and videos, with POET, the pose estimation transformer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

_COMMANDS: dict[str, Callable[..., None]] = {
    "init": init.init,
    "extract-frames": extract_frames.extract_frames,
    "import": importing.import_,
    "check": check.check,
    "train": train.train,
    "evaluate": evaluate.evaluate,
    "analyze": analyze.analyze,
    "track": track.track,
    "suggest": suggest.suggest,
    "filter": filtering.filter_,
    "export": export.export,
    "export-labels": exporting_labels.export_labels,
    "render": render.render,
    "plot": plot.plot,
    "info": info.info,
    "demo": demo.demo,
}
"""Every command by name, in the order of the help."""

for _name, _command in _COMMANDS.items():
    app.command(_name)(_command)
app.add_typer(weights.app, name="weights")


def _show_version(*, wanted: bool) -> None:
    if wanted:
        rich.print(poetlab.__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[  # noqa: ARG001 (its callback does the work)
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    logging.getLogger("poetlab").addHandler(WarningHandler(logging.WARNING))


def main() -> None:
    """Run the command line; errors that a user can cause end in one line and exit status 1."""
    try:
        app()
    except PoetlabError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error))
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not re.search("out of memory|can't allocate memory", str(error)):
            raise
        _fail("out of memory; lower --batch-size, or image_size in config.yaml")


def _fail(message: str) -> None:
    rich.get_console().print(f"[red]error:[/] {escape(' '.join(message.split()))}", soft_wrap=True, highlight=False)
    sys.exit(1)
