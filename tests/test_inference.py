"""Predictions are poses in full-frame pixels, best first, and the same alone as in a batch."""

import numpy as np
import pytest
import torch
from torchvision.ops import FrozenBatchNorm2d

from poetlab.data.image_size import ImageSizeSettings, input_size, seen_size
from poetlab.inference import Predictor
from poetlab.model.backbone import calibrate_batch_norm, normalize_images
from poetlab.model.checkpoint import Snapshot
from poetlab.model.folding import folded_copy
from poetlab.model.poet import Poet, PoetOutput
from poetlab.model.pose_vector import (
    PosePrediction,
    encode_vectors,
    pixels_to_unit,
    scores_from_logits,
    unit_to_pixels,
)
from poetlab.model.presets import ModelSettings
from poetlab.skeleton import Skeleton

SKELETON = Skeleton("fly", ("head", "thorax", "abdomen"))
SMALL = ImageSizeSettings(short_side=(32, 64), long_side=96)
SETTINGS = ModelSettings(
    backbone="resnet18", n_queries=5, n_encoder_layers=1, n_decoder_layers=2, n_heads=4, n_features=16, n_feedforward=32
)


def predictor_of(model: Poet, image_size: ImageSizeSettings = SMALL) -> Predictor:
    return Predictor(model.eval(), SKELETON, image_size, torch.device("cpu"), "test", {})


@pytest.fixture
def model() -> Poet:
    torch.manual_seed(0)
    return Poet(SETTINGS, SKELETON.n_keypoints).eval()


@pytest.fixture
def frames() -> torch.Tensor:
    random = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (3, 3, 80, 120), dtype=torch.uint8, generator=random)


POSE = PosePrediction(
    centers=torch.tensor([0.5, 0.25]),
    offsets=torch.tensor([[-0.25, 0.25], [0.0, 0.0], [0.375, -0.125]]),
    visibility=torch.tensor([0.9, 0.5, 0.1]),
)
"""Keypoints at (1/4, 1/2), (1/2, 1/4) and (7/8, 1/8) of the image."""


@pytest.fixture
def constant_model(model: Poet) -> Poet:
    """A network that says `POSE` whatever it sees."""
    with torch.no_grad():
        model.pose_head[4].weight.zero_()
        model.pose_head[4].bias.copy_(encode_vectors(POSE).logit())
    return model


@pytest.mark.parametrize("size", [(80, 120), (120, 80), (33, 47)])
@pytest.mark.parametrize("short_side", [32, 57, 96])
def test_predictions_are_in_pixels_of_the_full_frame_whatever_the_input_size(
    constant_model: Poet, size: tuple[int, int], short_side: int
) -> None:
    image_size = ImageSizeSettings(short_side=(32, short_side), long_side=160)
    frames = torch.zeros(1, 3, *size, dtype=torch.uint8)
    instances = predictor_of(constant_model, image_size).predict(frames)[0]
    height, width = size
    expected = np.array([[1 / 4, 1 / 2], [1 / 2, 1 / 4], [7 / 8, 1 / 8]]) * [width, height] - 0.5
    for keypoints, visibility in zip(instances.keypoints, instances.visibility, strict=True):
        np.testing.assert_allclose(keypoints, expected, atol=1e-4)
        np.testing.assert_allclose(visibility, [0.9, 0.5, 0.1], atol=1e-6)


def test_the_network_sees_the_whole_frame_at_the_input_size(model: Poet, frames: torch.Tensor) -> None:
    seen: list[torch.Tensor] = []
    model.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    predictor_of(model).predict(frames)
    assert seen[0].shape == (3, 3, *input_size((80, 120), SMALL))
    assert seen[0].shape == (3, 3, 64, 96)
    plain = torch.full((1, 3, 80, 120), 77, dtype=torch.uint8)
    predictor_of(model).predict(plain)
    torch.testing.assert_close(seen[1], normalize_images(plain[:, :, :64, :96]))


def test_shrinking_averages_instead_of_picking_pixels(model: Poet) -> None:
    seen: list[torch.Tensor] = []
    model.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    stripes = torch.zeros(1, 3, 256, 384, dtype=torch.uint8)
    stripes[..., ::4] = 200
    predictor_of(model).predict(stripes)
    even = normalize_images(torch.full((1, 3, 64, 96), 50, dtype=torch.uint8))
    inner = (..., slice(2, -2), slice(2, -2))
    torch.testing.assert_close(seen[0][inner], even[inner], atol=0.2, rtol=0)


