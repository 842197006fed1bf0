"""`poetlab demo`: the whole job on data that poetlab draws."""

from pathlib import Path
from typing import Annotated

import typer

from poetlab.cli.analyze import run_analyze
from poetlab.cli.console import plain, progress_bar, relative, show
from poetlab.cli.evaluate import run_evaluate
from poetlab.cli.importing import run_import
from poetlab.cli.options import DeviceOption
from poetlab.cli.train import run_train

_FIRST_ROWS = 5


def demo(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="The folder to make.")] = Path("poetlab-demo"),
    device: DeviceOption = None,
) -> None:
    """Draw animals, then run init, import, train, evaluate and analyze on them, in a few minutes."""
    import pandas as pd

    from poetlab.demo import create_demo_project, draw_demo_labels, draw_demo_video

    show("[bold]1/6[/] poetlab init: a project folder")
    project = create_demo_project(folder)
    show("[bold]2/6[/] drawing labeled images and a video of several animals")
    with progress_bar("images") as progress:
        task = progress.add_task("drawing", total=None)

        def on_progress(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        labels = draw_demo_labels(project, on_progress)
        video = draw_demo_video(project, on_progress)
    show("[bold]3/6[/] poetlab import")
    run_import(project, labels, name="drawn")
    show("[bold]4/6[/] poetlab train")
    run_train(project, device=device)
    show("[bold]5/6[/] poetlab evaluate")
    run_evaluate(project, device=device)
    show("[bold]6/6[/] poetlab analyze --save-video")
    (result,) = run_analyze(project, [video], save_video=True, device=device)
    if result.status == "failed" or result.path is None:
        raise typer.Exit(1)
    show(f"\npd.read_hdf('{relative(result.path)}').head()")
    show(plain(pd.read_hdf(result.path).head(_FIRST_ROWS)))
    if result.labeled_video:
        show(f"look at {relative(result.labeled_video)}")
