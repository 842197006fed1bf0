"""The loss equals equations 3 and 4 written as loops, and its gradient equals numerical differences."""

import math
from collections.abc import Callable
from dataclasses import fields, replace

import pytest
import torch

from poetlab.model.loss import LossSums, PoetLoss, loss_sums, poet_loss
from poetlab.model.loss_settings import LossSettings
from poetlab.model.matcher import match_queries
from poetlab.model.poet import PoetOutput
from poetlab.model.pose_vector import PoseTargets, QueryClass

WEIGHTS = LossSettings(keypoints=4.0, visibility=0.2, centers=0.5, offsets=0.7, no_object=0.1)
ABLATIONS = {
    "all parts": WEIGHTS,
    "offsets with center": WEIGHTS.model_copy(update={"offsets_with_center": True}),
    "no keypoints, offsets with center": WEIGHTS.model_copy(update={"keypoints": 0, "offsets_with_center": True}),
    "no centers and offsets": WEIGHTS.model_copy(update={"centers": 0, "offsets": 0}),
    "classes alone": LossSettings(keypoints=0, visibility=0, centers=0, offsets=0),
}
"""The loss and its ablations (Tables 2 and 3)."""
any_ablation = pytest.mark.parametrize("weights", ABLATIONS.values(), ids=ABLATIONS)
N_ANIMALS = [3, 0, 1, 5]
N_QUERIES = 4
N_KEYPOINTS = 3
PARTS = [field.name for field in fields(PoetLoss)]


@pytest.fixture
def output(make_output: Callable[..., PoetOutput]) -> PoetOutput:
    return make_output(len(N_ANIMALS), N_QUERIES, N_KEYPOINTS)


@pytest.fixture
def targets(make_targets: Callable[..., PoseTargets]) -> PoseTargets:
    return make_targets(N_ANIMALS, N_KEYPOINTS)


def class_part(output: PoetOutput, targets: PoseTargets, layer: int, matched: torch.Tensor) -> float:
    """The weighted mean over queries of the negative log-likelihood."""
    loss = total_weight = 0.0
    for image in range(len(N_ANIMALS)):
        wanted = {int(q): int(targets.classes[image, t]) for t, q in enumerate(matched[layer, image]) if q >= 0}
        for q in range(N_QUERIES):
            exponentials = [math.exp(logit) for logit in output.class_logits[layer, image, q].tolist()]
            kind = wanted.get(q, int(QueryClass.NO_OBJECT))
            weight = WEIGHTS.no_object if kind == QueryClass.NO_OBJECT else 1.0
            loss -= weight * math.log(exponentials[kind] / sum(exponentials))
            total_weight += weight
    return loss / total_weight


def animal_parts(
    vector: list[float], targets: PoseTargets, image: int, animal: int, weights: LossSettings
) -> dict[str, float]:
    """What one matched animal adds to every other part."""
    x, y = targets.centers[image, animal].tolist()
    visible = targets.visible[image, animal].tolist()
    parts = dict.fromkeys(PARTS, 0.0) | {"centers": (vector[0] - x) ** 2 + (vector[1] - y) ** 2}
    if weights.offsets_with_center:
        parts["offsets"] = abs(vector[0] - x) + abs(vector[1] - y)
    for k in range(N_KEYPOINTS if any(visible) else 0):
        encoded_x, encoded_y, visibility = vector[2 + 3 * k : 5 + 3 * k]
        parts["visibility"] += (visibility - float(visible[k])) ** 2
        if visible[k]:
            dx, dy = targets.offsets[image, animal, k].tolist()
            parts["offsets"] += abs(encoded_x - (dx / 2 + 0.5)) + abs(encoded_y - (dy / 2 + 0.5))
            parts["keypoints"] += abs(vector[0] + 2 * (encoded_x - 0.5) - x - dx)
            parts["keypoints"] += abs(vector[1] + 2 * (encoded_y - 0.5) - y - dy)
    return parts


