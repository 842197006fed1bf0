"""The names of published weights, and where they are kept."""

import re
from pathlib import Path

import pytest
from torchvision.models import MobileNet_V3_Large_Weights, ResNet18_Weights, ResNet50_Weights

from poetlab.errors import ConfigError, SnapshotError
from poetlab.model.presets import PRESETS
from poetlab.weights.catalog import (
    cache_folder,
    other_backbones,
    published_weights,
    weights_for_network,
    weights_named,
)


def test_every_preset_has_weights_of_its_backbone() -> None:
    for preset, settings in PRESETS.items():
        assert weights_for_network("imagenet", preset).name == f"imagenet-{settings.backbone}"
    assert weights_for_network("imagenet", "poet-r18").url == ResNet18_Weights.IMAGENET1K_V1.url
    assert weights_for_network("imagenet", "poet-dc5-r50").url == ResNet50_Weights.IMAGENET1K_V1.url


def test_any_model_of_torchvision_has_weights_with_a_checksum() -> None:
    others = other_backbones()
    assert {"imagenet-resnet34", "imagenet-convnext_tiny", "imagenet-densenet121"} <= {each.name for each in others}
    assert not {each.name for each in others} & {each.name for each in published_weights()}
    for weights in others:
        assert weights.sha256_start
        assert re.search(rf"-{weights.sha256_start}\.pth$", weights.file_name)
        assert re.fullmatch("[0-9a-f]{8,}", weights.sha256_start)
        assert weights_named(weights.name) == (weights,)


def test_a_network_with_another_backbone_has_the_weights_of_that() -> None:
    found = weights_for_network("imagenet", "poet-swift-light", "mobilenet_v3_large")
    assert found.url == MobileNet_V3_Large_Weights.IMAGENET1K_V1.url
    assert weights_for_network("imagenet", "poet-swift-light", "resnet50") == weights_named("imagenet-resnet50")[0]
    assert weights_for_network("coco", "poet-swift-medium", "resnet34").name == "coco"
    with pytest.raises(SnapshotError, match="do not fit the preset poet-swift-light"):
        weights_for_network("coco", "poet-swift-light", "resnet34")


def test_poets_weights_are_those_of_the_zenodo_record() -> None:
    coco = weights_for_network("coco", "poet-dc5-r50")
    assert (coco.url, coco.file_name) == ("https://zenodo.org/api/records/7972042", "poet_ckpt.pth")


def test_poets_weights_do_not_fit_a_small_preset() -> None:
    with pytest.raises(SnapshotError, match="poet-r18; train with --preset poet-swift-medium or --preset poet-r50 or"):
        weights_for_network("coco", "poet-r18")
    with pytest.raises(ConfigError, match="poet-r99"):
        weights_for_network("coco", "poet-r99")


def test_names() -> None:
    assert [weights.name for weights in weights_named("coco")] == ["coco"]
    assert [weights.name for weights in weights_named("imagenet-resnet18")] == ["imagenet-resnet18"]
    backbones = {"imagenet-resnet18", "imagenet-resnet50", "imagenet-resnet101"}
    assert {weights.name for weights in weights_named("imagenet")} == backbones
    for unknown in ("", "coc", "resnet18"):
        with pytest.raises(
            SnapshotError, match="there are coco, imagenet-resnet18, imagenet-resnet50, imagenet-resnet101"
        ):
            weights_named(unknown)


def test_checksums_are_the_digits_in_the_names_of_pytorchs_files() -> None:
    for weights in published_weights():
        if weights.sha256_start is not None:
            assert weights.file_name.endswith(f"-{weights.sha256_start}.pth")
            assert len(weights.sha256_start) == 8
            assert int(weights.sha256_start, 16)


def test_the_cache_can_be_elsewhere(cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert cache_folder() == cache
    assert {weights.path.parent for weights in published_weights()} == {cache}
    monkeypatch.delenv("POETLAB_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder().name == "poetlab"
    assert cache_folder() != cache


def test_a_damaged_checksum_file_counts_as_none(cache: Path) -> None:
    (coco,) = weights_named("coco")
    cache.mkdir()
    for content in (b"", b"short  poet_ckpt.pth\n", b"\xff" * 40, b"0" * 33):
        coco.md5_path.write_bytes(content)
        assert coco.record_md5 is None
