"""The moving average of a network's weights."""

from collections.abc import Callable

import torch
from torch import nn

from poetlab.evaluation.evaluate import evaluate
from poetlab.inference import Predictor
from poetlab.model.checkpoint import load_snapshot
from poetlab.model.poet import Poet
from poetlab.project import Project
from poetlab.training.averaging import AveragedWeights, warmed_decay
from poetlab.workflow.training import train


def test_weights_and_buffers_follow_as_an_exponential_average(model: Poet) -> None:
    model.register_module("norm", nn.BatchNorm2d(3))
    averaged = AveragedWeights(model, decay=0.5)
    expected = {name: tensor.double() for name, tensor in model.state_dict().items()}
    for n_before in range(12):
        for tensor in model.state_dict().values():
            tensor.add_(torch.full_like(tensor, n_before + 1))
        averaged.update(model, n_before)
        decay = min(0.5, (1 + n_before) / (10 + n_before))
        for name, tensor in model.state_dict().items():
            expected[name] = decay * expected[name] + (1 - decay) * tensor
    found = averaged.model.state_dict()
    assert found.keys() == model.state_dict().keys() >= {"norm.running_var", "norm.num_batches_tracked"}
    assert found["norm.num_batches_tracked"] == model.state_dict()["norm.num_batches_tracked"] == sum(range(13))
    for name in found.keys() - {"norm.num_batches_tracked"}:
        torch.testing.assert_close(found[name].double(), expected[name], rtol=1e-5, atol=1e-5)


def test_what_does_not_change_keeps_its_value_to_the_last_bit(model: Poet) -> None:
    averaged = AveragedWeights(model, decay=0.999)
    for n_before in range(20):
        averaged.update(model, n_before)
    for name, tensor in averaged.model.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name]), name


def test_the_trained_network_is_left_alone(model: Poet) -> None:
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    averaged = AveragedWeights(model.train(), decay=0.9)
    with torch.no_grad():
        averaged.model.queries.zero_()
    averaged.update(model, 0)
    assert model.training
    assert not averaged.model.training
    assert not any(parameter.requires_grad for parameter in averaged.model.parameters())
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_a_short_run_is_no_average_of_its_start() -> None:
    share_of_start = 1.0
    for n_before in range(30):
        share_of_start *= warmed_decay(0.9999, n_before)
    assert share_of_start < 1e-6
    assert warmed_decay(0.999, 10**6) == 0.999


def test_what_is_measured_and_kept_is_the_average(project: Project, change_training: Callable[..., Project]) -> None:
    averaging_project = change_training(project, averaging=0.6)
    result = train(averaging_project, device="cpu", seed=3)
    last, best = load_snapshot(result.folder.last), load_snapshot(result.folder.best)
    assert last.facts["training"]["averaging"] == 0.6
    unaveraged = {
        name.removeprefix("unaveraged/"): tensor
        for name, tensor in last.state.items()
        if name.startswith("unaveraged/")
    }
    assert unaveraged.keys() == last.weights.keys()
    assert not torch.equal(unaveraged["queries"], last.weights["queries"])
    assert not best.state
    (label_set,) = averaging_project.label_sets()
    for snapshot, row in ((last, result.rows[-1]), (best, result.rows[best.facts["epoch"] - 1])):
        predictor = Predictor.from_snapshot(snapshot, torch.device("cpu"), "again")
        again = evaluate(predictor, [label_set.select("val")])
        assert again.coco["AP"] == row["val_AP"]


def test_without_averaging_the_last_snapshot_holds_the_weights_once(
    project: Project, change_training: Callable[..., Project]
) -> None:
    result = train(change_training(project, averaging=0), epochs=1, device="cpu")
    assert not [name for name in load_snapshot(result.folder.last).state if name.startswith("unaveraged/")]