def reference(output: PoetOutput, targets: PoseTargets, weights: LossSettings) -> dict[str, list[float]]:
    """Every part for every layer, one animal after the other."""
    matched = match_queries(output, targets, weights)
    losses: dict[str, list[float]] = {name: [] for name in PARTS}
    for layer in range(2):
        sums = dict.fromkeys(PARTS, 0.0)
        for image, n_animals in enumerate(N_ANIMALS):
            for animal in range(n_animals):
                query = int(matched[layer, image, animal])
                if query >= 0:
                    vector = output.pose_vectors[layer, image, query].tolist()
                    for name, value in animal_parts(vector, targets, image, animal, weights).items():
                        sums[name] += value / sum(N_ANIMALS)
        sums["classes"] = class_part(output, targets, layer, matched)
        for name, value in sums.items():
            losses[name].append(value)
    return losses


@any_ablation
@pytest.mark.parametrize("seed", range(4))
def test_every_part_is_that_of_the_equations(
    make_output: Callable[..., PoetOutput],
    make_targets: Callable[..., PoseTargets],
    seed: int,
    weights: LossSettings,
) -> None:
    output = make_output(len(N_ANIMALS), N_QUERIES, N_KEYPOINTS, seed)
    targets = make_targets(N_ANIMALS, N_KEYPOINTS, seed)
    loss = poet_loss(output, targets, weights)
    for name, values in reference(output, targets, weights).items():
        assert getattr(loss, name).tolist() == pytest.approx(values, rel=1e-9), name
        assert all(value > 0 for value in values)


@any_ablation
@pytest.mark.parametrize("batches", [([0, 1], [2, 3]), ([0], [1, 2, 3]), ([3], [1], [0], [2])], ids=str)
def test_the_loss_of_many_images_does_not_depend_on_their_batches(
    output: PoetOutput, targets: PoseTargets, batches: tuple[list[int], ...], weights: LossSettings
) -> None:
    def sums_of(images: list[int]) -> LossSums:
        part = PoetOutput(output.class_logits[:, images], output.pose_vectors[:, images])
        return loss_sums(part, PoseTargets(*(getattr(targets, f.name)[images] for f in fields(PoseTargets))), weights)

    first, *others = map(sums_of, batches)
    for other in others:
        first = first + other
    expected, found = poet_loss(output, targets, weights), first.mean()
    for name in PARTS:
        torch.testing.assert_close(getattr(found, name), getattr(expected, name), atol=1e-12, rtol=1e-12)


def test_the_total_is_the_weighted_sum_over_parts_and_layers(output: PoetOutput, targets: PoseTargets) -> None:
    loss = poet_loss(output, targets, WEIGHTS)
    expected = sum(
        weight * getattr(loss, name)[layer].item()
        for layer in range(2)
        for name, weight in {"classes": 1, "keypoints": 4, "visibility": 0.2, "centers": 0.5, "offsets": 0.7}.items()
    )
    assert loss.total(WEIGHTS).item() == pytest.approx(expected, rel=1e-12)
    assert loss.last_layer() == {name: getattr(loss, name)[1] for name in PARTS}


def test_more_padding_changes_nothing(
    output: PoetOutput, targets: PoseTargets, pad: Callable[..., PoseTargets]
) -> None:
    expected, found = poet_loss(output, targets, WEIGHTS), poet_loss(output, pad(targets, 3), WEIGHTS)
    for name in PARTS:
        torch.testing.assert_close(getattr(found, name), getattr(expected, name), atol=1e-12, rtol=1e-12)


def test_the_order_of_images_and_animals_changes_nothing(output: PoetOutput, targets: PoseTargets) -> None:
    images, animals = [2, 0, 3, 1], [4, 1, 0, 3, 2]
    shuffled_output = PoetOutput(output.class_logits[:, images], output.pose_vectors[:, images])
    shuffled_targets = PoseTargets(*(getattr(targets, f.name)[images][:, animals] for f in fields(PoseTargets)))
    expected, found = poet_loss(output, targets, WEIGHTS), poet_loss(shuffled_output, shuffled_targets, WEIGHTS)
    for name in PARTS:
        torch.testing.assert_close(getattr(found, name), getattr(expected, name), atol=1e-12, rtol=1e-12)


def test_every_layer_is_matched_and_scored_alone(output: PoetOutput, targets: PoseTargets) -> None:
    loss = poet_loss(output, targets, WEIGHTS)
    for layer in range(2):
        alone = PoetOutput(output.class_logits[layer : layer + 1], output.pose_vectors[layer : layer + 1])
        for name in PARTS:
            expected = getattr(poet_loss(alone, targets, WEIGHTS), name)[0]
            torch.testing.assert_close(getattr(loss, name)[layer], expected, atol=1e-12, rtol=1e-12)