@pytest.mark.parametrize("size", [(80, 120), (120, 80), (33, 47), (64, 96), (1, 50), (700, 900)])
@pytest.mark.parametrize("letterbox", [(64, 96), (96, 64), (128, 128)])
def test_predictions_in_a_letterbox_are_in_pixels_of_the_full_frame(
    constant_model: Poet, size: tuple[int, int], letterbox: tuple[int, int]
) -> None:
    predictor = predictor_of(constant_model, ImageSizeSettings(letterbox=letterbox))
    instances = predictor.predict(torch.zeros(1, 3, *size, dtype=torch.uint8))[0]
    seen = np.array([[1 / 4, 1 / 2], [1 / 2, 1 / 4], [7 / 8, 1 / 8]]) * letterbox[::-1] - 0.5  # pixels of the input
    scale = np.divide(input_size(size, predictor.image_size), size)[::-1]
    np.testing.assert_allclose(instances.keypoints[0], (seen + 0.5) / scale - 0.5, atol=2e-3, rtol=1e-5)
    assert instances.centers is not None
    center = (np.array([0.5, 0.25]) * letterbox[::-1]) / scale - 0.5
    np.testing.assert_allclose(instances.centers[0], center, atol=2e-3, rtol=1e-5)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (50, 30), (199, 119), (13, 101)])
@pytest.mark.parametrize("letterbox", [(64, 64), (64, 96), (96, 64), (160, 320)])
def test_what_is_seen_somewhere_in_a_letterbox_is_found_where_it_is_in_the_frame(
    model: Poet, letterbox: tuple[int, int], x: int, y: int
) -> None:
    frame = torch.zeros(1, 3, 120, 200, dtype=torch.uint8)
    rows, columns = torch.meshgrid(torch.arange(120), torch.arange(200), indexing="ij")
    frame[:] = (250 * torch.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 200)).round().to(torch.uint8)
    predictor = predictor_of(model, ImageSizeSettings(letterbox=letterbox))
    seen = predictor.resized(frame)[0, 0].double()
    assert seen.shape == letterbox
    at = torch.stack([(seen.sum(axis) * torch.arange(seen.shape[1 - axis])).sum() / seen.sum() for axis in (0, 1)])
    in_frame = frame[0, 0].double()
    expected = [(in_frame.sum(axis) * torch.arange(in_frame.shape[1 - axis])).sum() / in_frame.sum() for axis in (0, 1)]
    unit = pixels_to_unit(at, letterbox)
    found = unit_to_pixels(unit, seen_size((120, 200), predictor.image_size))
    torch.testing.assert_close(found, torch.stack(expected), atol=0.3, rtol=0)


def test_a_letterbox_is_black_where_the_frame_does_not_reach(model: Poet) -> None:
    predictor = predictor_of(model, ImageSizeSettings(letterbox=(96, 96)))
    seen = predictor.resized(torch.full((2, 3, 80, 120), 77, dtype=torch.uint8))
    assert seen.shape == (2, 3, 96, 96)
    assert (seen[:, :, :64] == 77).all()
    assert (seen[:, :, 64:] == 0).all()


@pytest.mark.parametrize("size", [(80, 120), (120, 80), (33, 47), (64, 96), (500, 301)])
def test_a_frame_is_put_into_its_letterbox_in_the_same_way_alone_in_a_batch_and_in_a_video(
    model: Poet, size: tuple[int, int]
) -> None:
    predictor = predictor_of(model, ImageSizeSettings(letterbox=(96, 160)))
    random = torch.Generator().manual_seed(0)
    frames = torch.randint(0, 256, (5, 3, *size), dtype=torch.uint8, generator=random)
    together = predictor.resized(frames)
    interleaved = frames.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)  # as video is decoded
    for number in range(5):
        assert torch.equal(predictor.resized(frames[number : number + 1])[0], together[number])
        assert torch.equal(predictor.resized(interleaved[number : number + 1])[0], together[number])
    assert torch.equal(predictor.resized(together), together), "what is in its letterbox stays as it is"


