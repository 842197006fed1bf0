"""The swift family's loss against definitions written out animal by animal."""

import math
from collections.abc import Callable
from dataclasses import fields, replace
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from poetlab.errors import TrainingError
from poetlab.model.loss_settings import SwiftLossSettings
from poetlab.model.pose_vector import PoseTargets, encode_targets, stack_targets
from poetlab.model.swift import Points, Swift, SwiftOutput
from poetlab.model.swift_loss import _PEAK, Animals, SwiftLoss, SwiftLossSums, matching_costs, swift_loss_sums

HEIGHT, WIDTH = SIZE = (64, 96)
SIGMAS = (0.05, 0.1, 0.2)
WEIGHTS = SwiftLossSettings()
POSE_PARTS = ("presence", "keypoints", "oks", "centers", "visibility", "expected_oks")
MAP_PARTS = ("center_map", "keypoint_maps", "shifts", "field")


def make_output(n_images: int, n_queries: int = 4, n_keypoints: int = 3, seed: int = 0) -> SwiftOutput:
    """Made-up predictions of 2 layers, in float64."""
    random = torch.Generator().manual_seed(seed)
    shape = (2, n_images, n_queries)

    def normal(*more: int) -> Tensor:
        return torch.randn(*shape, *more, generator=random, dtype=torch.float64)

    centers = torch.rand(*shape, 2, generator=random, dtype=torch.float64)
    return SwiftOutput(
        SIZE, centers, 0.2 * normal(n_keypoints, 2), normal(n_keypoints), normal() - 1, normal(), points=None
    )


