"""Starting from other weights: what is copied, what is adapted, what is left, and that nothing goes unsaid."""

from pathlib import Path

import pytest
import torch
from torchvision.models import resnet18

from poetlab.errors import SnapshotError
from poetlab.model.checkpoint import Snapshot, save_snapshot
from poetlab.model.keypoint_map import KeypointMap
from poetlab.model.loss import poet_loss
from poetlab.model.loss_settings import LossSettings
from poetlab.model.poet import Poet
from poetlab.model.pose_vector import PoseTargets, QueryClass, vector_size
from poetlab.model.presets import ModelSettings
from poetlab.model.pretrained import Transfer, start_from_file, start_from_weights
from poetlab.model.published import from_published
from poetlab.skeleton import Skeleton

KEYPOINTS = ("nose", "left_ear", "right_ear", "tail")
SAME = {name: name for name in KEYPOINTS}


def network(settings: ModelSettings, n_keypoints: int, seed: int) -> Poet:
    torch.manual_seed(seed)
    return Poet(settings, n_keypoints).eval()


@pytest.fixture
def pretrained(tiny_settings: ModelSettings) -> Poet:
    return network(tiny_settings, len(KEYPOINTS), seed=1)


def snapshot_file(model: Poet, folder: Path) -> Path:
    path = folder / "pretrained.safetensors"
    save_snapshot(path, Snapshot(model.settings, Skeleton("mouse", KEYPOINTS), model.state_dict()))
    return path


def assert_every_tensor_is_listed_once(transfer: Transfer, model: Poet) -> None:
    assert sorted(transfer.taken + transfer.adapted + transfer.left) == sorted(model.state_dict())


def keypoint_rows(model: Poet, index: int) -> torch.Tensor:
    """Weights and bias of one keypoint in the pose head's last layer."""
    rows = slice(vector_size(index), vector_size(index + 1))
    return torch.cat([model.pose_head[4].weight[rows], model.pose_head[4].bias[rows, None]], dim=1)


@torch.no_grad()
def test_a_network_started_from_its_own_snapshot_predicts_the_same(pretrained: Poet, tmp_path: Path) -> None:
    model = network(pretrained.settings, len(KEYPOINTS), seed=2)
    images = torch.randn(1, 3, 64, 64)
    assert not torch.equal(model(images).pose_vectors, pretrained(images).pose_vectors)
    transfer = start_from_file(model, KEYPOINTS, snapshot_file(pretrained, tmp_path))
    assert_every_tensor_is_listed_once(transfer, model)
    assert (transfer.adapted, transfer.left) == ((), ())
    assert (dict(transfer.keypoints_from), transfer.known_keypoints) == (SAME, KEYPOINTS)
    assert torch.equal(model(images).pose_vectors, pretrained(images).pose_vectors)
    assert torch.equal(model(images).class_logits, pretrained(images).class_logits)


@torch.no_grad()
def test_keypoints_in_another_order_are_matched_by_name(pretrained: Poet) -> None:
    order = [3, 1, 0, 2]
    names = [KEYPOINTS[i] for i in order]
    model = network(pretrained.settings, len(names), seed=2)
    transfer = start_from_weights(model, {name: name for name in names}, pretrained.state_dict(), KEYPOINTS)
    assert_every_tensor_is_listed_once(transfer, model)
    assert set(transfer.adapted) == {"pose_head.4.weight", "pose_head.4.bias"}
    assert transfer.uses_pose_head
    images = torch.randn(1, 3, 64, 64)
    found, expected = model(images).poses, pretrained(images).poses
    torch.testing.assert_close(found.keypoints, expected.keypoints[..., order, :], atol=1e-6, rtol=0)
    torch.testing.assert_close(found.visibility, expected.visibility[..., order], atol=1e-6, rtol=0)


