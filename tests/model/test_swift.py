"""The swift network: what it outputs, where it looks, and what does not depend on what."""

import math
from collections.abc import Callable
from itertools import product

import pytest
import torch
from torch import Tensor, nn

from poetlab.model.checkpoint import Snapshot
from poetlab.model.folding import folded_copy
from poetlab.model.position import waves
from poetlab.model.presets import SwiftSettings
from poetlab.model.swift import (
    FIELD_STRIDE,
    FINE_STRIDE,
    PointMap,
    PoseField,
    Swift,
    SwiftOutput,
    sample,
    strongest_centers,
)
from poetlab.skeleton import Skeleton

SIZES = [(64, 96), (96, 64), (64, 64), (32, 32)]
PARTS = ("centers", "offsets", "visibility_logits", "presence_logits", "oks_logits")

MakeSwift = Callable[..., Swift]


@pytest.fixture(params=[32, 16], ids=["stride 32", "stride 16"])
def model(make_swift: MakeSwift, request: pytest.FixtureRequest) -> Swift:
    return make_swift(coarsest_stride=request.param)


def random_images(n_images: int, size: tuple[int, int] = (64, 96), seed: int = 0) -> Tensor:
    return torch.randn(n_images, 3, *size, generator=torch.Generator().manual_seed(seed))


def assert_same(found: SwiftOutput, expected: SwiftOutput, close: float = 1e-5) -> None:
    for part in PARTS:
        torch.testing.assert_close(getattr(found, part), getattr(expected, part), atol=close, rtol=close, msg=part)


def of_image(output: SwiftOutput, image: int) -> SwiftOutput:
    return SwiftOutput(output.size, *(getattr(output, part)[:, image : image + 1] for part in PARTS))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("n_keypoints", "coarsest_stride"), [(1, 32), (5, 32), (5, 16)])
def test_shapes(make_swift: MakeSwift, size: tuple[int, int], n_keypoints: int, coarsest_stride: int) -> None:
    model = make_swift(n_keypoints, coarsest_stride=coarsest_stride)
    with torch.inference_mode():
        output = model(random_images(2, size))
    assert output.size == size
    assert output.centers.shape == (2, 2, 4, 2)
    assert output.offsets.shape == (2, 2, 4, n_keypoints, 2)
    assert output.visibility_logits.shape == (2, 2, 4, n_keypoints)
    assert output.presence_logits.shape == output.oks_logits.shape == output.scores.shape == (2, 2, 4)
    assert output.poses.keypoints.shape == output.offsets.shape
    assert output.points is None
    assert output.guided is None
    assert output.is_finite()


