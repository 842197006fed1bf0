"""The page on other tools: its commands and its code run, in order."""

import contextlib
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from poetlab.cli.main import main
from poetlab.results.reading import read_poses

PAGE = Path(__file__).resolve().parents[1] / "docs" / "downstream.md"


def load_keypoints(path: str, file_format: str, extension: str | None = None) -> tuple[str, str, str]:
    """Stands for keypoint_moseq's, which looks for files like this and refuses two of one recording."""
    extensions = [extension] if extension else {"deeplabcut": [".csv", ".h5"], "sleap": [".h5", ".slp"]}[file_format]
    files = [Path(path)] if Path(path).is_file() else sorted(Path(path).rglob("*"))
    (found,) = [file for file in files if file.suffix in extensions]
    return f"coordinates of {found.name}", "confidences", "bodyparts"


def run(commands: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for line in commands.splitlines():
        monkeypatch.setattr(sys, "argv", shlex.split(line))
        with contextlib.suppress(SystemExit):  # the files that a command was to write are missed later
            main()


def test_the_page_runs_from_top_to_bottom(
    make_result: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "keypoint_moseq", SimpleNamespace(load_keypoints=load_keypoints))  # type: ignore[arg-type]
    (tmp_path / "results").mkdir()
    result = make_result(tmp_path / "results" / "video.h5", individuals=("individual_1", "individual_2"), tracked=True)
    names: dict[str, Any] = {}
    for language, text in re.findall(r"```(bash|python)\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL):
        if language == "bash":
            run(text, monkeypatch)
        else:
            exec(compile(text, str(PAGE), "exec"), names)
    poses = read_poses(result)
    head = poses.keypoints[:, :, 0]
    np.testing.assert_array_equal(names["head_of_the_first"].droplevel(0, axis=1)[["x", "y"]], head[:, 0])
    assert names["means"].loc[("individual_1", "head"), "x"] == pytest.approx(np.nanmean(head[:, 0, 0]))
    assert len(names["tidy"]) == 6 * 2 * 2
    assert names["table"].shape == names["from_h5"].shape == names["from_csv"].shape == (6, 12)
    assert names["bodyparts"] == ["head", "tail"]
    assert names["coordinates"] == "coordinates of video.h5"
    assert names["from_deeplabcut"][0] == "coordinates of videoDLC_001-poet-r18.h5"
    assert names["from_sleap"][0] == "coordinates of video.analysis.h5"
    np.testing.assert_array_equal(names["tracks"], poses.keypoints)
    np.testing.assert_array_equal(names["analysis"].numpy(), poses.keypoints)
    np.testing.assert_array_equal(names["positions"].transpose(0, 3, 1, 2), poses.keypoints)
    assert names["names"] == ["individual_1", "individual_2"]
    np.testing.assert_array_equal(names["head"], head[:, 0])
    np.testing.assert_array_equal(names["seconds"], poses.times)
    assert names["dataset"].sizes["time"] == names["both"].sizes["time"] == 6
