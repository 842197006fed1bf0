"""Runs of the swift family: they go on exactly, keep what is pretrained, and are measured in any batch alike."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from poetlab.data.image_size import ImageSizeSettings
from poetlab.data.samples import label_targets
from poetlab.inference import Predictor
from poetlab.model.checkpoint import Snapshot, load_snapshot
from poetlab.model.pose_vector import stack_targets
from poetlab.model.presets import PRESETS, SwiftSettings
from poetlab.model.swift import Swift, SwiftOutput
from poetlab.model.swift_loss import SwiftLoss
from poetlab.project import Project
from poetlab.training.objective import Objective
from poetlab.training.parts import freeze, hold_statistics
from poetlab.training.settings import TrainingSettings
from poetlab.training.validation import validate
from poetlab.workflow.evaluating import evaluate
from poetlab.workflow.training import train

Change = Callable[..., Project]


class StopError(Exception):
    """Stands for a crash."""


def crash(done: int, _total: int, _loss: float) -> None:
    if done == 4:
        raise StopError


@pytest.fixture
def small_preset(tiny_swift: SwiftSettings, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a preset that trains in seconds."""
    monkeypatch.setitem(PRESETS, "poet-swift-light", tiny_swift)
    return "poet-swift-light"


def last_of(project: Project) -> Snapshot:
    return load_snapshot(project.runs()[-1].last)


@pytest.mark.parametrize(
    "settings",
    [{"averaging": 0.99, "schedule": "cosine"}, pytest.param({"bfloat16": True}, marks=pytest.mark.slow)],
    ids=["averaged", "in 16 bits"],
)
def test_a_run_that_was_interrupted_ends_as_one_that_was_not(
    project: Project, change_training: Change, small_preset: str, settings: dict[str, Any]
) -> None:
    project = change_training(project, save_seconds=0, learning_rate=1e-3, **settings)
    train(project, preset=small_preset, device="cpu", seed=3)
    unbroken = last_of(project)
    with pytest.raises(StopError):
        train(project, preset=small_preset, device="cpu", seed=3, on_step=crash)
    train(project, resume=True, device="cpu")
    broken = last_of(project)
    for part in ("weights", "state"):
        ours, theirs = getattr(broken, part), getattr(unbroken, part)
        assert ours.keys() == theirs.keys()
        assert [name for name, tensor in ours.items() if not torch.equal(tensor, theirs[name])] == []
    losses = [[row["loss"] for row in each.facts["progress"]["rows"]] for each in (broken, unbroken)]
    assert losses[0] == losses[1]
    assert losses[0][1] < losses[0][0]


def test_a_run_is_evaluated_as_it_was_validated(project: Project, small_preset: str) -> None:
    result = train(project, preset=small_preset, device="cpu", seed=3)
    evaluation, _ = evaluate(project, snapshot=f"{result.folder.name}/last", device="cpu")
    row = result.rows[-1]
    assert row["val_AP"] == pytest.approx(evaluation.coco["AP"], nan_ok=True)
    assert {"loss_presence", "loss_field", "val_loss_presence"} <= row.keys()
    assert row["loss_center_map"] > row["val_loss_center_map"] == 0


def test_a_finished_run_starts_another_for_another_skeleton(project: Project, small_preset: str) -> None:
    first = train(project, preset=small_preset, device="cpu", epochs=1).folder
    again = train(project, preset=small_preset, device="cpu", epochs=0, pretrained=str(first.last))
    weights = last_of(project).weights
    assert all(torch.equal(weights[name], tensor) for name, tensor in load_snapshot(first.last).weights.items())
    assert again.rows[0]["epoch"] == 0, "what can be forgotten is measured before the first step"