def make_points(n_images: int, n_keypoints: int = 3, seed: int = 0) -> Points:
    """Made-up maps, in float64."""
    random = torch.Generator().manual_seed(seed)
    cells = (n_images, 1 + n_keypoints, HEIGHT // 4, WIDTH // 4)
    return Points(
        torch.randn(*cells, generator=random, dtype=torch.float64) - 2,
        torch.randn(*cells, 2, generator=random, dtype=torch.float64),
        10 * torch.randn(n_images, HEIGHT // 8, WIDTH // 8, n_keypoints, 2, generator=random, dtype=torch.float64),
    )


def make_animals(*n_animals: int, n_keypoints: int = 3, seed: int = 0) -> PoseTargets:
    """Made-up animals; keypoints are visible, occluded or unlabeled, and an image's third animal has none."""
    random = torch.Generator().manual_seed(seed)
    images = []
    for n in n_animals:
        visibility = torch.randint(0, 3, (n, n_keypoints), generator=random)
        visibility[2:3] = 0
        keypoints = torch.rand(n, n_keypoints, 2, generator=random, dtype=torch.float64) * torch.tensor([95.0, 63.0])
        boxes = torch.rand(n, 4, generator=random, dtype=torch.float64) * 40
        areas = torch.rand(n, generator=random, dtype=torch.float64) * 900
        images.append(encode_targets(keypoints, visibility == 2, boxes, SIZE, located=visibility > 0, areas=areas))
    return stack_targets(images)


class Animal:
    """One labeled animal, in plain numbers: pixels from the input's outer edge."""

    def __init__(self, targets: PoseTargets, image: int, number: int) -> None:
        unit = np.array([WIDTH, HEIGHT])
        self.keypoints = targets.keypoints[image, number].numpy() * unit
        self.located = targets.located[image, number].numpy()
        self.visible = targets.visible[image, number].numpy()
        self.center = targets.centers[image, number].numpy() * unit
        diagonal = 0.0
        if self.located.any():
            known = self.keypoints[self.located]
            self.center = known.mean(0)
            diagonal = math.dist(known.min(0), known.max(0))
        area = float(targets.areas[image, number]) * HEIGHT * WIDTH
        self.size = max(math.sqrt(area), diagonal / 4, 8)

    def distance(self, keypoints: np.ndarray) -> float:
        """Mean L1 distance of located keypoints, in sizes."""
        each = [abs(found - own).sum() / self.size for found, own in self.pairs(keypoints)]
        return sum(each) / len(each) if each else 0.0

    def oks(self, keypoints: np.ndarray) -> float:
        """As COCO defines it, with the area from `size`."""
        sigmas = [sigma for sigma, located in zip(SIGMAS, self.located, strict=True) if located]
        each = [
            math.exp(-((found - own) ** 2).sum() / (2 * self.size**2 * (2 * sigma) ** 2))
            for (found, own), sigma in zip(self.pairs(keypoints), sigmas, strict=True)
        ]
        return sum(each) / len(each) if each else 0.0

    def pairs(self, keypoints: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        return [(keypoints[i], self.keypoints[i]) for i in range(len(self.located)) if self.located[i]]


def animals_of(targets: PoseTargets, image: int) -> list[Animal]:
    return [Animal(targets, image, number) for number in targets.present[image].nonzero()[:, 0].tolist()]


def in_pixels(output: SwiftOutput, layer: int, image: int, query: int) -> tuple[np.ndarray, np.ndarray]:
    unit = np.array([WIDTH, HEIGHT])
    center = output.centers[layer, image, query].numpy() * unit
    return center, center + output.offsets[layer, image, query].numpy() * unit


def sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def cross_entropy(logit: float, wanted: float) -> float:
    return -wanted * math.log(sigmoid(logit)) - (1 - wanted) * math.log(1 - sigmoid(logit))


def cost(output: SwiftOutput, place: tuple[int, int, int], animal: Animal) -> float:
    center, keypoints = in_pixels(output, *place)
    apart = abs(center - animal.center).sum() / animal.size
    presence = sigmoid(float(output.presence_logits[place]))
    return 2 * animal.distance(keypoints) + 0.5 * apart - animal.oks(keypoints) - presence


def pose_parts(output: SwiftOutput, place: tuple[int, int, int], animal: Animal) -> dict[str, float]:
    """The parts of the loss of one pair of query and animal, except presence."""
    center, keypoints = in_pixels(output, *place)
    parts = {"centers": abs(center - animal.center).sum() / animal.size}
    if animal.located.any():
        visibility = zip(output.visibility_logits[place].tolist(), animal.visible, strict=True)
        oks = animal.oks(keypoints)
        parts |= {
            "keypoints": animal.distance(keypoints),
            "oks": 1 - oks,
            "visibility": np.mean([cross_entropy(logit, float(visible)) for logit, visible in visibility]),
            "expected_oks": cross_entropy(float(output.oks_logits[place]), oks),
        }
    return parts


def loss_by_brute_force(output: SwiftOutput, targets: PoseTargets) -> dict[str, list[float]]:
    """Sums over animals of the parts of matched queries, for each layer."""
    n_layers, n_images, n_queries = output.presence_logits.shape
    sums: dict[str, list[float]] = {name: [0.0] * n_layers for name in POSE_PARTS}
    for layer, image in product(range(n_layers), range(n_images)):
        animals = animals_of(targets, image)
        costs = [[cost(output, (layer, image, query), animal) for animal in animals] for query in range(n_queries)]
        queries, chosen = linear_sum_assignment(np.array(costs).reshape(n_queries, len(animals)))
        for query in range(n_queries):
            p = sigmoid(float(output.presence_logits[layer, image, query]))
            found = query in queries
            sums["presence"][layer] -= 0.25 * (1 - p) ** 2 * math.log(p) if found else 0.75 * p**2 * math.log(1 - p)
        for query, number in zip(queries.tolist(), chosen.tolist(), strict=True):
            for name, value in pose_parts(output, (layer, image, query), animals[number]).items():
                sums[name][layer] += value
    return sums


@pytest.mark.parametrize("n_animals", [(2, 0, 3), (6, 1), (0,), (4,)], ids=str)
@pytest.mark.parametrize("seed", [0, 1])
def test_matched_queries_by_brute_force(n_animals: tuple[int, ...], seed: int) -> None:
    output, targets = make_output(len(n_animals), seed=seed), make_animals(*n_animals, seed=seed)
    sums = swift_loss_sums(output, targets, WEIGHTS, SIGMAS)
    assert sums.n_animals.item() == sum(n_animals)
    for name, expected in loss_by_brute_force(output, targets).items():
        assert getattr(sums.parts, name).tolist() == pytest.approx(expected, rel=1e-5, abs=1e-9), name
    for name in (*MAP_PARTS, "guided"):
        assert not getattr(sums.parts, name).any(), "there are neither maps nor guided queries"


def test_costs_by_brute_force() -> None:
    output, targets = make_output(2), make_animals(3, 2)
    found = matching_costs(output, Animals.of(targets, SIZE, SIGMAS))
    assert found.shape == (2, 2, 4, 3)
    for layer, image, query in product(range(2), range(2), range(4)):
        for number, animal in enumerate(animals_of(targets, image)):
            expected = cost(output, (layer, image, query), animal)
            assert found[layer, image, query, number].item() == pytest.approx(expected, rel=1e-5)


def test_guided_queries_learn_the_animals_that_they_started_from() -> None:
    targets = make_animals(3, 0, 1)
    guided = make_output(3, n_queries=3, seed=7)
    sums = swift_loss_sums(replace(make_output(3), guided=guided), targets, WEIGHTS, SIGMAS)
    for layer in range(2):
        expected = 0.0
        for image in range(3):
            for number, animal in enumerate(animals_of(targets, image)):
                parts = pose_parts(guided, (layer, image, number), animal)
                expected += sum(getattr(WEIGHTS, name) * value for name, value in parts.items())
        assert sums.parts.guided[layer].item() == pytest.approx(expected, rel=1e-5)
    assert sums.parts.guided.requires_grad is False


def test_maps_by_brute_force() -> None:
    targets, points = make_animals(3, 0, 1), make_points(3)
    parts = swift_loss_sums(replace(make_output(3), points=points), targets, WEIGHTS, SIGMAS).parts
    center_map, keypoint_maps, shifts = 0.0, 0.0, []
    for image, point, row, column in product(range(3), range(4), range(HEIGHT // 4), range(WIDTH // 4)):
        here = np.array([column + 0.5, row + 0.5])
        known = [
            animal.center / 4 if point == 0 else animal.keypoints[point - 1] / 4
            for animal in animals_of(targets, image)
            if point == 0 or animal.located[point - 1]
        ]
        ways = sorted((tuple(place - here) for place in known), key=lambda way: math.hypot(*way))
        squared = math.hypot(*ways[0]) ** 2 if ways else math.inf
        peak = 1.0 if squared <= 0.5 else math.exp(-squared / (2 * _PEAK**2))
        p = sigmoid(float(points.logits[image, point, row, column]))
        if peak == 1:
            value = -((1 - p) ** 2) * math.log(p)
        elif point and any(may_hide(animal, point - 1, 4 * here) for animal in animals_of(targets, image)):
            value = 0.0
        else:
            value = -((1 - peak) ** 4) * p**2 * math.log(1 - p)
        if point == 0:
            center_map += value
        else:
            keypoint_maps += value / 3
        if squared < 9:
            shifts.append(abs(points.shifts[image, point, row, column].numpy() - ways[0]).sum())
    assert parts.center_map.item() == pytest.approx(center_map, rel=1e-5)
    assert parts.keypoint_maps.item() == pytest.approx(keypoint_maps, rel=1e-5)
    assert parts.shifts.item() == pytest.approx(4 * np.mean(shifts), rel=1e-5)
    assert parts.field.item() == pytest.approx(field_by_brute_force(points.field, targets), rel=1e-5)


def may_hide(animal: Animal, keypoint: int, here: np.ndarray) -> bool:
    """Whether a keypoint of an animal is not labeled and may lie here."""
    places = [animal.center, *animal.keypoints[animal.located]]
    return not animal.located[keypoint] and min(math.dist(here, place) for place in places) < animal.size


def test_an_unlabeled_keypoint_is_not_taught_as_absent_from_its_animal() -> None:
    keypoints = torch.tensor([[[20.0, 20], [30, 20], [24, 28]]], dtype=torch.float64)
    losses = []
    for labeled in ([True, True, True], [True, True, False]):
        located = torch.tensor([labeled])
        targets = encode_targets(keypoints, located, torch.zeros(1, 4), SIZE, areas=torch.tensor([400.0]))
        points = make_points(1)
        points.logits.requires_grad_()
        sums = swift_loss_sums(replace(make_output(1), points=points), stack_targets([targets]), WEIGHTS, SIGMAS)
        sums.parts.keypoint_maps.backward()
        losses.append(points.logits.grad[0])
    known, unknown = losses
    assert torch.equal(known[1:3], unknown[1:3]), "the others learn as before"
    assert (known[3] != 0).all()
    assert unknown[3, 6, 6] == 0, "where it may lie"
    assert (unknown[3, :, 14:] != 0).all(), "far from the animal there is none"


def field_by_brute_force(field: Tensor, targets: PoseTargets) -> float:
    """For each animal the mean over places near its points, that are nearer to it than to others."""
    losses: dict[tuple[int, int], list[float]] = {}
    for image, row, column in product(range(len(field)), range(HEIGHT // 8), range(WIDTH // 8)):
        animals = animals_of(targets, image)
        if not animals:
            continue
        here = np.array([8 * column + 4, 8 * row + 4])
        apart = [min(math.dist(here, place) for place in [a.center, *a.keypoints[a.located]]) for a in animals]
        number = int(np.argmin(apart))
        owner = animals[number]
        if apart[number] < max(0.4 * owner.size, 6):
            ways = here + field[image, row, column].numpy()
            losses.setdefault((image, number), []).append(owner.distance(ways))
    return sum(float(np.mean(each)) for each in losses.values())


def test_padding_counts_for_nothing(pad: Callable[..., PoseTargets]) -> None:
    targets = make_animals(2, 3)
    output = replace(make_output(2), points=make_points(2))
    found = swift_loss_sums(output, pad(targets, 3), WEIGHTS, SIGMAS)
    expected = swift_loss_sums(output, targets, WEIGHTS, SIGMAS)
    for part in fields(SwiftLoss):
        torch.testing.assert_close(getattr(found.parts, part.name), getattr(expected.parts, part.name))
    assert found.n_animals == expected.n_animals


def cut(values: Any, images: slice, dimension: int) -> Any:
    """Some images of an output (their dimension is 1) or of targets (it is 0)."""
    parts = {field.name: getattr(values, field.name) for field in fields(values)}
    chosen = {
        name: value[(slice(None),) * dimension + (images,)]
        for name, value in parts.items()
        if isinstance(value, Tensor)
    }
    return replace(values, **chosen)


def test_sums_of_batches_add_up_to_that_of_all_images() -> None:
    output, targets = make_output(4), make_animals(1, 0, 5, 2)
    whole = swift_loss_sums(output, targets, WEIGHTS, SIGMAS)
    batches = [slice(0, 1), slice(1, 2), slice(2, 4)]
    sums: list[SwiftLossSums] = [
        swift_loss_sums(cut(output, images, 1), cut(targets, images, 0), WEIGHTS, SIGMAS) for images in batches
    ]
    found = (sums[2] + sums[0]) + sums[1]
    assert found.n_animals.item() == 8
    for part in fields(SwiftLoss):
        torch.testing.assert_close(getattr(found.mean(), part.name), getattr(whole.mean(), part.name))
    assert found.mean().keypoints.tolist() == pytest.approx((whole.parts.keypoints / 8).tolist())


def test_the_total_is_the_weighted_sum_over_parts_and_layers() -> None:
    output = replace(make_output(2), points=make_points(2), guided=make_output(2, n_queries=3, seed=3))
    loss = swift_loss_sums(output, make_animals(3, 1), WEIGHTS, SIGMAS).mean()
    expected = sum(getattr(WEIGHTS, name) * value.sum().item() for name, value in vars(loss).items())
    assert loss.total(WEIGHTS).item() == pytest.approx(expected)
    assert set(vars(loss)) == set(SwiftLossSettings.model_fields)
    last = loss.last_layer()
    assert last["keypoints"] == loss.keypoints[-1]
    assert last["field"] == loss.field


def one_animal(visibility: list[int], area: float = 400.0) -> PoseTargets:
    """An animal with keypoints on a line."""
    keypoints = torch.tensor([[[20.0, 30.0], [30.0, 30.0], [45.0, 30.0]]])
    labeled = torch.tensor([visibility])
    box = torch.tensor([[20.0, 30.0, 25.0, 0.0]])
    return encode_targets(keypoints, labeled == 2, box, SIZE, located=labeled > 0, areas=torch.tensor([area]))


def test_occluded_keypoints_teach_their_position_and_count_as_not_visible() -> None:
    output = make_output(1, n_queries=1)
    offsets, visibility = output.offsets.requires_grad_(), output.visibility_logits.requires_grad_()
    loss = swift_loss_sums(output, one_animal([2, 1, 0]), WEIGHTS, SIGMAS).mean()
    (moved,) = torch.autograd.grad((loss.keypoints + loss.oks).sum(), offsets, retain_graph=True)
    assert (moved[:, 0, 0].abs().sum(-1) > 0).tolist() == [[True, True, False]] * 2
    (believed,) = torch.autograd.grad(loss.visibility.sum(), visibility)
    assert (believed[:, 0, 0] < 0).tolist() == [[True, False, False]] * 2, "only what is visible shall look more so"
    assert (believed != 0).all()


def test_keypoints_that_the_labels_never_have_teach_no_visibility() -> None:
    targets, output = one_animal([2, 0, 0]), make_output(1)
    untold = replace(targets, told=torch.tensor([[[True, True, False]]]))
    logits = output.visibility_logits.clone()
    logits[..., 2] = 9.0
    other = replace(output, visibility_logits=logits)

    def losses(of: PoseTargets) -> list[Tensor]:
        return [swift_loss_sums(each, of, WEIGHTS, SIGMAS).mean().visibility for each in (output, other)]

    assert torch.equal(*losses(untold))
    assert (torch.subtract(*losses(targets)) < 0).all()


def test_an_animal_with_occluded_keypoints_alone_teaches_its_pose() -> None:
    output = make_output(1)
    loss = swift_loss_sums(output, one_animal([1, 1, 0]), WEIGHTS, SIGMAS).mean()
    assert all((getattr(loss, name) > 0).all() for name in POSE_PARTS)


def test_an_animal_without_keypoints_teaches_its_center_alone() -> None:
    loss = swift_loss_sums(make_output(1), one_animal([0, 0, 0]), WEIGHTS, SIGMAS).mean()
    assert (loss.centers > 0).all()
    assert (loss.presence > 0).all()
    for name in ("keypoints", "oks", "visibility", "expected_oks"):
        assert not getattr(loss, name).any(), name


def test_a_perfect_pose_costs_nothing() -> None:
    targets = one_animal([2, 1, 2])
    centers = Animals.of(targets, SIZE, SIGMAS).centers / torch.tensor([WIDTH, HEIGHT])
    sure = torch.full((1, 1, 1), 40.0)
    output = SwiftOutput(
        SIZE,
        centers[None],
        targets.keypoints[None] - centers[None, :, :, None],
        torch.tensor([[[[40.0, -40.0, 40.0]]]]),
        sure,
        sure,
    )
    loss = swift_loss_sums(output, targets, WEIGHTS, SIGMAS).mean()
    assert loss.total(WEIGHTS).item() == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("maps", [True, False])
def test_images_without_animals_teach_that_there_are_none(maps: bool) -> None:
    output = replace(make_output(2), points=make_points(2) if maps else None, guided=make_output(2, n_queries=1))
    logits = output.presence_logits.requires_grad_()
    loss = swift_loss_sums(output, make_animals(0, 0), WEIGHTS, SIGMAS).mean()
    assert loss.total(WEIGHTS).isfinite()
    assert {name for name, value in vars(loss).items() if value.any()} == {"presence"} | (
        {"center_map", "keypoint_maps"} if maps else set()
    )
    (gradient,) = torch.autograd.grad(loss.total(WEIGHTS), logits)
    assert (gradient > 0).all(), "every query shall have a lower presence"


@pytest.mark.parametrize("guides", [True, False])
def test_targets_without_a_place_for_animals_count_as_none(make_swift: Callable[..., Swift], guides: bool) -> None:
    none = encode_targets(torch.zeros(0, 3, 2), torch.zeros(0, 3, dtype=torch.bool), torch.zeros(0, 4), SIZE)
    images = torch.randn(1, 3, *SIZE, generator=torch.Generator().manual_seed(0))
    output = make_swift(3).train()(images, none.centers if guides else None)
    found = swift_loss_sums(output, none, WEIGHTS, SIGMAS).mean()
    expected = swift_loss_sums(replace(output, guided=None), stack_targets([none]), WEIGHTS, SIGMAS).mean()
    torch.testing.assert_close(found.total(WEIGHTS), expected.total(WEIGHTS))


@pytest.mark.parametrize(
    ("visibility", "area", "size"),
    [
        ([2, 0, 0], 0.0, 8.0),  # a box around one keypoint has no area
        ([2, 2, 0], 0.0, 8.0),  # nor has one around keypoints in a row, here 10 pixels apart
        ([2, 2, 1], 900.0, 30.0),
        ([0, 0, 0], 0.0, 8.0),
    ],
)
def test_animals_have_a_size_to_divide_by(visibility: list[int], area: float, size: float) -> None:
    targets = one_animal(visibility, area)
    assert Animals.of(targets, SIZE, SIGMAS).sizes.item() == pytest.approx(size)
    output = make_output(1)
    offsets = output.offsets.requires_grad_()
    loss = swift_loss_sums(replace(output, points=make_points(1)), targets, WEIGHTS, SIGMAS).mean()
    (gradient,) = torch.autograd.grad(loss.total(WEIGHTS), offsets)
    assert loss.total(WEIGHTS).isfinite()
    assert gradient.abs().max() <= 2 * max(SIZE), "a few units for each size of an animal that the image is wide"


def test_a_long_thin_animal_is_as_large_as_a_quarter_of_its_length() -> None:
    keypoints = torch.tensor([[[0.0, 10.0], [80.0, 10.0], [40.0, 10.0]]])
    everything = torch.ones(1, 3, dtype=torch.bool)
    targets = encode_targets(keypoints, everything, torch.zeros(1, 4), SIZE, areas=torch.zeros(1))
    assert Animals.of(targets, SIZE, SIGMAS).sizes.item() == pytest.approx(20)


@pytest.mark.parametrize("part", ["centers", "offsets", "presence_logits"])
def test_a_network_that_has_diverged_is_an_error(part: str) -> None:
    output = make_output(2)
    getattr(output, part)[0, 1, 2] = math.nan
    with pytest.raises(TrainingError, match="no longer finite; lower the learning rate"):
        swift_loss_sums(output, make_animals(1, 2), WEIGHTS, SIGMAS)


@pytest.mark.parametrize("part", POSE_PARTS + MAP_PARTS + ("guided",))
def test_a_part_of_weight_0_teaches_nothing(part: str) -> None:
    output = replace(make_output(1), points=make_points(1), guided=make_output(1, seed=2, n_queries=2))
    loss = swift_loss_sums(output, make_animals(2), WEIGHTS, SIGMAS).mean()
    without = WEIGHTS.model_copy(update={part: 0.0})
    own = getattr(WEIGHTS, part) * getattr(loss, part).sum()
    assert own > 0
    torch.testing.assert_close(loss.total(without), loss.total(WEIGHTS) - own)
