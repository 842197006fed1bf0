"""Snapshots survive a round trip, damaged files are errors in one line, and no file can run code."""

import argparse
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from poetlab.errors import SnapshotError
from poetlab.model.checkpoint import Snapshot, load_published, load_snapshot, save_snapshot
from poetlab.model.poet import Poet
from poetlab.model.presets import ModelSettings, SwiftSettings
from poetlab.model.swift import Swift
from poetlab.skeleton import Skeleton

SKELETON = Skeleton("fly", ("head", "left_wing", "right_wing"), symmetries=(("left_wing", "right_wing"),))
FACTS = {"epoch": 7, "AP": 0.25, "image_size": {"short_side": [400, 800], "long_side": 512}, "progress": {"best": None}}


@pytest.fixture
def model(tiny_settings: ModelSettings) -> Poet:
    torch.manual_seed(0)
    return Poet(tiny_settings, SKELETON.n_keypoints).eval()


@pytest.fixture
def snapshot(model: Poet) -> Snapshot:
    state = {
        "queries/step": torch.tensor(3.0),
        "queries/exp_avg": torch.randn(4, 16),
        "random/cpu": torch.get_rng_state(),
    }
    return Snapshot(model.settings, SKELETON, model.state_dict(), FACTS, state)


def assert_same_tensors(found: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]) -> None:
    assert set(found) == set(expected)
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype, name
        torch.testing.assert_close(found[name], tensor, atol=0, rtol=0)


