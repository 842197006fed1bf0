"""Forgetting during fine-tuning: label sets that are measured at each validation and never learned from."""

import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import torch

from poetlab.errors import ConfigError, TrainingError
from poetlab.labels.label_set import LabelSet
from poetlab.model.checkpoint import load_snapshot
from poetlab.model.loss import PoetLoss
from poetlab.project import Project, open_project
from poetlab.training import loop
from poetlab.training.data import TrainingData
from poetlab.training.settings import TrainingSettings
from poetlab.training.validation import Validation
from poetlab.workflow.evaluating import evaluate
from poetlab.workflow.training import train


class StopError(Exception):
    """Stands for a crash."""


def set_config(project: Project, old: str, new: str) -> Project:
    """The project with another line in its config."""
    text = (project.path / "config.yaml").read_text()
    assert old in text
    (project.path / "config.yaml").write_text(text.replace(old, new))
    return open_project(project.path)


def assert_same_rows(rows: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]) -> None:
    """Equal to the last digit; missing figures are equal, too."""
    pd.testing.assert_frame_equal(pd.DataFrame(rows), pd.DataFrame(others), check_exact=True)


def test_a_label_set_beside_is_measured_and_changes_nothing(project: Project, project_with_other: Project) -> None:
    alone = train(project, device="cpu", seed=3)
    beside = train(project_with_other, device="cpu", seed=3, also_evaluate=["other"])

    for name in ("best", "last"):
        one, other = (load_snapshot(getattr(result.folder, name)) for result in (alone, beside))
        assert one.weights.keys() == other.weights.keys()
        assert all(torch.equal(tensor, other.weights[key]) for key, tensor in one.weights.items())
    assert [row["epoch"] for row in beside.rows] == [0, 1, 2]
    shared = [{key: row[key] for key in row if not key.startswith("other_")} for row in beside.rows[1:]]
    assert_same_rows(shared, alone.rows)

    evaluation, _ = evaluate(project_with_other, snapshot=f"{beside.folder.name}/last", split="other", device="cpu")
    last = beside.rows[-1]
    assert last["other_detections"] == evaluation.n_detections
    assert {key: last[f"other_{key}"] for key in evaluation.coco} == pytest.approx(evaluation.coco, nan_ok=True)
    assert last["other_loss"] > 0
    metrics = pd.read_csv(beside.folder.metrics)
    assert metrics["other_loss"].notna().all()
    assert metrics["loss"].isna().tolist() == [True, False, False]
    assert metrics.columns[:2].tolist() == ["epoch", "learning_rate"]


def test_a_run_goes_on_with_what_it_measures_beside(project_with_other: Project, tmp_path: Path) -> None:
    project = set_config(project_with_other, "also_evaluate: []", "also_evaluate: [other]")
    project = set_config(project, "save_seconds: 60", "save_seconds: 0")
    unbroken = train(open_project(shutil.copytree(project.path, tmp_path / "unbroken")), device="cpu", seed=3)

    def crash(done: int, _total: int, _loss: float) -> None:
        if done == 4:
            raise StopError

    with pytest.raises(StopError):
        train(project, device="cpu", seed=3, on_step=crash)
    set_config(project, "also_evaluate: [other]", "also_evaluate: []")
    result = train(open_project(project.path), resume=True, device="cpu")
    assert_same_rows(result.rows, unbroken.rows)


