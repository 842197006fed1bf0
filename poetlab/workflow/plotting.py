"""`plot_results`: result files as pictures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from poetlab.errors import PoetlabError, ResultsError
from poetlab.plots.likelihood import plot_likelihood
from poetlab.plots.presence import plot_presence
from poetlab.plots.speed import plot_speed
from poetlab.plots.trajectories import plot_trajectories
from poetlab.poses import Poses
from poetlab.results.naming import mirrored_folders
from poetlab.results.reading import read_joins, read_poses

PLOTS: Mapping[str, Callable[[Poses, Path], None]] = {
    "trajectories": plot_trajectories,
    "likelihood": plot_likelihood,
    "speed": plot_speed,
    "presence": plot_presence,
}
"""Every picture of a result file by name."""

NEED_IDENTITIES = ("trajectories", "speed", "presence")
"""Those that mean nothing where a slot is now this animal and now that."""


@dataclass(frozen=True)
class PlottedResult:
    """What became of one result file.

    Attributes:
        result: The result file.
        paths: The pictures of it.
        left_out: Names of the pictures that were not made, because the results are not tracked.
        error: Why it failed; None if it did not.
    """

    result: Path
    paths: tuple[Path, ...] = ()
    left_out: tuple[str, ...] = ()
    error: str | None = None


def plot_results(
    results: Sequence[str | Path],
    *,
    output: str | Path | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    on_result: Callable[[PlottedResult], None] | None = None,
) -> list[PlottedResult]:
    """Draw what is in result files: trajectories, likelihood, speed and presence, a PNG each.

    Args:
        results: Result files.
        output: Folder to write to, in which folders of the results are mirrored if there are several; None for beside
            each result. The pictures are named `<name>_<picture>.png`; older ones are replaced.
        on_progress: Called with result files done and in all.
        on_result: Called with what became of each result file, when it is finished.

    Returns:
        What became of each result file; one that fails does not stop the rest.
    """
    plotted: list[PlottedResult] = []
    paths = list(map(Path, results))
    for result, folder in zip(paths, mirrored_folders(paths, output), strict=True):
        try:
            if any(path == _picture(folder, result, name) for one in plotted for path in one.paths for name in PLOTS):
                raise ResultsError(f"{result}: another of these results has its name; use different --output folders")
            plotted.append(_plot(result, folder))
        except PoetlabError as error:
            plotted.append(PlottedResult(result, error=str(error)))
        except OSError as error:
            plotted.append(PlottedResult(result, error=f"{error.filename or folder}: {error.strerror or error}"))
        if on_result:
            on_result(plotted[-1])
        if on_progress:
            on_progress(len(plotted), len(results))
    return plotted


def _plot(result: Path, folder: Path) -> PlottedResult:
    poses = read_poses(result)
    left_out = () if poses.tracked else NEED_IDENTITIES
    folder.mkdir(parents=True, exist_ok=True)
    paths = {name: _picture(folder, result, name) for name in PLOTS if name not in left_out}
    for name, path in paths.items():
        if name == "presence":
            plot_presence(poses, path, read_joins(result))
        else:
            PLOTS[name](poses, path)
    return PlottedResult(result, tuple(paths.values()), left_out)


def _picture(folder: Path, result: Path, name: str) -> Path:
    return folder / f"{result.stem}_{name}.png"
