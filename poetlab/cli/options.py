"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

ProjectOption = Annotated[
    Path, typer.Option("--project", help="The project, or a folder inside it.", show_default="the current folder")
]
DeviceOption = Annotated[
    str | None, typer.Option("--device", help="Where to compute: cpu, cuda, mps.", show_default="the best there is")
]
SnapshotOption = Annotated[
    str | None,
    typer.Option("--snapshot", help="A run, RUN/last, or a file.", show_default="the latest run's best"),
]
ResultsArgument = Annotated[list[Path], typer.Argument(metavar="RESULTS...", help="Result files.")]
