"""`poetlab weights`: published weights on this machine, fetched from the internet or added from a file."""

from pathlib import Path
from typing import Annotated

import typer

from poetlab.cli.console import count_megabytes, megabytes, plain, progress_bar, show

app = typer.Typer(help="List, fetch or add published weights to start a training from.", no_args_is_help=True)


@app.command("list")
def list_() -> None:
    """List the published weights, and which of them are on this machine."""
    from poetlab.weights.catalog import other_backbones, published_weights

    others = [weights for weights in other_backbones() if weights.path.is_file()]
    for weights in (*published_weights(), *others):
        cached = weights.path.is_file()
        n_bytes = weights.path.stat().st_size if cached else weights.n_bytes
        size = "size unknown" if n_bytes is None else megabytes(n_bytes)
        purpose = ", ".join(weights.presets) or "a backbone in config.yaml"
        show(f"{weights.name}: {plain(weights.content)}, for {purpose}")
        show(f"  {size}, {'cached' if cached else 'not cached'}: {plain(weights.path)}")
    show("imagenet-NAME: any other torchvision model NAME that config.yaml gives as backbone")


@app.command()
def fetch(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="coco, imagenet, or a name of the list; imagenet-NAME for a torchvision model NAME."
        ),
    ],
) -> None:
    """Download published weights, unless they are on this machine already."""
    from poetlab.weights.catalog import weights_named
    from poetlab.weights.download import fetch as fetch_weights

    for weights in weights_named(name):
        with progress_bar("MB") as progress:
            path = fetch_weights(weights, count_megabytes(progress, weights.name))
        show(f"{weights.name}: {plain(path)}")


@app.command()
def add(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Fetched on another machine.")],
) -> None:
    """Add a file of published weights that was fetched on another machine."""
    from poetlab.weights.adding import add_file

    weights = add_file(file)
    show(f"{weights.name}: {plain(weights.path)}")
