"""The sizes of networks."""

import pytest
from pydantic import ValidationError

from poetlab.errors import ConfigError
from poetlab.model.presets import PRESETS, ModelSettings, find_preset


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_found_by_name(name: str) -> None:
    assert find_preset(name) is PRESETS[name]


def test_the_papers_networks_have_the_papers_sizes() -> None:
    settings = find_preset("poet-r50")
    assert (settings.backbone, settings.dilated_c5, settings.n_queries) == ("resnet50", False, 25)
    assert (settings.n_encoder_layers, settings.n_decoder_layers, settings.n_heads) == (6, 6, 8)
    assert (settings.n_features, settings.n_feedforward, settings.dropout) == (256, 2048, 0.1)
    assert find_preset("poet-dc5-r50") == settings.model_copy(update={"dilated_c5": True})


def test_an_unknown_preset_is_refused_with_the_known_ones() -> None:
    known = "poet-swift-light, poet-swift-medium, poet-swift-large, poet-r18, poet-r50, poet-dc5-r50"
    with pytest.raises(ConfigError, match=f"no model preset 'poet-r51'; there are {known}$") as caught:
        find_preset("poet-r51")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong", [{"n_queries": 0}, {"dropout": 1.0}, {"backbone": "vgg16"}, {"n_layers": 6}, {"n_heads": "many"}]
)
def test_impossible_and_unknown_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ModelSettings.model_validate(wrong)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        find_preset("poet-r50").n_queries = 50  # type: ignore[misc]


def test_settings_survive_json() -> None:
    settings = find_preset("poet-dc5-r50")
    assert ModelSettings.model_validate_json(settings.model_dump_json()) == settings
