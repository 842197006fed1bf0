"""Starting a swift network from other weights: from another skeleton's, and from the faithful family's."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import get_model, resnet18

from poetlab.errors import SnapshotError
from poetlab.model.checkpoint import Snapshot, save_snapshot
from poetlab.model.keypoint_map import KeypointMap
from poetlab.model.poet import Poet
from poetlab.model.presets import ModelSettings, find_preset
from poetlab.model.pretrained import Transfer, start_from_file, start_from_weights
from poetlab.model.published import from_published
from poetlab.model.swift import Swift
from poetlab.skeleton import Skeleton, load_skeleton

KEYPOINTS = ("nose", "left_ear", "right_ear", "tail")

MakeSwift = Callable[..., Swift]


@pytest.fixture
def pretrained(make_swift: MakeSwift) -> Swift:
    return make_swift(len(KEYPOINTS), seed=1)


def snapshot_file(model: Swift | Poet, folder: Path) -> Path:
    path = folder / "pretrained.safetensors"
    save_snapshot(path, Snapshot(model.settings, Skeleton("mouse", KEYPOINTS), model.state_dict()))
    return path


def copy_of(model: Swift | Poet) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def names_under(model: nn.Module, *starts: str) -> set[str]:
    counters = ".num_batches_tracked"
    return {name for name in model.state_dict() if name.startswith(starts) and not name.endswith(counters)}


def assert_every_tensor_is_listed_once(transfer: Transfer, model: Swift) -> None:
    """All but the counters of batches that only one of the networks has."""
    listed = [name for name in transfer.taken + transfer.adapted + transfer.left if "num_batches" not in name]
    assert sorted(listed) == sorted(names_under(model, ""))


def images() -> Tensor:
    return torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def test_a_network_started_from_its_own_snapshot_predicts_the_same(
    pretrained: Swift, make_swift: MakeSwift, tmp_path: Path
) -> None:
    model = make_swift(len(KEYPOINTS), seed=2, n_queries=3)
    transfer = start_from_file(model, KEYPOINTS, snapshot_file(pretrained, tmp_path))
    assert_every_tensor_is_listed_once(transfer, model)
    assert (transfer.adapted, transfer.left) == ((), ())
    assert transfer.uses_backbone
    assert transfer.uses_pose_head
    pretrained.settings = model.settings  # the number of queries is no tensor's
    found, expected = model(images()), pretrained(images())
    assert torch.equal(found.poses.keypoints, expected.poses.keypoints)
    assert torch.equal(found.scores, expected.scores)


@torch.no_grad()
def test_keypoints_in_another_order_are_matched_by_name(pretrained: Swift, make_swift: MakeSwift) -> None:
    order = [3, 1, 0, 2]
    names = [KEYPOINTS[number] for number in order]
    model = make_swift(4, seed=2)
    transfer = start_from_weights(model, {name: name for name in names}, pretrained.state_dict(), KEYPOINTS)
    assert_every_tensor_is_listed_once(transfer, model)
    assert (transfer.adapted, transfer.left) == (("keypoints",), ())
    found, expected = model(images()), pretrained(images())
    torch.testing.assert_close(found.offsets, expected.offsets[..., order, :], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found.centers, expected.centers, atol=1e-5, rtol=1e-5)


def test_another_skeleton_loses_nothing_but_its_new_keypoints(pretrained: Swift, make_swift: MakeSwift) -> None:
    origins = {"tail": "tail", "paw": None, "snout": "nose", "hip": None, "lip": "nose"}
    model = make_swift(len(origins), seed=2)
    start = copy_of(model)
    transfer = start_from_weights(model, origins, pretrained.state_dict(), KEYPOINTS)
    assert_every_tensor_is_listed_once(transfer, model)
    assert (transfer.adapted, transfer.left) == (("keypoints",), ())
    assert dict(transfer.keypoints_from) == origins
    for number, origin in enumerate(origins.values()):
        source = start["keypoints"][number] if origin is None else pretrained.keypoints[KEYPOINTS.index(origin)]
        assert torch.equal(model.keypoints[number], source), origin
    assert not torch.equal(model.keypoints[1], model.keypoints[3]), "new keypoints can be told apart"
    for name, tensor in pretrained.state_dict().items():
        if name != "keypoints":
            assert torch.equal(model.state_dict()[name], tensor), name


def test_the_parts_that_a_faithful_network_shares_are_taken(
    make_swift: MakeSwift, tiny_settings: ModelSettings, tmp_path: Path
) -> None:
    torch.manual_seed(3)
    faithful = Poet(tiny_settings, len(KEYPOINTS))
    model = make_swift(len(KEYPOINTS), seed=2)
    start = copy_of(model)
    transfer = start_from_file(model, KEYPOINTS, snapshot_file(faithful, tmp_path))
    assert_every_tensor_is_listed_once(transfer, model)
    shared = ("self_attention.", "feedforward.", "norm1.", "norm3.")
    layers = [f"decoder.{number}.{part}" for number in (0, 1) for part in shared]
    assert set(transfer.taken) == names_under(model, "backbone.", "input_projection.", "encoder.", *layers)
    assert transfer.adapted == ()
    assert {"instance", "keypoints", "decoder.0.looking.weight", "fusion.4.mix.0.weight"} <= set(transfer.left)
    assert (transfer.uses_backbone, transfer.uses_pose_head) == (True, False)
    assert dict(transfer.keypoints_from) == dict.fromkeys(KEYPOINTS)
    weights, own = faithful.state_dict(), model.state_dict()
    for name in transfer.left:
        assert torch.equal(own[name], start[name]), name
    for theirs, ours in {
        "transformer.encoder.0.self_attention.key.weight": "encoder.0.self_attention.key.weight",
        "transformer.decoder.1.feedforward.3.bias": "decoder.1.feedforward.3.bias",
        "transformer.decoder.0.norm3.weight": "decoder.0.norm3.weight",
        "input_projection.weight": "input_projection.weight",
        "backbone.layer3.1.bn2.running_var": "backbone.layer3.1.bn2.running_var",
    }.items():
        assert torch.equal(own[ours], weights[theirs]), ours


@torch.no_grad()
def test_the_backbone_and_encoder_taken_compute_what_they_did(
    make_swift: MakeSwift, tiny_settings: ModelSettings
) -> None:
    torch.manual_seed(3)
    faithful = Poet(tiny_settings, len(KEYPOINTS)).eval()
    model = make_swift(len(KEYPOINTS), seed=2)
    start_from_weights(model, dict.fromkeys(KEYPOINTS), faithful.state_dict(), KEYPOINTS)
    coarse = model.input_projection(model.backbone(images())["32"])
    expected = faithful.input_projection(faithful.backbone(images()))
    torch.testing.assert_close(coarse, expected, atol=1e-4, rtol=1e-4)
    position, features = model.map_positions(coarse), coarse.flatten(2).transpose(1, 2)
    encoder_layer = faithful.transformer.encoder[0]
    torch.testing.assert_close(model.encoder[0](features, position, None), encoder_layer(features, position, None))


@pytest.mark.shared_data
def test_poets_published_weights_start_the_medium_network(recipe_weights: dict[str, Tensor], tmp_path: Path) -> None:
    torch.save({"model": recipe_weights}, tmp_path / "poet_ckpt.pth")
    names = ("nose", "left_wing")
    model = Swift(find_preset("poet-swift-medium"), len(names))
    transfer = start_from_file(model, names, tmp_path / "poet_ckpt.pth")
    assert_every_tensor_is_listed_once(transfer, model)
    shared = ("self_attention.", "feedforward.", "norm1.", "norm3.")
    layers = [f"decoder.{number}.{part}" for number in (0, 1, 2) for part in shared]
    assert set(transfer.taken) == names_under(model, "backbone.", "input_projection.", "encoder.", *layers)
    assert transfer.adapted == ()
    assert transfer.known_keypoints == load_skeleton("coco-person").keypoints
    assert dict(transfer.keypoints_from) == dict.fromkeys(names), "no embedding is in the published weights"
    converted = from_published(recipe_weights)
    own = model.state_dict()
    for name in transfer.taken:
        theirs = name if name.startswith(("backbone.", "input_projection.")) else f"transformer.{name}"
        assert torch.equal(own[name], converted[theirs]), name


def test_a_torchvision_resnet_gives_the_backbone(make_swift: MakeSwift, tmp_path: Path) -> None:
    torch.save(resnet18(weights=None).state_dict(), tmp_path / "resnet18.pth")
    model = make_swift(4)
    transfer = start_from_file(model, KEYPOINTS, tmp_path / "resnet18.pth")
    assert_every_tensor_is_listed_once(transfer, model)
    assert set(transfer.taken) == names_under(model, "backbone.")
    assert (transfer.uses_backbone, transfer.uses_pose_head) == (True, False)


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "convnext_tiny", "densenet121"])
@torch.no_grad()
def test_any_torchvision_model_gives_its_backbone(make_swift: MakeSwift, tmp_path: Path, name: str) -> None:
    torch.manual_seed(4)
    whole = get_model(name, weights=None)
    as_published = {
        re.sub(r"(denselayer\d+\.\w+)([12])\.", r"\1.\2.", key): each for key, each in whole.state_dict().items()
    }
    torch.save(as_published, tmp_path / "weights.pth")
    model = make_swift(4, backbone=name, coarsest_stride=16)
    transfer = start_from_file(model, KEYPOINTS, tmp_path / "weights.pth")
    assert_every_tensor_is_listed_once(transfer, model)
    assert set(transfer.taken) == names_under(model, "backbone.")
    for key in names_under(model.backbone, ""):
        assert torch.equal(model.backbone.state_dict()[key], whole.state_dict()[key]), key


def test_another_torchvision_model_is_refused(make_swift: MakeSwift, tmp_path: Path) -> None:
    torch.save(resnet18(weights=None).state_dict(), tmp_path / "weights.pth")
    for backbone in ("resnet50", "mobilenet_v3_small"):  # of which the first has the same names and other shapes
        with pytest.raises(SnapshotError, match=rf"weights\.pth: .* nor the weights of a {backbone}, which is this"):
            start_from_file(make_swift(4, backbone=backbone), KEYPOINTS, tmp_path / "weights.pth")


def test_a_faithful_network_takes_the_backbone_of_a_swift_one(
    pretrained: Swift, tiny_settings: ModelSettings, tmp_path: Path
) -> None:
    model = Poet(tiny_settings, len(KEYPOINTS))
    transfer = start_from_file(model, KEYPOINTS, snapshot_file(pretrained, tmp_path))
    assert names_under(model, "backbone.") <= set(transfer.taken)
    assert (transfer.uses_backbone, transfer.uses_pose_head) == (True, False)


def test_a_map_cannot_be_followed_from_a_faithful_network(
    make_swift: MakeSwift, tiny_settings: ModelSettings, tmp_path: Path
) -> None:
    path = snapshot_file(Poet(tiny_settings, len(KEYPOINTS)), tmp_path)
    with pytest.raises(SnapshotError, match=r"pose head does not fit, so map\.yaml cannot be followed") as caught:
        start_from_file(make_swift(1), ["snout"], path, KeypointMap({"snout": "nose"}, "map.yaml"))
    assert "\n" not in str(caught.value)


def test_weights_of_which_nothing_fits_are_refused(
    make_swift: MakeSwift, tiny_settings: ModelSettings, tmp_path: Path
) -> None:
    path = snapshot_file(Poet(tiny_settings.model_copy(update={"n_features": 32}), len(KEYPOINTS)), tmp_path)
    with pytest.raises(SnapshotError, match="neither its backbone nor its transformer fits"):
        start_from_file(make_swift(4, backbone="mobilenet_v3_small"), KEYPOINTS, path)
