"""The sizes of networks of both families, and the named presets."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from poetlab.errors import ConfigError
from poetlab.settings import Settings


def _check_width(n_features: int, n_heads: int) -> None:
    if n_features % 4 or n_features % n_heads:
        raise ValueError("n_features must be divisible by 4 and by n_heads")


class ModelSettings(Settings):
    """Sizes of one POET network as published; the number of keypoints comes from the skeleton."""

    family: Literal["poet"] = "poet"
    backbone: Literal["resnet18", "resnet34", "resnet50", "resnet101"] = "resnet50"
    dilated_c5: bool = Field(
        default=False, description="dilate the last stage: stride 16 instead of 32 (ResNet-50 and larger)"
    )
    n_queries: int = Field(25, ge=1, description="most animals that one image can hold")
    n_encoder_layers: int = Field(6, ge=1)
    n_decoder_layers: int = Field(6, ge=1)
    n_heads: int = Field(8, ge=1)
    n_features: int = Field(256, ge=4, description="width of the transformer")
    n_feedforward: int = Field(2048, ge=1, description="width of the feed-forward blocks")
    dropout: float = Field(0.1, ge=0, lt=1)

    @model_validator(mode="after")
    def _check_width(self) -> Self:
        _check_width(self.n_features, self.n_heads)
        return self


class SwiftSettings(Settings):
    """Sizes of one network of the swift family; nothing in it depends on the number of keypoints."""

    family: Literal["swift"] = "swift"
    backbone: str = Field("resnet18", description="any torchvision model with features at strides 4, 8, 16 and 32")
    coarsest_stride: Literal[16, 32] = Field(
        16, description="where features attend to each other; of a backbone, what comes after this stride is not used"
    )
    n_queries: int = Field(10, ge=1, description="most animals that one image can hold")
    n_encoder_layers: int = Field(1, ge=0)
    n_decoder_layers: int = Field(3, ge=1)
    n_heads: int = Field(4, ge=1)
    n_features: int = Field(128, ge=4, description="width of the transformer and of the maps from stride 8 on")
    n_feedforward: int = Field(256, ge=1, description="width of the feed-forward blocks")
    n_fine_features: int = Field(64, ge=1, description="width of the map at stride 4")
    n_key_features: int = Field(32, ge=1, description="length of the keys by which the point map is asked for a point")
    dropout: float = Field(0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _check_width(self) -> Self:
        _check_width(self.n_features, self.n_heads)
        return self


NetworkSettings = Annotated[ModelSettings | SwiftSettings, Field(discriminator="family")]
"""Sizes of a network of either family."""

PRESETS: dict[str, ModelSettings | SwiftSettings] = {
    "poet-swift-light": SwiftSettings(),
    "poet-swift-medium": SwiftSettings(
        backbone="resnet50", coarsest_stride=32, n_encoder_layers=3, n_heads=8, n_features=256, n_feedforward=2048
    ),
    "poet-swift-large": SwiftSettings(
        backbone="resnet101",
        coarsest_stride=32,
        n_encoder_layers=6,
        n_decoder_layers=6,
        n_heads=8,
        n_features=256,
        n_feedforward=2048,
    ),
    "poet-r18": ModelSettings(backbone="resnet18", n_features=128, n_feedforward=512),
    "poet-r50": ModelSettings(),
    "poet-dc5-r50": ModelSettings(dilated_c5=True),
}
"""The swift ones learn from few frames; `poet-r50` and `poet-dc5-r50` are the paper's, `poet-r18` is a light POET."""


def find_preset(name: str) -> ModelSettings | SwiftSettings:
    """The sizes of a named preset.

    Raises:
        ConfigError: If there is no preset of that name.
    """
    if name not in PRESETS:
        raise ConfigError(f"no model preset '{name}'; there are {', '.join(PRESETS)}")
    return PRESETS[name]


def network_settings(preset: str, backbone: str | None, n_queries: int | None) -> ModelSettings | SwiftSettings:
    """The sizes of a named preset, with what the user has set instead.

    Args:
        preset: Its name.
        backbone: A torchvision model; None for the preset's.
        n_queries: Most animals that one image can hold; None for the preset's.

    Raises:
        ConfigError: If there is no preset of that name, or its family takes no other backbone.
    """
    settings = find_preset(preset)
    if backbone is not None and not isinstance(settings, SwiftSettings):
        raise ConfigError(
            f"backbone in config.yaml: {preset} is a faithful preset, which keeps its own backbone; set backbone to "
            "null, or train with a swift preset"
        )
    changes = {"backbone": backbone, "n_queries": n_queries}
    return settings.model_copy(update={name: value for name, value in changes.items() if value is not None})


def is_swift(preset: str) -> bool:
    """Whether a named preset is of the swift family; the others are faithful to the paper.

    Raises:
        ConfigError: If there is no preset of that name.
    """
    return isinstance(find_preset(preset), SwiftSettings)
