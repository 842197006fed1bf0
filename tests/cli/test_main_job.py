"""The main job as a user types it: init, import, train, evaluate, analyze, and what pandas reads."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

import poetlab
from poetlab.project import open_project

Run = Callable[..., Any]
"""The fixture that runs a command."""


def test_init_makes_a_commented_project_and_overwrites_nothing(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    assert run("init", folder, "--skeleton", "mouse-topview", "--individuals", "3").status == 0
    text = (folder / "config.yaml").read_text()
    assert "individuals: 3" in text
    assert text.count("#") > 20
    assert open_project(folder).skeleton().n_keypoints == poetlab.load_skeleton("mouse-topview").n_keypoints
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert run("init", folder).fails_in_one_line("exists", "never overwrites")
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_init_leaves_other_files_of_an_existing_folder_alone(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert run("init", tmp_path).status == 0
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.slow
def test_the_whole_job(run: Run, tmp_path: Path, drawn_labels: Path, drawn_video: Path) -> None:
    folder = tmp_path / "study"
    assert run("init", folder).status == 0
    config = yaml.safe_load((folder / "config.yaml").read_text())
    config["image_size"] = {"short_side": [48, 64], "long_side": 64}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))

    imported = run("import", drawn_labels, "--project", folder, "--name", "drawn")
    assert imported.status == 0
    assert "12 images" in imported.text
    assert "left_front_paw" in imported.text
    assert "area for OKS" in imported.text

    trained = run("train", "--epochs", "2", "--batch-size", "4", "--device", "cpu", "--project", folder)
    assert trained.status == 0, trained.text
    run_folder = open_project(folder).runs()[-1]
    for path in (run_folder.best, run_folder.last, run_folder.metrics, run_folder.metrics_plot, run_folder.settings):
        assert path.stat().st_size > 0
    metrics = pd.read_csv(run_folder.metrics)
    assert metrics["epoch"].tolist() == [1, 2]
    assert metrics.filter(regex="^loss").notna().all(axis=None)
    assert metrics.filter(regex="^val_").notna().any(axis=1).tolist() == [True, True]

    evaluated = run("evaluate", "--project", folder, "--device", "cpu")
    assert evaluated.status == 0
    report = json.loads((run_folder.path / "evaluation_best_val.json").read_text())
    assert set(report["coco"]) == {"AP", "AP50", "AP75", "APM", "APL"} | {
        "AR", "AR50", "AR75", "ARM", "ARL",
    }  # fmt: skip
    assert len(report["keypoint_errors"]) == open_project(folder).skeleton().n_keypoints + 1

    analyzed = run("analyze", drawn_video, "--project", folder, "--device", "cpu", "--threshold", "0", "--save-video")
    assert analyzed.status == 0, analyzed.text
    result = folder / "results" / "drawn.h5"
    table = pd.read_hdf(result)
    assert len(table) == 10
    assert table.columns.names == ["scorer", "individuals", "bodyparts", "coords"]
    assert table.index.tolist() == list(range(10))
    assert (folder / "results" / "drawn_labeled.mp4").stat().st_size > 0
    poses = poetlab.read_poses(result)
    assert poses.tracked is True
    assert poses.individuals[0] == "individual_1"
    assert (np.isfinite(poses.keypoints[..., 0]).all(-1) == (poses.scores > 0)).all()
    assert (poses.scores > 0).any(axis=1).all()

    assert run("export", result, "--to", "dlc").status == 0
    told = run("info", "--project", folder)
    assert "12 images" in told.text
    assert "best and last" in told.text
    assert "1 result file in" in told.text


def test_commands_find_the_project_from_a_folder_inside_it(run: Run, labeled_project: Path) -> None:
    before = Path.cwd()
    os.chdir(labeled_project / "labels")
    try:
        assert "drawn" in run("info").text
    finally:
        os.chdir(before)


def test_a_project_can_be_moved(run: Run, labeled_project: Path, tmp_path: Path) -> None:
    moved = labeled_project.rename(tmp_path / "elsewhere")
    try:
        assert "12 images" in run("info", "--project", moved).text
        assert not [path for path in moved.rglob("*.yaml") if str(labeled_project.parent) in path.read_text()]
    finally:
        moved.rename(labeled_project)