def test_a_run_stopped_while_its_start_is_measured_does_so_again(
    project_with_other: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> Validation:
        raise StopError

    with monkeypatch.context() as patch:
        patch.setattr(loop, "validate", crash)
        with pytest.raises(StopError):
            train(project_with_other, epochs=1, device="cpu", also_evaluate=["other"])
    result = train(project_with_other, resume=True, device="cpu")
    assert [row["epoch"] for row in result.rows] == [0, 1]


def test_resuming_keeps_the_label_sets_beside(project_with_other: Project) -> None:
    train(project_with_other, epochs=1, device="cpu", also_evaluate=["other"])
    with pytest.raises(TrainingError, match="keeps its settings"):
        train(project_with_other, resume=True, also_evaluate=["other"])
    shutil.rmtree(project_with_other.labels_dir / "other")
    with pytest.raises(TrainingError, match="'other'"):
        train(project_with_other, resume=True, epochs=2)


def test_pretrained_poses_are_measured_before_the_first_step(project: Project) -> None:
    first = train(project, epochs=1, device="cpu")
    assert [row["epoch"] for row in first.rows] == [1]
    fine_tuned = train(project, epochs=1, device="cpu", pretrained=str(first.folder.last))
    assert [row["epoch"] for row in fine_tuned.rows] == [0, 1]
    before = {key: value for key, value in first.rows[0].items() if key.startswith("val_")}
    start = {key: value for key, value in fine_tuned.rows[0].items() if key != "epoch"}
    assert start == pytest.approx(before, nan_ok=True, rel=1e-4)


def validation_of(ap: float) -> Validation:
    """A validation that found this AP."""
    evaluation: Any = SimpleNamespace(
        coco={"AP": ap, "AP50": ap, "AR": ap},
        n_detections=1,
        n_animals=1,
        keypoint_errors=[SimpleNamespace(median=1.0)],
    )
    return Validation(evaluation, PoetLoss(*[torch.ones(1)] * 5), 1.0)


def test_ctrl_c_while_the_start_is_measured_saves_it_untrained(project_with_other: Project) -> None:
    def press_ctrl_c(_row: Mapping[str, Any]) -> None:
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(project_with_other, epochs=1, device="cpu", also_evaluate=["other"], on_epoch=press_ctrl_c)
    assert load_snapshot(project_with_other.runs()[-1].last).facts["progress"]["step"] == 0
    result = train(project_with_other, resume=True, device="cpu")
    assert [row["epoch"] for row in result.rows] == [0, 1]


def test_no_epochs_measure_the_start_and_keep_the_weights(project: Project) -> None:
    first = train(project, epochs=1, device="cpu")
    untrained = train(project, epochs=0, device="cpu", pretrained=str(first.folder.last))
    assert [row["epoch"] for row in untrained.rows] == [0]
    assert untrained.best_ap is None
    assert not untrained.folder.best.exists()
    weights, kept = (load_snapshot(result.folder.last).weights for result in (first, untrained))
    assert all(torch.equal(tensor, kept[name]) for name, tensor in weights.items())
    evaluation, _ = evaluate(project, snapshot=untrained.folder.name, device="cpu")
    assert untrained.rows[0]["val_detections"] == evaluation.n_detections
    more = train(project, resume=True, epochs=1, device="cpu")
    assert [row["epoch"] for row in more.rows] == [0, 1]


@pytest.fixture
def fake_aps(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A function that makes validation find given APs, for each label set one an epoch."""

    def fake(**aps: list[float]) -> None:
        def validate(_predictor: object, label_sets: Sequence[LabelSet], *_: object) -> Validation:
            (label_set,) = label_sets
            return validation_of(aps[label_set.name].pop(0))

        monkeypatch.setattr(loop, "validate", validate)

    return fake


def test_neither_the_start_nor_what_is_measured_beside_decides_which_network_is_best(
    project_with_other: Project, fake_aps: Callable[..., None]
) -> None:
    fake_aps(drawn=[0.9, 0.1, 0.3, 0.2], other=[0.5, 0.9, 0.1, 0.0])
    result = train(project_with_other, epochs=3, device="cpu", also_evaluate=["other"])
    assert result.best_ap == 0.3
    assert load_snapshot(result.folder.best).facts["epoch"] == 2
    assert [row["val_AP"] for row in result.rows] == [0.9, 0.1, 0.3, 0.2]
    assert [row["other_AP"] for row in result.rows] == [0.5, 0.9, 0.1, 0.0]


def names(label_sets: Sequence[LabelSet]) -> list[tuple[str, int]]:
    return [(label_set.name, label_set.n_images) for label_set in label_sets]


def test_a_label_set_beside_is_measured_on_its_validation_images_or_on_all(project_with_other: Project) -> None:
    drawn, other = project_with_other.label_sets()
    n_train, n_val = drawn.select("train").n_images, drawn.select("val").n_images
    data = TrainingData.from_label_sets([drawn, other], TrainingSettings())
    assert names(data.training) == [("drawn", n_train)]
    assert names(data.validation) == [("drawn", n_val), ("other", 4)]
    assert names(data.also) == []

    data = TrainingData.from_label_sets([drawn, other], TrainingSettings(also_evaluate=("other", "other")))
    assert names(data.validation) == [("drawn", n_val)]
    assert names(data.also) == [("other", 4)]

    learned = replace(other, images=tuple(replace(image, split="train") for image in other.images))
    data = TrainingData.from_label_sets([drawn, learned], TrainingSettings(also_evaluate=("drawn",)))
    assert names(data.training) == [("other", 4)]
    assert names(data.also) == [("drawn", n_val)]

    only_training = drawn.select("train")
    data = TrainingData.from_label_sets([only_training, learned], TrainingSettings(also_evaluate=("drawn",)))
    assert names(data.also) == [("drawn", n_train)]


def test_negatives_can_be_left_out_of_training_alone(project: Project) -> None:
    (drawn,) = project.label_sets()
    images = tuple(replace(image, instances=()) for image in drawn.images[:8]) + drawn.images[8:]
    labels = replace(drawn, images=images)
    n_negatives = sum(not image.instances for image in labels.select("train").images)
    assert n_negatives > 0
    with_them = TrainingData.from_label_sets([labels], TrainingSettings())
    without = TrainingData.from_label_sets([labels], TrainingSettings(negatives=False))
    assert without.training[0].n_images == with_them.training[0].n_images - n_negatives
    assert all(image.instances for image in without.training[0].images)
    assert names(without.validation) == names(with_them.validation)


def test_label_sets_that_do_not_fit_are_refused(project_with_other: Project) -> None:
    with pytest.raises(TrainingError, match="no label set 'othr'; the nearest is 'other'"):
        train(project_with_other, device="cpu", also_evaluate=["othr"])
    with pytest.raises(TrainingError, match="every label set is in also_evaluate"):
        train(project_with_other, device="cpu", also_evaluate=["other", "drawn"])
    assert project_with_other.runs() == []


def test_a_loss_that_teaches_no_position_is_refused(project: Project) -> None:
    project = set_config(project, "keypoints: 4 ", "keypoints: 0 ")
    assert project.config.training.loss.keypoints == 0
    with pytest.raises(ConfigError, match=r"training: loss.keypoints and loss.offsets are both 0"):
        set_config(project, "offsets: 0.5", "offsets: 0")