def test_a_snapshot_survives_a_round_trip_exactly(snapshot: Snapshot, tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    save_snapshot(path, snapshot)
    loaded = load_snapshot(path)
    assert loaded.settings == snapshot.settings
    assert loaded.skeleton == snapshot.skeleton
    assert loaded.facts == FACTS
    assert_same_tensors(loaded.weights, snapshot.weights)
    assert_same_tensors(loaded.state, snapshot.state)
    assert list(tmp_path.iterdir()) == [path]


@torch.no_grad()
def test_the_network_of_a_loaded_snapshot_predicts_the_same(snapshot: Snapshot, model: Poet, tmp_path: Path) -> None:
    save_snapshot(tmp_path / "a.safetensors", snapshot)
    rebuilt = load_snapshot(tmp_path / "a.safetensors").build_model()
    assert not rebuilt.training
    images = torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(rebuilt(images).pose_vectors, model(images).pose_vectors, atol=0, rtol=0)


@torch.no_grad()
def test_a_swift_network_survives_a_round_trip_exactly(make_swift: Callable[..., Swift], tmp_path: Path) -> None:
    model = make_swift(SKELETON.n_keypoints)
    save_snapshot(tmp_path / "a.safetensors", Snapshot(model.settings, SKELETON, model.state_dict(), FACTS))
    loaded = load_snapshot(tmp_path / "a.safetensors")
    assert isinstance(loaded.settings, SwiftSettings)
    assert (loaded.settings, loaded.facts) == (model.settings, FACTS)
    assert_same_tensors(loaded.weights, model.state_dict())
    rebuilt = loaded.build_model()
    assert isinstance(rebuilt, Swift)
    assert not rebuilt.training
    images = torch.randn(1, 3, 64, 64)
    assert torch.equal(rebuilt(images).poses.keypoints, model(images).poses.keypoints)


def with_settings(path: Path, **changes: object) -> Path:
    """The snapshot with other settings in its description; None removes one."""
    with safe_open(path, framework="pt") as file:
        metadata = dict(file.metadata())
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    settings = json.loads(metadata["settings"]) | changes
    metadata["settings"] = json.dumps({name: value for name, value in settings.items() if value is not None})
    save_file(tensors, path, metadata)
    return path


def test_a_snapshot_from_before_there_were_families_is_of_the_faithful_one(snapshot: Snapshot, tmp_path: Path) -> None:
    path = tmp_path / "old.safetensors"
    save_snapshot(path, snapshot)
    old = load_snapshot(with_settings(path, family=None))
    assert old.settings == snapshot.settings
    assert isinstance(old.build_model(), Poet)


@pytest.mark.parametrize("family", ["swfit", "", 3])
def test_a_snapshot_of_an_unknown_family_is_refused(snapshot: Snapshot, tmp_path: Path, family: object) -> None:
    path = tmp_path / "new.safetensors"
    save_snapshot(path, snapshot)
    assert "description is damaged" in refused(with_settings(path, family=family))


@torch.no_grad()
def test_the_first_decoder_layers_are_a_network_that_says_what_they_say(snapshot: Snapshot, model: Poet) -> None:
    images, padding = torch.randn(2, 3, 64, 96), torch.zeros(2, 64, 96, dtype=torch.bool)
    padding[1, :, 60:] = True
    whole = model(images, padding)
    n_all = model.settings.n_decoder_layers
    assert n_all > 1
    for number in range(1, n_all + 1):
        cut = snapshot.with_decoder_layers(number)
        assert (cut.settings.n_decoder_layers, cut.skeleton, cut.facts) == (number, SKELETON, FACTS)
        assert cut.state == {}, "the optimizer's state is of all layers"
        found = cut.build_model()(images, padding)
        assert len(found.class_logits) == number
        for layer in range(number):
            torch.testing.assert_close(found.class_logits[layer], whole.class_logits[layer])
            torch.testing.assert_close(found.pose_vectors[layer], whole.pose_vectors[layer])
        first = whole.of_layers(number)
        torch.testing.assert_close(found.class_logits, first.class_logits)
        torch.testing.assert_close(found.poses.keypoints, first.poses.keypoints)
    assert not torch.allclose(whole.pose_vectors[0], whole.pose_vectors[1])
    assert snapshot.settings.n_decoder_layers == n_all, "the snapshot itself is not changed"


def test_a_network_of_more_than_ten_layers_keeps_those_asked_for(tiny_settings: ModelSettings) -> None:
    settings = tiny_settings.model_copy(update={"n_decoder_layers": 12})
    whole = Snapshot(settings, SKELETON, Poet(settings, SKELETON.n_keypoints).state_dict())
    assert len(whole.with_decoder_layers(11).build_model().transformer.decoder) == 11
    assert len(whole.with_decoder_layers(1).build_model().transformer.decoder) == 1


@pytest.mark.parametrize("number", [-1, 0, 3])
def test_a_snapshot_has_no_other_decoder_layers_than_its_own(snapshot: Snapshot, number: int) -> None:
    with pytest.raises(SnapshotError, match=f"2 decoder layers has no first {number}; choose from 1 to 2"):
        snapshot.with_decoder_layers(number)


def test_a_snapshot_without_state_or_facts_is_whole(snapshot: Snapshot, tmp_path: Path) -> None:
    save_snapshot(tmp_path / "a.safetensors", replace(snapshot, facts={}, state={}))
    loaded = load_snapshot(tmp_path / "a.safetensors")
    assert (loaded.facts, loaded.state) == ({}, {})


def test_facts_that_are_no_number_stay_so(snapshot: Snapshot, tmp_path: Path) -> None:
    save_snapshot(tmp_path / "a.safetensors", replace(snapshot, facts={"AP": float("nan")}))
    ap = load_snapshot(tmp_path / "a.safetensors").facts["AP"]
    assert ap != ap  # noqa: PLR0124  true of NaN only


def test_views_and_tensors_that_learn_can_be_saved(snapshot: Snapshot, tmp_path: Path) -> None:
    table = torch.randn(6, 4)
    state = {"transposed": table.t(), "learning": torch.nn.Parameter(torch.ones(2))}
    save_snapshot(tmp_path / "a.safetensors", replace(snapshot, state=state))
    loaded = load_snapshot(tmp_path / "a.safetensors").state
    torch.testing.assert_close(loaded["transposed"], table.t())
    assert loaded["learning"].tolist() == [1, 1]


def test_a_snapshot_that_cannot_be_written_leaves_the_old_one(snapshot: Snapshot, tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    path.mkdir()
    with pytest.raises(SnapshotError, match="cannot be written") as caught:
        save_snapshot(path, snapshot)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(SnapshotError, match="cannot be written"):
        save_snapshot(tmp_path / "no such folder" / "a.safetensors", snapshot)


def refused(path: Path) -> str:
    """The message with which a file is refused as a snapshot: one line that names the file."""
    with pytest.raises(SnapshotError) as caught:
        load_snapshot(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "no such snapshot" in refused(tmp_path / "best.safetensors")
    assert "no such snapshot" in refused(tmp_path)


@pytest.mark.parametrize("part", [0.0, 0.0001, 0.3, 0.99, 1 - 1e-9])
def test_a_truncated_file_is_refused(snapshot: Snapshot, tmp_path: Path, part: float) -> None:
    path = tmp_path / "best.safetensors"
    save_snapshot(path, snapshot)
    os.truncate(path, int(part * path.stat().st_size))
    assert "copied whole" in refused(path)


@pytest.mark.parametrize("content", [b"epoch,loss\n1,2\n" * 50, b"\x00" * 64, b"\xff" * 64])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "best.safetensors"
    path.write_bytes(content)
    assert "not a readable poetlab snapshot" in refused(path)


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}, {"format": "poetlab-snapshot-99"}])
def test_tensors_of_another_program_are_refused(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"conv1.weight": torch.zeros(3)}, path, metadata)
    assert "not a poetlab snapshot" in refused(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("settings", '{"backbone": "vgg16", "n_queries": 0}'),
        ("settings", "{"),
        ("settings", None),
        ("skeleton", '{"keypoints": []}'),
        ("skeleton", "[1, 2]"),
        ("facts", "not json"),
    ],
)
def test_a_damaged_description_is_refused(snapshot: Snapshot, tmp_path: Path, key: str, value: str | None) -> None:
    path = tmp_path / "best.safetensors"
    save_snapshot(path, snapshot)
    with safe_open(path, framework="pt") as file:
        metadata = dict(file.metadata())
    metadata = {name: text for name, text in (metadata | {key: value}).items() if text is not None}
    save_file({"weights.queries": torch.zeros(2)}, path, metadata)
    assert "description is damaged" in refused(path)