@pytest.fixture
def predictor(swift_model: Swift, project_with_other: Project) -> Predictor:
    skeleton = project_with_other.skeleton()
    torch.manual_seed(0)
    model = Swift(swift_model.settings, skeleton.n_keypoints).eval()
    return Predictor(model, skeleton, ImageSizeSettings(letterbox=(64, 96)), torch.device("cpu"), "test", {})


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_the_validation_loss_is_that_of_one_batch_of_all_images(
    predictor: Predictor, project_with_other: Project, batch_size: int
) -> None:
    drawn, other = project_with_other.label_sets()
    negative, *others = drawn.images
    label_sets = [replace(drawn, images=(replace(negative, instances=()), *others)), other]
    objective = Objective(TrainingSettings(), predictor.skeleton)
    outputs = []

    def keep(_model: nn.Module, _inputs: object, output: SwiftOutput) -> None:
        outputs.append(output)

    handle = predictor.model.register_forward_hook(keep)
    found = validate(predictor, label_sets, objective, batch_size)
    handle.remove()
    parts = [torch.cat([vars(output)[name] for output in outputs], dim=1) for name in list(vars(outputs[0]))[1:6]]
    images = [image for label_set in label_sets for image in label_set.images]
    n_keypoints = predictor.skeleton.n_keypoints
    targets = stack_targets([label_targets(image, n_keypoints, predictor.image_size) for image in images])
    expected = objective.sums(SwiftOutput((64, 96), *parts), targets).mean()
    assert isinstance(expected, SwiftLoss)
    assert found.total == pytest.approx(objective.total(expected).item(), rel=1e-4)
    for name, value in vars(expected).items():
        torch.testing.assert_close(getattr(found.loss, name), value, rtol=1e-4, atol=1e-6, msg=name)


def test_poses_are_in_pixels_of_the_full_frame(predictor: Predictor) -> None:
    frames = torch.randint(0, 256, (1, 3, 100, 200), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    seen = predictor.resized(frames)
    assert seen.shape == (1, 3, 64, 96)
    (found,), (in_input,) = predictor.predict(frames), predictor.predict(seen)
    scale = 200 / 96  # the frame is wider than the letterbox, which is black below it
    torch.testing.assert_close(
        torch.from_numpy(found.keypoints),
        scale * (torch.from_numpy(in_input.keypoints) + 0.5) - 0.5,
        atol=1e-3,
        rtol=1e-4,
    )


def test_nothing_of_a_swift_network_is_frozen_unless_said_so(swift_model: Swift) -> None:
    assert freeze(swift_model, TrainingSettings(), backbone_is_pretrained=True) == ()
    assert all(parameter.requires_grad for parameter in swift_model.parameters())
    parts = ["backbone.layer1", "keypoints", "decoder.0.looking", "point_map"]
    assert freeze(swift_model, TrainingSettings(freeze=parts), backbone_is_pretrained=True) == tuple(parts)
    frozen = {name for name, parameter in swift_model.named_parameters() if not parameter.requires_grad}
    assert {"keypoints", "decoder.0.looking.bias", "point_map.answers.weight"} <= frozen
    assert all(name.startswith(tuple(parts)) for name in frozen)


def test_statistics_of_a_pretrained_backbone_stay(swift_model: Swift) -> None:
    before = {name: buffer.clone() for name, buffer in swift_model.named_buffers()}
    hold_statistics(swift_model.train())
    swift_model(torch.randn(2, 3, 64, 64))
    changed = {name for name, buffer in swift_model.named_buffers() if not torch.equal(buffer, before[name])}
    assert changed
    assert not [name for name in changed if name.startswith("backbone.")]
    assert "pose_field.features.1.running_mean" in changed, "the others learn theirs"


def test_upright_epochs_train_as_those_without_turns_and_mirrors(
    project: Project, change_training: Change, small_preset: str
) -> None:
    def weights(**augmentation: float) -> dict[str, torch.Tensor]:
        changes = {"rotation": 180, "rotation_probability": 1, "flip_probability": 1, "upright": 0} | augmentation
        changed = change_training(project, epochs=1, augmentation=changes)
        train(changed, preset=small_preset, device="cpu")
        return dict(last_of(project).weights)

    upright = weights(upright=1)
    plain = weights(rotation_probability=0, flip_probability=0)
    turned = weights()
    assert all(torch.equal(upright[name], tensor) for name, tensor in plain.items())
    assert not all(torch.equal(upright[name], tensor) for name, tensor in turned.items())