@pytest.mark.parametrize("size", [(64, 96), (96, 64)])
def test_training_adds_what_the_maps_say_and_the_guided_queries(model: Swift, size: tuple[int, int]) -> None:
    height, width = size
    output = model.train()(random_images(2, size), torch.rand(2, 3, 2))
    assert output.points.logits.shape == (2, 6, height // FINE_STRIDE, width // FINE_STRIDE)
    assert output.points.shifts.shape == (2, 6, height // FINE_STRIDE, width // FINE_STRIDE, 2)
    assert output.points.field.shape == (2, height // FIELD_STRIDE, width // FIELD_STRIDE, 5, 2)
    assert output.guided.centers.shape == (2, 2, 3, 2)
    assert output.guided.offsets.shape == (2, 2, 3, 5, 2)
    assert output.guided.points is None
    assert model(random_images(2, size)).guided is None


@torch.inference_mode()
def test_an_image_gives_the_same_alone_and_in_any_batch(model: Swift) -> None:
    images = random_images(5)
    images[1, :, :, 48:] = 0  # black at the right, as in a letterbox
    images[2, :, 32:] = 0
    images[3] = 0  # the same everywhere
    together = model(images)
    for image in range(len(images)):
        alone = of_image(together, image)
        assert_same(model(images[image : image + 1]), alone)
        assert_same(of_image(model(images[[4, image, 0]]), 1), alone)


@torch.inference_mode()
def test_queries_begin_at_centers_and_poses_at_the_field_in_units_of_width_and_height(
    swift_settings: SwiftSettings,
) -> None:
    torch.manual_seed(0)
    model = Swift(swift_settings, 3).eval()  # a new network, whose steps are 0
    for size in ((64, 96), (96, 64)):
        images = random_images(2, size)
        width_height = torch.tensor([size[1], size[0]])
        output = model(images)
        maps4, maps8, _ = model.maps(images)
        answers, keys = model.point_map(maps4), model.point_map.keys(model.embeddings)
        logits, shifts = model.point_map.compare_everywhere(answers, keys)
        starts = strongest_centers(logits[:, 0], shifts[:, 0], 4)
        field = sample(model.pose_field(maps8), starts, size)
        offsets = model.pose_field.read(field, model.keypoints)
        for layer in range(2):
            torch.testing.assert_close(output.centers[layer] * width_height, starts)
            torch.testing.assert_close(output.offsets[layer] * width_height, offsets)
        assert offsets.abs().max() > 0.1


@torch.inference_mode()
def test_guided_queries_begin_where_they_are_told(swift_settings: SwiftSettings) -> None:
    torch.manual_seed(0)
    model = Swift(swift_settings, 3).train()
    guides = torch.rand(2, 5, 2)
    guided = model(random_images(2), guides).guided
    torch.testing.assert_close(guided.centers[-1], guides)


def test_guided_queries_change_nothing_of_the_others(model: Swift) -> None:
    images = random_images(2)
    with torch.no_grad():
        without, beside = model.train()(images), model(images, torch.rand(2, 7, 2))
    assert_same(beside, without, close=0)
    torch.testing.assert_close(beside.points.logits, without.points.logits, atol=0, rtol=0)
    torch.testing.assert_close(beside.points.field, without.points.field, atol=0, rtol=0)


@torch.no_grad()
def test_guided_queries_of_an_image_do_not_depend_on_the_rest_of_the_batch(model: Swift) -> None:
    hold_norms(model.train())
    images, guides = random_images(3), torch.rand(3, 4, 2, generator=torch.Generator().manual_seed(1))
    guides[0, 1:], guides[2] = math.nan, math.nan  # images with one animal, four and none
    together = model(images, guides).guided
    assert together.is_finite()
    for image, n_guides in enumerate((1, 4)):
        alone = model(images[image : image + 1], guides[image : image + 1, :n_guides]).guided
        mine = SwiftOutput(together.size, *(getattr(together, part)[:, image, None, :n_guides] for part in PARTS))
        assert_same(mine, alone)
    guides[0, 1] = 0.5  # one more animal does change the first, so that the test can fail
    changed = model(images, guides).guided
    assert (changed.presence_logits[:, 0, 0] - together.presence_logits[:, 0, 0]).abs().max() > 1e-4


def hold_norms(model: Swift) -> None:
    """Batch norms mix the images of a batch in training, as nothing else does."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def test_a_score_is_the_geometric_mean_of_presence_and_expected_oks() -> None:
    logits = torch.tensor([[[-2.0, 0.0, 3.0]]])
    output = SwiftOutput(
        (32, 32), torch.rand(1, 1, 3, 2), torch.rand(1, 1, 3, 4, 2), torch.zeros(1, 1, 3, 4), logits, logits + 1
    )
    for query in range(3):
        presence, oks = (1 / (1 + math.exp(-float(logits[0, 0, query]) - more)) for more in (0, 1))
        assert output.scores[0, 0, query].item() == pytest.approx(math.sqrt(presence * oks), rel=1e-5)
    assert torch.equal(output.poses.visibility, torch.full((1, 1, 3, 4), 0.5))


@pytest.mark.parametrize("part", PARTS)
def test_what_is_no_number_is_noticed(model: Swift, part: str) -> None:
    with torch.no_grad():
        output = model(random_images(1))
        assert output.is_finite()
        getattr(output, part).view(-1)[-1] = math.nan
    assert not output.is_finite()


@torch.inference_mode()
def test_the_first_decoder_layers_are_a_whole_network(make_swift: MakeSwift) -> None:
    model = make_swift(n_decoder_layers=3)
    skeleton = Skeleton("any", tuple("abcde"))
    whole = Snapshot(model.settings, skeleton, model.state_dict())
    images = random_images(2)
    for n_layers in (1, 2, 3):
        fewer = whole.with_decoder_layers(n_layers).build_model()
        assert len(fewer.decoder) == n_layers
        assert_same(fewer(images), model(images).of_layers(n_layers), close=0)


@torch.inference_mode()
def test_keypoints_in_another_order_are_predicted_in_that_order(make_swift: MakeSwift) -> None:
    model, other = make_swift(), make_swift()
    order = [3, 0, 4, 1, 2]
    other.keypoints.copy_(model.keypoints[order])
    images = random_images(2)
    found, expected = other(images), model(images)
    torch.testing.assert_close(found.centers, expected.centers)
    torch.testing.assert_close(found.offsets, expected.offsets[..., order, :], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found.visibility_logits, expected.visibility_logits[..., order], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found.scores, expected.scores)


def test_only_the_embeddings_depend_on_the_number_of_keypoints(make_swift: MakeSwift) -> None:
    few, many = (make_swift(n).state_dict() for n in (1, 9))
    assert few.keys() == many.keys()
    assert [name for name in few if few[name].shape != many[name].shape] == ["keypoints"]
    assert many["keypoints"].shape == (9, 16)


def test_gradients_reach_every_parameter(model: Swift) -> None:
    output = model.train()(random_images(2), torch.rand(2, 3, 2))
    values = [getattr(each, part) for each in (output, output.guided) for part in PARTS]
    values += [output.points.logits, output.points.shifts, output.points.field]
    sum((value * torch.randn(value.shape)).sum() for value in values).backward()
    unreached = [name for name, parameter in model.named_parameters() if parameter.grad is None]
    still = [name for name, parameter in model.named_parameters() if not (parameter.grad != 0).any()]
    assert unreached == still == []


def test_a_network_trains_after_its_copy_predicted(model: Swift) -> None:
    images = random_images(2)
    with torch.inference_mode():
        model(images)
        folded_copy(model)(images)
    model.train()(images).presence_logits.sum().backward()
    assert model.point_map.keys.weight.grad is None, "looking teaches nothing to the maps' keys"
    assert model.decoder[0].looking.weight.grad.abs().sum() > 0


def test_a_layer_teaches_nothing_to_the_places_where_the_one_before_it_looked(make_swift: MakeSwift) -> None:
    model = make_swift().train()
    model(random_images(1)).centers[1].sum().backward()
    assert model.decoder[0].heads.center_step[2].weight.grad.abs().max() == 0
    assert model.decoder[1].heads.center_step[2].weight.grad.abs().max() > 0
    assert model.decoder[0].looking.weight.grad.abs().max() > 0, "it teaches what that one has understood"


def strongest_by_brute_force(logits: list[list[float]], n: int) -> list[tuple[int, int]]:
    """(row, column) of peaks from high to low, then of other cells from high to low."""
    height, width = len(logits), len(logits[0])

    def rank(cell: tuple[int, int]) -> tuple[bool, float]:
        around = [(cell[0] + dy, cell[1] + dx) for dy, dx in product((-1, 0, 1), repeat=2)]
        highest = max(logits[y][x] for y, x in around if 0 <= y < height and 0 <= x < width)
        return logits[cell[0]][cell[1]] == highest, logits[cell[0]][cell[1]]

    return sorted(product(range(height), range(width)), key=rank, reverse=True)[:n]


@pytest.mark.parametrize(("size", "n_queries"), [((6, 9), 5), ((9, 6), 20), ((3, 4), 12), ((2, 3), 10), ((1, 1), 4)])
def test_the_strongest_centers_by_brute_force(size: tuple[int, int], n_queries: int) -> None:
    random = torch.Generator().manual_seed(2)
    logits = torch.stack([torch.randperm(size[0] * size[1], generator=random).view(size) / 16 - 2 for _ in range(3)])
    shifts = torch.randn(3, *size, 2, generator=random)
    found = strongest_centers(logits, shifts, n_queries)
    assert found.shape == (3, min(n_queries, size[0] * size[1]), 2)
    for image in range(3):
        cells = strongest_by_brute_force(logits[image].tolist(), n_queries)
        for place, (row, column) in zip(found[image], cells, strict=True):
            expected = torch.tensor([column + 0.5, row + 0.5]) + shifts[image, row, column]
            torch.testing.assert_close(place, 4 * expected)


def test_errors_of_rounding_do_not_choose_the_cells() -> None:
    logits = torch.randint(-20, 0, (1, 12, 12), generator=torch.Generator().manual_seed(0)).float() / 4
    expected = strongest_centers(logits, torch.zeros(1, 12, 12, 2), 10)
    for seed in range(5):
        errors = 1e-5 * torch.randn(logits.shape, generator=torch.Generator().manual_seed(seed))
        assert torch.equal(strongest_centers(logits + errors, torch.zeros(1, 12, 12, 2), 10), expected)


def test_a_flat_map_starts_queries_at_different_cells() -> None:
    found = strongest_centers(torch.zeros(1, 6, 6), torch.zeros(1, 6, 6, 2), 10)
    assert len({tuple(place) for place in found[0].tolist()}) == 10


def bilinear(channel: list[list[float]], x: float, y: float) -> float:
    """The value at (x, y) in cells from the outer edge; beyond the middles of the outermost cells, theirs."""
    height, width = len(channel), len(channel[0])
    x, y = min(max(x - 0.5, 0), width - 1), min(max(y - 0.5, 0), height - 1)
    left, top = min(int(x), width - 1), min(int(y), height - 1)
    right, below = min(left + 1, width - 1), min(top + 1, height - 1)
    upper = channel[top][left] * (1 - (x - left)) + channel[top][right] * (x - left)
    lower = channel[below][left] * (1 - (x - left)) + channel[below][right] * (x - left)
    return upper * (1 - (y - top)) + lower * (y - top)


@pytest.mark.parametrize("stride", [4, 8, 16])
def test_sampling_by_brute_force(stride: int) -> None:
    size = (64, 96)
    random = torch.Generator().manual_seed(3)
    maps = torch.randn(2, 3, size[0] // stride, size[1] // stride, generator=random)
    places = torch.rand(2, 40, 2, generator=random) * 140 - 20  # some beyond each edge
    places[:, :3] = torch.tensor([[0.0, 0], [96, 64], [stride / 2, stride / 2]])
    found = sample(maps, places, size)
    for image, place, channel in product(range(2), range(40), range(3)):
        x, y = (places[image, place] / stride).tolist()
        expected = bilinear(maps[image, channel].tolist(), x, y)
        assert found[image, place, channel].item() == pytest.approx(expected, abs=1e-4)


def test_a_point_map_answers_by_scaled_dot_products() -> None:
    random = torch.Generator().manual_seed(4)
    answers, keys = torch.randn(2, 3 * 8, 3, 5, generator=random), torch.randn(4, 8, generator=random)
    logits, shifts = PointMap.compare_everywhere(answers, keys)
    assert (logits.shape, shifts.shape) == ((2, 4, 3, 5), (2, 4, 3, 5, 2))
    for image, point, row, column in product(range(2), range(4), range(3), range(5)):
        here = answers[image, :, row, column].view(3, 8)
        logit, x, y = (float(here[number] @ keys[point]) / math.sqrt(8) for number in range(3))
        assert logits[image, point, row, column].item() == pytest.approx(logit - 3, abs=1e-5)
        assert shifts[image, point, row, column].tolist() == pytest.approx([x, y], abs=1e-5)
    one_place = answers[:, :, 1, 2].unflatten(1, (1, 3, 8))  # the same place is asked for all points
    torch.testing.assert_close(PointMap.compare(one_place, keys)[..., 0], logits[:, :, 1, 2])
    torch.testing.assert_close(PointMap.compare(one_place, keys)[..., 1:], shifts[:, :, 1, 2])


def test_neighbors_are_told_apart_where_16_bits_could_not() -> None:
    answers = torch.zeros(1, 3, 4, 4)
    answers[0, 0] = 100 + torch.arange(16.0).view(4, 4) / 100
    with torch.autocast("cpu", torch.bfloat16):
        logits, _ = PointMap.compare_everywhere(answers, torch.ones(1, 1))
    assert logits.dtype == torch.float32
    assert len(logits.unique()) == 16


@torch.no_grad()
def test_a_pose_field_is_read_with_embeddings() -> None:
    torch.manual_seed(0)
    field = PoseField(8)
    features, keypoints = torch.randn(2, 6, 8), torch.randn(3, 8)
    ways = field.read(features, keypoints)
    assert ways.shape == (2, 6, 3, 2)
    for image, place, keypoint in product(range(2), range(6), range(3)):
        x, y = field.ways(features[image, place]).view(2, 8) @ keypoints[keypoint]
        expected = [32 * float(value) / math.sqrt(8) for value in (x, y)]
        assert ways[image, place, keypoint].tolist() == pytest.approx(expected, abs=1e-4)
    torch.testing.assert_close(field.read(features, keypoints[1:2]), ways[:, :, 1:2])


def test_waves_tell_places_apart_and_are_bounded() -> None:
    places = torch.rand(50, 2) * 8
    encoded = waves(places, 16)
    assert encoded.shape == (50, 16)
    assert encoded.abs().max() <= 1
    apart = torch.cdist(encoded, encoded) + torch.eye(50)
    assert apart.min() > 1e-3


@torch.no_grad()
def test_positions_have_32_bits_where_the_network_computes_in_16(model: Swift) -> None:
    guides = torch.tensor([[[0.25, 0.5], [0.7, 0.3]]])  # given starts, which rounding cannot move
    expected = model.train()(random_images(1), guides).guided
    with torch.autocast("cpu", torch.bfloat16):
        found = model(random_images(1), guides)
    assert all(getattr(found, part).dtype == torch.float32 for part in PARTS)
    assert found.points.logits.dtype == found.points.shifts.dtype == found.points.field.dtype == torch.float32
    assert (found.guided.centers - expected.centers).abs().max() < 0.05


@torch.inference_mode()
def test_the_network_compiles_as_one_graph(make_swift: MakeSwift) -> None:
    model = make_swift()
    images = random_images(1)
    compiled = torch.compile(model, backend="eager", fullgraph=True, dynamic=False)
    assert_same(compiled(images), model(images))


class Tensors(nn.Module):
    """A network that outputs tensors alone."""

    def __init__(self, model: Swift) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        output = self.model(images)
        return tuple(getattr(output, part) for part in PARTS)


def test_the_network_can_be_exported(make_swift: MakeSwift) -> None:
    model = make_swift()
    images = random_images(1)
    with torch.no_grad():
        exported = torch.export.export(Tensors(folded_copy(model)), (images,)).module()
        found = SwiftOutput((64, 96), *exported(random_images(1, seed=5)))
        assert_same(found, model(random_images(1, seed=5)))