def test_weights_that_do_not_fit_their_settings_are_refused(snapshot: Snapshot) -> None:
    larger = replace(snapshot, settings=snapshot.settings.model_copy(update={"n_queries": 5}))
    fewer = replace(snapshot, weights={name: w for name, w in snapshot.weights.items() if name != "queries"})
    for damaged in (larger, fewer):
        with pytest.raises(SnapshotError, match="do not fit its own settings") as caught:
            damaged.build_model()
        assert "\n" not in str(caught.value)


WEIGHTS = {"query_embed.weight": torch.arange(6.0).view(2, 3)}


@pytest.mark.parametrize(
    "content",
    [
        WEIGHTS,
        {"model": WEIGHTS},
        {"model": WEIGHTS, "epoch": 3, "optimizer": {"state": {}, "param_groups": [{"lr": 1e-4, "params": [0]}]}},
        {"model": WEIGHTS, "args": argparse.Namespace(lr=1e-4, masks=False, dataset="coco", betas=[0.9, 0.999])},
    ],
    ids=["weights alone", "model", "training state", "published"],
)
def test_a_checkpoint_of_tensors_is_read(tmp_path: Path, content: dict[str, Any]) -> None:
    torch.save(content, tmp_path / "poet.pth")
    assert_same_tensors(load_published(tmp_path / "poet.pth"), WEIGHTS)


class Malicious:
    """Pickled, it is an instruction to create a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_checkpoint_with_code_in_it_is_refused_and_the_code_not_run(tmp_path: Path, zipped: bool) -> None:
    trace, path = tmp_path / "was run", tmp_path / "poet.pth"
    content = {"model": WEIGHTS, "args": Malicious(trace)}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    torch.load(path, weights_only=False)
    assert trace.exists(), "the file is dangerous to who reads it carelessly"
    trace.unlink()
    with pytest.raises(SnapshotError, match="plain tensors") as caught:
        load_published(path)
    assert "\n" not in str(caught.value)
    assert not trace.exists()


def test_code_hidden_in_the_settings_of_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    trace, path = tmp_path / "was run", tmp_path / "poet.pth"
    torch.save({"model": WEIGHTS, "args": argparse.Namespace(lr=Malicious(trace))}, path)
    with pytest.raises(SnapshotError, match="plain tensors"):
        load_published(path)
    assert not trace.exists()


@pytest.mark.parametrize(
    "content", [{"model": {"a": 1}}, {"model": [1]}, [torch.zeros(2)], torch.zeros(2), {"epoch": 3}]
)
def test_a_checkpoint_without_weights_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "poet.pth")
    with pytest.raises(SnapshotError, match="no dictionary of plain tensors"):
        load_published(tmp_path / "poet.pth")


@pytest.mark.parametrize("content", [b"", b"text\n" * 99, b"PK\x03\x04 no zip", json.dumps([1]).encode()])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "poet.pth").write_bytes(content)
    with pytest.raises(SnapshotError, match=r"poet\.pth: neither") as caught:
        load_published(tmp_path / "poet.pth")
    assert "\n" not in str(caught.value)


def test_a_truncated_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "poet.pth"
    torch.save({"model": WEIGHTS}, path)
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(SnapshotError, match="neither"):
        load_published(path)


@pytest.mark.parametrize(
    "tensor",
    [torch.zeros(2, device="meta"), torch.zeros(2, dtype=torch.complex64), torch.zeros(2).to_sparse()],
    ids=["without data", "complex", "sparse"],
)
@pytest.mark.filterwarnings("ignore:Validating sparse tensor")
def test_tensors_that_are_no_plain_numbers_are_refused(tmp_path: Path, tensor: torch.Tensor) -> None:
    torch.save({"model": WEIGHTS | {"odd": tensor}}, tmp_path / "poet.pth")
    with pytest.raises(SnapshotError, match="no dictionary of plain tensors"):
        load_published(tmp_path / "poet.pth")


def test_a_checkpoint_of_which_one_byte_is_wrong_is_refused(tmp_path: Path) -> None:
    path, weights = tmp_path / "poet.pth", torch.full((9999,), 0.5)
    torch.save({"model": {"weight": weights}}, path)
    content = bytearray(path.read_bytes())
    content[content.index(weights.numpy().tobytes()) + 5000] ^= 1
    path.write_bytes(content)
    with pytest.raises(SnapshotError, match=r"poet\.pth: its content does not fit the checksums in it"):
        load_published(path)