@torch.no_grad()
def test_the_heads_rows_are_those_of_the_keypoints_named_and_zero_for_new_ones(pretrained: Poet) -> None:
    origins = {"tail": "tail", "paw": None, "snout": "nose", "lip": "nose"}
    model = network(pretrained.settings, len(origins), seed=2)
    transfer = start_from_weights(model, origins, pretrained.state_dict(), KEYPOINTS)
    assert_every_tensor_is_listed_once(transfer, model)
    assert set(transfer.adapted) == {"pose_head.4.weight", "pose_head.4.bias"}
    assert dict(transfer.keypoints_from) == origins
    assert torch.equal(keypoint_rows(model, 0), keypoint_rows(pretrained, 3))
    assert not keypoint_rows(model, 1).any()
    assert torch.equal(keypoint_rows(model, 2), keypoint_rows(pretrained, 0))
    assert torch.equal(keypoint_rows(model, 3), keypoint_rows(pretrained, 0))
    assert torch.equal(model.pose_head[4].weight[:2], pretrained.pose_head[4].weight[:2]), "the center"


@torch.no_grad()
def test_a_new_keypoint_starts_exactly_at_the_center_with_visibility_one_half(pretrained: Poet) -> None:
    model = network(pretrained.settings, 2, seed=2)
    start_from_weights(model, {"paw": None, "nose": "nose"}, pretrained.state_dict(), KEYPOINTS)
    poses = model(torch.randn(2, 3, 64, 64)).poses
    assert poses.centers.unique().numel() > 2
    assert torch.equal(poses.keypoints[..., 0, :], poses.centers)
    assert torch.equal(poses.visibility[..., 0], torch.full_like(poses.visibility[..., 0], 0.5))
    assert not torch.equal(poses.keypoints[..., 1, :], poses.centers)


def test_a_new_keypoint_learns(pretrained: Poet) -> None:
    model = network(pretrained.settings, 2, seed=2).train()
    start_from_weights(model, {"paw": None, "nose": "nose"}, pretrained.state_dict(), KEYPOINTS)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    images = torch.randn(2, 3, 64, 64)
    targets = PoseTargets(
        classes=torch.full((2, 1), int(QueryClass.INDIVIDUAL)),
        centers=torch.full((2, 1, 2), 0.5),
        offsets=torch.tensor([0.3, -0.2]).expand(2, 1, 2, 2),
        visible=torch.ones(2, 1, 2, dtype=torch.bool),
        located=torch.ones(2, 1, 2, dtype=torch.bool),
        areas=torch.ones(2, 1),
        told=torch.ones(2, 1, 2, dtype=torch.bool),
    )
    losses = []
    for _ in range(5):
        loss = poet_loss(model(images), targets, LossSettings())
        optimizer.zero_grad()
        loss.total(LossSettings()).backward()
        optimizer.step()
        losses.append(loss.total(LossSettings()).item())
    rows = keypoint_rows(model, 0)
    assert rows.any(dim=1).all(), "each of its three rows"
    assert (rows[:, :-1] != 0).float().mean() > 0.3, "its weights too, not only its bias"
    with torch.no_grad():
        offsets = model.eval()(images).poses.offsets[-1, :, :, 0].mean(dim=(0, 1))
    assert offsets[0] > 0 > offsets[1], "towards its label"
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("n_queries", [2, 7])
def test_with_another_number_of_queries_those_in_common_are_copied(pretrained: Poet, n_queries: int) -> None:
    model = network(pretrained.settings.model_copy(update={"n_queries": n_queries}), len(KEYPOINTS), seed=2)
    start = model.queries.detach().clone()
    transfer = start_from_weights(model, SAME, pretrained.state_dict(), KEYPOINTS)
    assert_every_tensor_is_listed_once(transfer, model)
    assert (transfer.adapted, transfer.left) == (("queries",), ())
    n_common = min(n_queries, len(pretrained.queries))
    assert torch.equal(model.queries[:n_common], pretrained.queries[:n_common])
    assert torch.equal(model.queries[n_common:], start[n_common:])