def test_every_query_gives_an_instance_and_the_best_comes_first(model: Poet, frames: torch.Tensor) -> None:
    captured: list[PoetOutput] = []
    model.register_forward_hook(lambda _module, _inputs, output: captured.append(output))
    predicted = predictor_of(model).predict(frames)
    output = captured[0]
    scores = scores_from_logits(output.class_logits[-1])
    assert len(predicted) == 3
    for image, instances in enumerate(predicted):
        assert len(instances) == SETTINGS.n_queries
        assert (np.diff(instances.scores) <= 0).all()
        assert sorted(instances.scores) == sorted(scores[image].tolist())
        for i, score in enumerate(instances.scores):
            query = scores[image].tolist().index(score)
            expected = output.poses.keypoints[-1, image, query].numpy() * [120, 80] - 0.5
            np.testing.assert_allclose(instances.keypoints[i], expected, atol=1e-4)
            np.testing.assert_allclose(instances.visibility[i], output.poses.visibility[-1, image, query].numpy())


def test_a_batch_is_predicted_as_its_frames_are_one_by_one(model: Poet, frames: torch.Tensor) -> None:
    predictor = predictor_of(model)
    together = predictor.predict(frames)
    for frame, instances in zip(frames, together, strict=True):
        alone = predictor.predict(frame[None])[0]
        np.testing.assert_allclose(instances.scores, alone.scores, atol=1e-4)
        np.testing.assert_allclose(instances.visibility, alone.visibility, atol=1e-4)
        np.testing.assert_allclose(instances.keypoints / 120, alone.keypoints / 120, atol=1e-4)


def test_frames_differ_in_what_is_predicted(model: Poet, frames: torch.Tensor) -> None:
    dark, bright = predictor_of(model).predict(torch.stack([frames[0] // 8, 255 - frames[1] // 8]))
    assert np.abs(dark.keypoints - bright.keypoints).max() > 0.01


def test_a_predictor_of_a_snapshot_knows_its_input_size_and_name(model: Poet, frames: torch.Tensor) -> None:
    facts = {"image_size": SMALL.model_dump(mode="json"), "epoch": 3}
    snapshot = Snapshot(SETTINGS, SKELETON, model.state_dict(), facts)
    predictor = Predictor.from_snapshot(snapshot, torch.device("cpu"), "run1/best")
    assert (predictor.image_size, predictor.name, predictor.facts["epoch"]) == (SMALL, "run1/best", 3)
    assert not predictor.model.training
    found, expected = predictor.predict(frames)[0], predictor_of(folded_copy(model)).predict(frames)[0]
    np.testing.assert_array_equal(found.keypoints, expected.keypoints)


def test_a_predictor_of_a_snapshot_says_what_the_network_says(model: Poet, frames: torch.Tensor) -> None:
    calibrate_batch_norm(model.backbone, normalize_images(frames))
    predictor = Predictor.from_snapshot(Snapshot(SETTINGS, SKELETON, model.state_dict()), torch.device("cpu"), "x")
    assert not any(isinstance(module, FrozenBatchNorm2d) for module in predictor.model.modules())
    plain = predictor_of(model, ImageSizeSettings())
    found, expected = predictor.run(frames), plain.run(frames)
    torch.testing.assert_close(found.class_logits, expected.class_logits, atol=1e-4, rtol=0)
    torch.testing.assert_close(found.pose_vectors, expected.pose_vectors, atol=1e-4, rtol=0)


def test_to_predict_is_to_run_and_to_take_the_instances(model: Poet, frames: torch.Tensor) -> None:
    predictor = predictor_of(model)
    output = predictor.run(frames)
    assert output.class_logits.shape == (SETTINGS.n_decoder_layers, 3, SETTINGS.n_queries, 3)
    parts, whole = predictor.instances(output, (80, 120)), predictor.predict(frames)
    for part, expected in zip(parts, whole, strict=True):
        for found, wanted in zip(vars(part).values(), vars(expected).values(), strict=True):
            np.testing.assert_array_equal(found, wanted)


def test_frames_of_a_video_lie_in_memory_row_by_row_and_give_the_same(model: Poet, frames: torch.Tensor) -> None:
    interleaved = frames.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    assert interleaved.stride() != frames.stride()
    predictor = predictor_of(folded_copy(model))
    found, expected = predictor.run(interleaved).pose_vectors, predictor.run(frames).pose_vectors
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_a_snapshot_that_does_not_know_its_input_size_gets_the_default(model: Poet) -> None:
    snapshot = Snapshot(SETTINGS, SKELETON, model.state_dict())
    assert Predictor.from_snapshot(snapshot, torch.device("cpu"), "x").image_size == ImageSizeSettings()
