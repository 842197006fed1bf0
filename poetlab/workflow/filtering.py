"""`filter_results`: result files cleaned up, as new files."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poetlab.config import changed
from poetlab.errors import ConfigError, PoetlabError, ResultsError
from poetlab.filtering import FilterSettings, filter_poses
from poetlab.poses import Poses
from poetlab.results.naming import FILTERED, changed_result_paths, check_new_result, is_made_of_another
from poetlab.results.reading import read_poses
from poetlab.results.rewriting import write_poses


@dataclass(frozen=True)
class FilteredResult:
    """What became of one result file.

    Attributes:
        result: The result file.
        path: The new one; None if that failed.
        n_before: Keypoints with a position, in all frames together.
        n_after: Those of the new file.
        left_out: Whether nothing was done, because it is what became of another of the results earlier.
        error: Why it failed; None if it did not.
    """

    result: Path
    path: Path | None = None
    n_before: int = 0
    n_after: int = 0
    left_out: bool = False
    error: str | None = None


def filter_results(
    results: Sequence[str | Path],
    *,
    threshold: float | None = None,
    max_gap: int | None = None,
    fill: str | None = None,
    smooth: str | None = None,
    window: int | None = None,
    order: int | None = None,
    output: str | Path | None = None,
    overwrite: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
    on_result: Callable[[FilteredResult], None] | None = None,
) -> list[FilteredResult]:
    """Clean up result files; each becomes a new one, and what was done to it is in its attribute `filtering`.

    Args:
        results: Result files; of one and what an earlier call made of it, only the former is filtered.
        threshold: Visibility below which a keypoint becomes missing; None for no threshold.
        max_gap: Most missing frames in a row to fill in; None for no filling.
        fill: `linear` or `cubic`; None for linear.
        smooth: `median` or `savgol`; None for no smoothing.
        window: Frames that a smoothed position is made of; None for 5.
        order: Order of Savitzky and Golay's polynomial; None for 2.
        output: Folder to write to, in which folders of the results are mirrored if there are several; None for beside
            each result, as `<name>_filtered.h5`.
        overwrite: Whether to replace files that exist.
        on_progress: Called with result files done and in all.
        on_result: Called with what became of each, when it is finished.

    Returns:
        What became of each result file; one that fails does not stop the rest.

    Raises:
        ConfigError: If a number does not fit, or nothing is to be done.
    """
    choices = {"threshold": threshold, "max_gap": max_gap, "fill": fill, "smooth": smooth}
    settings = changed(FilterSettings(), choices | {"window": window, "order": order})
    if settings.is_nothing:
        raise ConfigError("nothing to filter: give a threshold, a longest gap to fill, or a way to smooth")
    filtered: list[FilteredResult] = []
    paths = list(map(Path, results))
    for result, path in zip(paths, changed_result_paths(paths, FILTERED, output), strict=True):
        if is_made_of_another(result, paths, FILTERED):
            filtered.append(FilteredResult(result, left_out=True))
        else:
            written = {earlier.path for earlier in filtered}
            filtered.append(_filter(result, path, settings, written, overwrite=overwrite))
        if on_result:
            on_result(filtered[-1])
        if on_progress:
            on_progress(len(filtered), len(results))
    return filtered


def _filter(
    result: Path, path: Path, settings: FilterSettings, written: set[Path | None], *, overwrite: bool
) -> FilteredResult:
    try:
        check_new_result(result, path, written, "filter", overwrite=overwrite)  # and again by write_poses
        poses = read_poses(result)
        new = _filter_poses(poses, settings, result)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_poses(path, new, like=result, overwrite=overwrite, filtering=settings.model_dump())
    except PoetlabError as error:
        return FilteredResult(result, error=str(error))
    except OSError as error:
        return FilteredResult(result, error=f"{error.filename or path}: {error.strerror or error}")
    return FilteredResult(result, path, _n_positions(poses), _n_positions(new))


def _filter_poses(poses: Poses, settings: FilterSettings, result: Path) -> Poses:
    """The filtered poses, or an error that names the file, since several may be of one video."""
    try:
        return filter_poses(poses, settings)
    except ResultsError as error:
        raise ResultsError(f"{result}: {error}") from error


def _n_positions(poses: Poses) -> int:
    return int((~np.isnan(poses.keypoints).any(axis=-1)).sum())