def test_of_a_network_of_other_sizes_what_fits_is_copied(pretrained: Poet) -> None:
    settings = pretrained.settings.model_copy(update={"n_features": 32, "n_encoder_layers": 2})
    model = network(settings, len(KEYPOINTS), seed=2)
    start = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    transfer = start_from_weights(model, SAME, pretrained.state_dict(), KEYPOINTS)
    assert_every_tensor_is_listed_once(transfer, model)
    assert {name for name in start if name.startswith("backbone.")} <= set(transfer.taken)
    assert {"queries", "pose_head.4.weight", "transformer.encoder.1.norm1.weight"} <= set(transfer.left)
    weights = pretrained.state_dict()
    for name, tensor in model.state_dict().items():
        if name in transfer.taken:
            assert torch.equal(tensor, weights[name]), name
        elif name in transfer.left:
            assert torch.equal(tensor, start[name]), name


def test_keypoints_are_new_if_the_pose_head_does_not_fit(pretrained: Poet) -> None:
    model = network(pretrained.settings.model_copy(update={"n_features": 32}), len(KEYPOINTS), seed=2)
    transfer = start_from_weights(model, SAME, pretrained.state_dict(), KEYPOINTS)
    assert dict(transfer.keypoints_from) == dict.fromkeys(KEYPOINTS)
    assert (transfer.uses_pose_head, transfer.known_keypoints) == (False, KEYPOINTS)


def test_starting_from_weights_changes_only_the_new_network(pretrained: Poet) -> None:
    weights = pretrained.state_dict()
    before = {name: tensor.clone() for name, tensor in weights.items()}
    model = network(pretrained.settings, 2, seed=2)
    start_from_weights(model, {"nose": "nose", "paw": None}, weights, KEYPOINTS)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    for name, tensor in before.items():
        assert torch.equal(weights[name], tensor), name


def test_a_file_of_no_network_is_refused(tiny_settings: ModelSettings, tmp_path: Path) -> None:
    model = network(tiny_settings, 2, seed=0)
    torch.save({"model": {"conv1.weight": torch.zeros(2)}}, tmp_path / "resnet.pth")
    with pytest.raises(
        SnapshotError, match="neither a poetlab snapshot nor a published POET checkpoint nor the weights of a resnet18"
    ):
        start_from_file(model, KEYPOINTS[:2], tmp_path / "resnet.pth")
    with pytest.raises(SnapshotError, match="no such file of weights"):
        start_from_file(model, KEYPOINTS[:2], tmp_path / "missing.pth")


def test_a_torchvision_resnet_gives_the_whole_backbone_and_nothing_else(
    tiny_settings: ModelSettings, tmp_path: Path
) -> None:
    torch.manual_seed(4)
    resnet = resnet18(weights=None).eval()
    for name, buffer in resnet.named_buffers():
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 2)
    torch.save(resnet.state_dict(), tmp_path / "resnet18.pth")
    model = network(tiny_settings, len(KEYPOINTS), seed=2)
    start = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    transfer = start_from_file(model, KEYPOINTS, tmp_path / "resnet18.pth")
    assert_every_tensor_is_listed_once(transfer, model)
    assert set(transfer.taken) == {name for name in start if name.startswith("backbone.")}
    assert (transfer.adapted, transfer.known_keypoints) == ((), ())
    assert dict(transfer.keypoints_from) == dict.fromkeys(KEYPOINTS)
    assert (transfer.uses_backbone, transfer.uses_pose_head) == (True, False)
    for name in transfer.left:
        assert torch.equal(model.state_dict()[name], start[name]), name
    images = torch.randn(2, 3, 64, 64)
    features = torch.nn.Sequential(*list(resnet.children())[:-2])
    with torch.no_grad():
        torch.testing.assert_close(model.backbone(images), features(images), rtol=1e-4, atol=1e-5)


