"""Which images a run learns from, and which it is measured on."""

import csv
import json
import logging
from pathlib import Path

import pytest

from poetlab.errors import LabelError
from poetlab.project import Project
from poetlab.training.data import TrainingData
from poetlab.training.settings import TrainingSettings
from poetlab.workflow.evaluating import evaluate
from poetlab.workflow.training import TrainingStart, train


def rows_of(path: Path) -> dict[str, str]:
    with path.open(newline="") as file:
        return {row["name"]: row["split"] for row in csv.DictReader(file)}


def test_a_run_keeps_its_split_and_is_measured_by_it(project: Project, tmp_path: Path) -> None:
    names = [f"drawn/{image.file_name}" for image in project.label_set("drawn").images]
    stored = {f"drawn/{image.file_name}": image.split for image in project.label_set("drawn").images}
    wanted = {name: "val" if stored[name] == "train" and number % 2 else "train" for number, name in enumerate(names)}
    (tmp_path / "my.csv").write_text("name,split\n" + "".join(f"{name},{wanted[name]}\n" for name in names))
    starts: list[TrainingStart] = []
    run = train(project, epochs=0, device="cpu", split=tmp_path / "my.csv", on_start=starts.append).folder
    assert rows_of(run.split) == wanted
    assert starts[0].split_rule == "as my.csv says"
    n_val = list(wanted.values()).count("val")
    assert starts[0].n_validation_images == n_val
    (tmp_path / "my.csv").unlink()
    _, path = evaluate(project, device="cpu")
    detections = json.loads(path.with_name(f"{path.stem}_detections.json").read_text())
    ids = {f"drawn/{image.file_name}": number for image, number in labeled(project)}
    assert {entry["image_id"] for entry in detections} == {ids[name] for name in names if wanted[name] == "val"}


def labeled(project: Project) -> zip:
    label_set = project.label_set("drawn")
    return zip(label_set.images, label_set.image_ids, strict=True)


def test_a_drawn_split_is_kept_for_later_runs(project: Project) -> None:
    starts: list[TrainingStart] = []
    first = train(project, epochs=0, device="cpu", split="frame", on_start=starts.append).folder
    file = project.labels_dir / "split-frame.csv"
    assert rows_of(file) == rows_of(first.split)
    file.write_text(file.read_text().replace(",train", ",VAL").replace(",val", ",train").replace(",VAL", ",val"))
    second = train(project, epochs=0, device="cpu", split="frame", on_start=starts.append).folder
    assert rows_of(second.split) == rows_of(file)
    assert rows_of(second.split) != rows_of(first.split)
    assert [start.split_rule for start in starts] == ["by frame", "as in split-frame.csv, by an earlier run"]


def test_a_way_to_split_that_is_none_is_refused_before_anything_is_made(project: Project) -> None:
    with pytest.raises(LabelError, match="'weekday' is no way to split"):
        train(project, epochs=0, device="cpu", split="weekday")
    assert project.runs() == []


def test_predictions_that_nobody_confirmed_do_not_train(project: Project, caplog) -> None:
    path = project.labels_dir / "drawn" / "annotations.json"
    content = json.loads(path.read_text())
    entry = content["annotations"][0]
    entry["provenance"] = {"made_by": "model", "score": 0.9}
    path.write_text(json.dumps(content))
    (name,) = [image["file_name"] for image in content["images"] if image["id"] == entry["image_id"]]
    with caplog.at_level(logging.WARNING):
        data = TrainingData.from_label_sets(project.label_sets(), TrainingSettings())
    used = {name for name, _ in data.split_rows()}
    assert used == {f"drawn/{image['file_name']}" for image in content["images"]} - {f"drawn/{name}"}
    assert "nobody has confirmed what a model has found there (1 animals)" in caplog.text
