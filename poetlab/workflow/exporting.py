"""`export_results`: result files into the files of other tools."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from poetlab.errors import PoetlabError, ResultsError
from poetlab.results.exporting.export import export_poses
from poetlab.results.exporting.formats import ExportFormat, export_format
from poetlab.results.naming import mirrored_folders
from poetlab.results.reading import read_poses


@dataclass(frozen=True)
class ExportedResult:
    """What became of one result file.

    Attributes:
        result: The result file.
        paths: The files made of it; none if that failed.
        are_slots: Whether its individuals are slots and not animals over time.
        error: Why it failed; None if it did not.
    """

    result: Path
    paths: tuple[Path, ...] = ()
    are_slots: bool = False
    error: str | None = None


def export_results(
    results: Sequence[str | Path],
    to: str,
    *,
    output: str | Path | None = None,
    overwrite: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
    on_result: Callable[[ExportedResult], None] | None = None,
) -> list[ExportedResult]:
    """Write result files as those of another tool.

    Args:
        results: Result files.
        to: `csv`, `parquet`, `dlc`, `sleap` or `nwb`.
        output: Folder to write to, in which those of the results are mirrored if these lie in several; None for one
            that is called like the format, beside each result.
        overwrite: Whether to replace files that exist.
        on_progress: Called with result files done and in all.
        on_result: Called with what became of each, when it is finished.

    Returns:
        What became of each result file; one that fails does not stop the rest.

    Raises:
        ResultsError: If there is no such format, or what it needs is not installed.
    """
    chosen = export_format(to)
    exported: list[ExportedResult] = []
    paths = list(map(Path, results))
    beside = [result.parent / chosen.name for result in paths]
    folders = beside if output is None else mirrored_folders(paths, output)
    for result, folder in zip(paths, folders, strict=True):
        written = {path for earlier in exported for path in earlier.paths}
        exported.append(_export(result, chosen, folder, overwrite=overwrite, written=written))
        if on_result:
            on_result(exported[-1])
        if on_progress:
            on_progress(len(exported), len(results))
    return exported


def _export(result: Path, chosen: ExportFormat, folder: Path, *, overwrite: bool, written: set[Path]) -> ExportedResult:
    try:
        poses = read_poses(result)
        if written & {folder / name for name in chosen.files(poses, result.stem)}:
            raise ResultsError(
                f"{result}: another of these results has its name, or is the same; export each to a folder of its own"
            )
        paths = export_poses(poses, chosen, folder, result.stem, overwrite=overwrite)
    except PoetlabError as error:
        return ExportedResult(result, error=str(error))
    return ExportedResult(result, paths, are_slots=not poses.tracked and len(poses.individuals) > 1)