@any_ablation
def test_the_gradient_equals_numerical_differences(
    make_output: Callable[..., PoetOutput], make_targets: Callable[..., PoseTargets], weights: LossSettings
) -> None:
    output, targets = make_output(2, 3, 2), make_targets([2, 1], 2)

    def total(logits: torch.Tensor, before_sigmoid: torch.Tensor) -> torch.Tensor:
        return poet_loss(PoetOutput(logits, before_sigmoid.sigmoid()), targets, weights).total(weights)

    one_layer = (output.class_logits[:1], output.pose_vectors[:1].logit())
    inputs = tuple(values.requires_grad_() for values in one_layer)
    assert torch.autograd.gradcheck(total, inputs)


def test_a_weight_of_zero_teaches_nothing_of_its_part(output: PoetOutput, targets: PoseTargets) -> None:
    """With no weight but that of centers (or of none), only the numbers of the centers (or none at all) learn."""
    nothing = LossSettings(keypoints=0, visibility=0, centers=0, offsets=0)
    for weights, learning in ((nothing, []), (nothing.model_copy(update={"centers": 1.0}), [0, 1])):
        vectors = output.pose_vectors.clone().requires_grad_()
        poet_loss(PoetOutput(output.class_logits, vectors), targets, weights).total(weights).backward()
        assert vectors.grad is not None
        assert vectors.grad.abs().sum((0, 1, 2)).nonzero()[:, 0].tolist() == learning


def test_only_matched_queries_learn_poses(output: PoetOutput, targets: PoseTargets) -> None:
    vectors = output.pose_vectors.requires_grad_()
    poet_loss(PoetOutput(output.class_logits, vectors), targets, WEIGHTS).total(WEIGHTS).backward()
    matched = match_queries(output, targets, WEIGHTS)
    assert vectors.grad is not None
    for layer in range(2):
        for image in range(len(N_ANIMALS)):
            learning = vectors.grad[layer, image].abs().sum(-1).nonzero()[:, 0].tolist()
            assert learning == sorted(q for q in matched[layer, image].tolist() if q >= 0)


def test_images_without_animals_teach_only_that_there_are_none(
    make_output: Callable[..., PoetOutput], make_targets: Callable[..., PoseTargets]
) -> None:
    output, targets = make_output(2, N_QUERIES, N_KEYPOINTS), make_targets([0, 0], N_KEYPOINTS)
    loss = poet_loss(output, targets, WEIGHTS)
    expected = -output.class_logits.log_softmax(-1)[..., QueryClass.NO_OBJECT].mean(dim=(1, 2))
    torch.testing.assert_close(loss.classes, expected)
    for name in set(PARTS) - {"classes"}:
        assert getattr(loss, name).tolist() == [0, 0]


def test_a_perfect_prediction_costs_nothing(make_targets: Callable[..., PoseTargets]) -> None:
    targets = make_targets([3], N_KEYPOINTS)
    encoded = torch.cat([(targets.offsets + 1) / 2, targets.visible[..., None].double()], dim=-1)
    vectors = torch.cat([targets.centers, encoded.flatten(-2)], dim=-1)
    logits = 100 * torch.nn.functional.one_hot(targets.classes, 3).double()
    loss = poet_loss(PoetOutput(logits[None], vectors[None]), targets, WEIGHTS)
    assert loss.total(WEIGHTS).item() == pytest.approx(0, abs=1e-12)


@any_ablation
def test_places_of_occluded_keypoints_change_nothing(
    output: PoetOutput, targets: PoseTargets, weights: LossSettings
) -> None:
    random = torch.Generator().manual_seed(1)
    anywhere = torch.randn(targets.offsets.shape, generator=random, dtype=torch.float64)
    offsets = torch.where(targets.visible[..., None], targets.offsets, anywhere)
    occluded = replace(targets, offsets=offsets, located=torch.ones_like(targets.located), areas=targets.areas * 3)
    assert not torch.equal(occluded.offsets, targets.offsets)
    assert torch.equal(match_queries(output, occluded, weights), match_queries(output, targets, weights))
    found, expected = poet_loss(output, occluded, weights), poet_loss(output, targets, weights)
    for part in PARTS:
        assert torch.equal(getattr(found, part), getattr(expected, part))
