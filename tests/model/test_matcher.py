"""Matching costs equal equation 1 written as loops, and matches equal the best of all permutations."""

from collections.abc import Callable
from itertools import permutations

import pytest
import torch

from poetlab.errors import TrainingError
from poetlab.model.loss_settings import LossSettings
from poetlab.model.matcher import match_queries, matching_costs
from poetlab.model.poet import PoetOutput
from poetlab.model.pose_vector import PoseTargets

WEIGHTS = LossSettings(keypoints=4.0, visibility=0.2, centers=0.5, offsets=0.7)
ABLATIONS = {
    "all parts": WEIGHTS,
    "offsets with center": WEIGHTS.model_copy(update={"offsets_with_center": True}),
    "no keypoints": WEIGHTS.model_copy(update={"keypoints": 0}),
    "classes alone": LossSettings(keypoints=0, visibility=0, centers=0, offsets=0),
}
any_ablation = pytest.mark.parametrize("weights", ABLATIONS.values(), ids=ABLATIONS)
N_ANIMALS = [3, 0, 1, 5]
N_QUERIES = 4
N_KEYPOINTS = 3


@pytest.fixture
def output(make_output: Callable[..., PoetOutput]) -> PoetOutput:
    return make_output(len(N_ANIMALS), N_QUERIES, N_KEYPOINTS)


@pytest.fixture
def targets(make_targets: Callable[..., PoseTargets]) -> PoseTargets:
    return make_targets(N_ANIMALS, N_KEYPOINTS)


def pair_cost(
    logits: torch.Tensor,
    vector: torch.Tensor,
    targets: PoseTargets,
    image: int,
    animal: int,
    weights: LossSettings,
) -> float:
    """Equation 1 for one query and one animal, with the conventions of the published code."""
    exponentials = [2.718281828459045 ** float(logit) for logit in logits]
    cost = -exponentials[int(targets.classes[image, animal])] / sum(exponentials)
    center = targets.centers[image, animal]
    cost += weights.centers * float((vector[0] - center[0]) ** 2 + (vector[1] - center[1]) ** 2) ** 0.5
    if weights.offsets_with_center:
        cost += weights.offsets * float(abs(vector[0] - center[0]) + abs(vector[1] - center[1]))
    visible = targets.visible[image, animal].tolist()
    if not any(visible):
        return cost
    squared_visibility = 0.0
    for k in range(N_KEYPOINTS):
        encoded_x, encoded_y, visibility = vector[2 + 3 * k : 5 + 3 * k].tolist()
        squared_visibility += (visibility - float(visible[k])) ** 2
        if visible[k]:
            dx, dy = targets.offsets[image, animal, k].tolist()
            cost += weights.offsets * (abs(encoded_x - (dx / 2 + 0.5)) + abs(encoded_y - (dy / 2 + 0.5)))
            error_x = float(vector[0]) + 2 * (encoded_x - 0.5) - (float(center[0]) + dx)
            error_y = float(vector[1]) + 2 * (encoded_y - 0.5) - (float(center[1]) + dy)
            cost += weights.keypoints * (abs(error_x) + abs(error_y))
    return cost + weights.visibility * squared_visibility**0.5


def all_costs(
    output: PoetOutput, targets: PoseTargets, layer: int, image: int, n_animals: int, weights: LossSettings
) -> list[list[float]]:
    """Queries by animals."""
    queries = zip(output.class_logits[layer, image], output.pose_vectors[layer, image], strict=True)
    return [
        [pair_cost(logits, vector, targets, image, animal, weights) for animal in range(n_animals)]
        for logits, vector in queries
    ]


def best_of_all(costs: list[list[float]], n_animals: int) -> list[int]:
    """The query of each animal (-1: none) in the cheapest of all assignments."""
    places = [*range(N_QUERIES), *[-1] * max(0, n_animals - N_QUERIES)]
    assignments = set(permutations(places, n_animals))
    return list(min(assignments, key=lambda chosen: sum(costs[q][t] for t, q in enumerate(chosen) if q >= 0)))


@any_ablation
def test_every_cost_is_that_of_equation_1(output: PoetOutput, targets: PoseTargets, weights: LossSettings) -> None:
    costs = matching_costs(output, targets, weights)
    assert costs.shape == (2, len(N_ANIMALS), N_QUERIES, max(N_ANIMALS))
    for layer in range(2):
        for image, n_animals in enumerate(N_ANIMALS):
            expected = torch.tensor(all_costs(output, targets, layer, image, n_animals, weights), dtype=torch.float64)
            torch.testing.assert_close(costs[layer, image, :, :n_animals], expected)


@pytest.mark.parametrize("weights", [ABLATIONS[name] for name in ABLATIONS if name != "classes alone"])
@pytest.mark.parametrize("seed", range(5))
def test_the_match_is_the_cheapest_of_all(
    make_output: Callable[..., PoetOutput],
    make_targets: Callable[..., PoseTargets],
    seed: int,
    weights: LossSettings,
) -> None:
    output = make_output(len(N_ANIMALS), N_QUERIES, N_KEYPOINTS, seed)
    targets = make_targets(N_ANIMALS, N_KEYPOINTS, seed)
    matched = match_queries(output, targets, weights)
    for layer in range(2):
        for image, n_animals in enumerate(N_ANIMALS):
            costs = all_costs(output, targets, layer, image, n_animals, weights)
            assert matched[layer, image, :n_animals].tolist() == best_of_all(costs, n_animals)
            assert (matched[layer, image, n_animals:] == -1).all(), "padding is never matched"


def test_without_any_pose_cost_the_classes_alone_are_matched(output: PoetOutput, targets: PoseTargets) -> None:
    """Animals of one class are then alike, so that many matches are equally cheap."""
    weights = ABLATIONS["classes alone"]
    matched = match_queries(output, targets, weights)
    for layer in range(2):
        for image, n_animals in enumerate(N_ANIMALS):
            costs = all_costs(output, targets, layer, image, n_animals, weights)
            found, best = matched[layer, image, :n_animals].tolist(), best_of_all(costs, n_animals)
            assert sorted(query >= 0 for query in found) == sorted(query >= 0 for query in best)
            totals = [sum(costs[q][t] for t, q in enumerate(chosen) if q >= 0) for chosen in (found, best)]
            assert totals[0] == pytest.approx(totals[1], rel=1e-6)


def test_of_more_animals_than_queries_as_many_as_there_are_queries_are_matched(
    output: PoetOutput, targets: PoseTargets
) -> None:
    matched = match_queries(output, targets, WEIGHTS)[:, 3]
    for layer in matched.tolist():
        assert sorted(layer) == [-1, 0, 1, 2, 3]


def test_more_padding_changes_no_match(
    output: PoetOutput, targets: PoseTargets, pad: Callable[..., PoseTargets]
) -> None:
    matched = match_queries(output, targets, WEIGHTS)
    padded = match_queries(output, pad(targets, 3), WEIGHTS)
    torch.testing.assert_close(padded[..., :-3], matched)
    assert (padded[..., -3:] == -1).all()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_network_that_diverged_is_an_error(output: PoetOutput, targets: PoseTargets, value: float) -> None:
    output.pose_vectors[0, 0, 0, 0] = value
    with pytest.raises(TrainingError, match="lower the learning rate"):
        match_queries(output, targets, WEIGHTS)


def test_matching_leaves_no_gradient(output: PoetOutput, targets: PoseTargets) -> None:
    learning = PoetOutput(output.class_logits.requires_grad_(), output.pose_vectors.requires_grad_())
    assert not match_queries(learning, targets, WEIGHTS).requires_grad
