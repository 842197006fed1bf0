"""`poetlab init`: make a project folder."""

from pathlib import Path
from typing import Annotated

import typer

from poetlab.cli.console import relative, show
from poetlab.skeleton import PRESETS


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The project folder to make.")],
    skeleton: Annotated[
        str | None,
        typer.Option(
            help=f"A preset ({', '.join(PRESETS)}) or a YAML file.", show_default="taken from the first import"
        ),
    ] = None,
    individuals: Annotated[
        int | None,
        typer.Option(help="Animals in each video.", show_default="the most that are labeled in one image"),
    ] = None,
) -> None:
    """Make a project folder with a commented config.yaml."""
    from poetlab.project import CONFIG, create_project

    project = create_project(folder, skeleton, individuals)
    show(f"made the project {relative(project.path)}; its settings are in {relative(project.path / CONFIG)}")
    if project.has_skeleton:
        chosen = project.skeleton()
        show(f"skeleton {chosen.name}: {chosen.n_keypoints} keypoints, in {relative(project.skeleton_path)}")
    show(f"next: cd {relative(project.path)} and poetlab import LABELS")
