"""What every command prints with: tables, progress bars, and one line for each warning."""

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import rich
import typer
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

INTERRUPTED = 130
"""The exit status of a command that Ctrl-C ended."""


class RateColumn(ProgressColumn):
    """How many units a second the latest work took."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        """Show the rate, once it is known."""
        rate = task.finished_speed or task.speed
        unit = task.fields.get("unit", self.unit)
        return Text(f"{rate:.1f} {unit}/s" if rate else "", style="progress.data.speed")


@contextmanager
def progress_bar(unit: str) -> Iterator[Progress]:
    """A progress bar that counts `unit`, with rate and time left."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        RateColumn(unit),
        TimeRemainingColumn(),
        console=rich.get_console(),
    ) as progress:
        yield progress


def count_as_done(progress: Progress, task: TaskID, n: int) -> None:
    """Advance a bar by work of an earlier run, which counts neither in the rate nor in the time left."""
    progress.tasks[progress.task_ids.index(task)].completed += n
    progress.update(task)  # so that the bar notices if that was all


def count_megabytes(progress: Progress, name: str) -> Callable[[int, int], None]:
    """A function that shows bytes done and in all as a bar of its own, from its first call on."""
    tasks: list[TaskID] = []

    def show_bytes(done: int, total: int) -> None:
        if not tasks:
            tasks.append(progress.add_task(f"fetching {plain(name)}, MB", unit="MB"))
        progress.update(tasks[0], completed=done / 1e6, total=total / 1e6)

    return show_bytes


@contextmanager
def stopped_by_ctrl_c(message: Callable[[], str]) -> Iterator[None]:
    """End the command with a line of text where the user presses Ctrl-C."""
    try:
        yield
    except KeyboardInterrupt:
        show(f"stopped; {message()}")
        raise typer.Exit(INTERRUPTED) from None


class WarningHandler(logging.Handler):
    """Prints the library's warnings, one line each, above a running progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record."""
        rich.get_console().print(f"[yellow]{record.levelname.lower()}:[/] {escape(self.format(record))}")


def exit_if_any_failed(errors: Sequence[str | None], things: str = "results") -> None:
    """End a command with status 1 if some of its results failed; `errors` has None for each that did not."""
    n_failed = sum(error is not None for error in errors)
    if n_failed:
        show(f"[red]{n_failed} of {len(errors)} {things} failed[/]")
        raise typer.Exit(1)


def show(text: str) -> None:
    """Print a line; square brackets are rich's markup, so escape what comes from outside."""
    rich.get_console().print(text, highlight=False, soft_wrap=True)


def plain(value: object) -> str:
    """A value as text in which square brackets are no markup."""
    return escape(str(value))


def number(value: float, form: str) -> str:
    """A number in some format, or a dash where there was nothing to measure."""
    return "-" if math.isnan(value) else format(value, form)


def counted(n: int, thing: str) -> str:
    """A number of things; the plural has an s."""
    return f"{n} {thing}" if n == 1 else f"{n} {thing}s"


def megabytes(n_bytes: int) -> str:
    """A size of a file."""
    return f"{n_bytes / 1e6:.1f} MB"


def table(*columns: str, title: str | None = None) -> Table:
    """A plain table; all columns but the first are numbers, aligned to the right."""
    made = Table(title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for number, column in enumerate(columns):
        made.add_column(column, justify="right" if number else "left", overflow="fold")
    return made


def show_table(made: Table) -> None:
    """Print a table."""
    rich.get_console().print(made)


def relative(path: Path) -> str:
    """A path as short as it can be said from here."""
    try:
        return plain(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return plain(path)
