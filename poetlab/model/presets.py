"""The sizes of a POET network and the named presets."""

from typing import Literal, Self

from pydantic import Field, model_validator

from poetlab.errors import ConfigError
from poetlab.settings import Settings


class ModelSettings(Settings):
    """Sizes of one POET network; the number of keypoints comes from the skeleton."""

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
        if self.n_features % 4 or self.n_features % self.n_heads:
            raise ValueError("n_features must be divisible by 4 and by n_heads")
        return self


PRESETS = {
    "poet-r18": ModelSettings(backbone="resnet18", n_features=128, n_feedforward=512),
    "poet-r50": ModelSettings(),
    "poet-dc5-r50": ModelSettings(dilated_c5=True),
}
"""`poet-r50` and `poet-dc5-r50` are the paper's; `poet-r18` is a light one for laptops."""


def find_preset(name: str) -> ModelSettings:
    """The sizes of a named preset.

    Raises:
        ConfigError: If there is no preset of that name.
    """
    if name not in PRESETS:
        raise ConfigError(f"no model preset '{name}'; there are {', '.join(PRESETS)}")
    return PRESETS[name]


def is_swift(preset: str) -> bool:
    """Whether a named preset is of the swift family; the others are faithful to the paper.

    Raises:
        ConfigError: If there is no preset of that name.
    """
    return getattr(find_preset(preset), "family", None) == "swift"