def test_a_map_is_refused_where_there_is_no_pose_head_to_follow_it_with(pretrained: Poet, tmp_path: Path) -> None:
    said = KeypointMap({"snout": "nose"}, "map.yaml")
    torch.save(resnet18(weights=None).state_dict(), tmp_path / "resnet18.pth")
    model = network(pretrained.settings, 1, seed=2)
    with pytest.raises(
        SnapshotError, match=r"resnet18\.pth: these weights know no keypoints.*--keypoint-map"
    ) as caught:
        start_from_file(model, ["snout"], tmp_path / "resnet18.pth", said)
    assert "\n" not in str(caught.value)
    wider = network(pretrained.settings.model_copy(update={"n_features": 32}), 1, seed=2)
    with pytest.raises(SnapshotError, match=r"pose head does not fit, so map\.yaml cannot be followed"):
        start_from_file(wider, ["snout"], snapshot_file(pretrained, tmp_path), said)
    assert dict(start_from_file(model, ["snout"], snapshot_file(pretrained, tmp_path), said).keypoints_from) == {
        "snout": "nose"
    }


def test_a_file_of_which_nothing_fits_is_refused(tiny_settings: ModelSettings, tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    weights = {"queries": torch.zeros(2, 3), "unknown": torch.zeros(2)}
    save_snapshot(path, Snapshot(tiny_settings, Skeleton("mouse", KEYPOINTS), weights))
    with pytest.raises(
        SnapshotError, match=r"other\.safetensors: neither its backbone nor its transformer fits"
    ) as caught:
        start_from_file(network(tiny_settings, 2, seed=0), KEYPOINTS[:2], path)
    assert "\n" not in str(caught.value)


@pytest.mark.shared_data
@torch.no_grad()
def test_a_checkpoint_in_the_published_layout_is_matched_with_cocos_keypoints(
    shared_data: Path, tmp_path: Path
) -> None:
    import json

    shapes = json.loads((shared_data.parent / "reference" / "poet_r50_state_dict_shapes.json").read_text())
    weights = {name: torch.randn(shape) for name, shape in shapes.items() if not name.startswith("transformer.")}
    torch.save({"model": weights}, tmp_path / "poet_ckpt.pth")
    names = ("right_ankle", "left_wing", "nose")
    model = Poet(ModelSettings(n_encoder_layers=1, n_decoder_layers=1, n_feedforward=8), len(names))
    transfer = start_from_file(model, names, tmp_path / "poet_ckpt.pth")
    assert_every_tensor_is_listed_once(transfer, model)
    assert dict(transfer.keypoints_from) == {"right_ankle": "right_ankle", "left_wing": None, "nose": "nose"}
    source = weights["kpt_embed.layers.2.weight"]
    assert torch.equal(model.pose_head[4].weight[2:5], source[2 + 3 * 16 : 5 + 3 * 16]), "the last of COCO's keypoints"
    assert not model.pose_head[4].weight[5:8].any(), "new"
    assert torch.equal(model.pose_head[4].weight[8:11], source[2:5]), "the first of COCO's keypoints"
    assert all(name.startswith("transformer.") for name in transfer.left)


def test_weights_that_are_not_numbers_are_refused(pretrained: Poet, tmp_path: Path) -> None:
    with torch.no_grad():
        pretrained.class_head.bias[1] = torch.nan
    model = network(pretrained.settings, len(KEYPOINTS), seed=2)
    with pytest.raises(SnapshotError, match="not a number"):
        start_from_file(model, KEYPOINTS, snapshot_file(pretrained, tmp_path))


@pytest.mark.parametrize("tensor", [torch.tensor(3.0), torch.zeros(16, 16)], ids=["a number", "one matrix"])
def test_a_published_tensor_that_is_not_three_in_one_fits_nothing(
    tiny_settings: ModelSettings, tensor: torch.Tensor
) -> None:
    name = "transformer.encoder.layers.0.self_attn.in_proj_weight"
    converted = from_published({name: tensor})
    assert len(converted) == 1
    assert not converted.keys() & network(tiny_settings, len(KEYPOINTS), seed=2).state_dict().keys()
