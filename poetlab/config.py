"""`config.yaml`: every setting of a project, commented and validated."""

import difflib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, Field, ValidationError, field_validator

from poetlab.analysis.settings import AnalysisSettings
from poetlab.data.image_size import ImageSizeSettings
from poetlab.errors import ConfigError, ForeignConfigError
from poetlab.model.presets import PRESETS
from poetlab.settings import Settings
from poetlab.tracking.settings import TrackingSettings
from poetlab.training.settings import TrainingConfig
from poetlab.yaml_file import read_yaml

AnySettings = TypeVar("AnySettings", bound=Settings)

_HEADER = """\
# The settings of a poetlab project. Leave out any line but the next to have its default.
"""


class Config(Settings):
    """All settings of a project."""

    poetlab: Literal[1] = Field(1, description="version of this file's form; leave it as it is")
    skeleton: str = Field(
        "skeleton.yaml",
        description="file with the names of the keypoints; the first import makes it where init did not",
    )
    individuals: int | None = Field(
        None, ge=1, description="animals in each video; null: the most that were labeled in one image"
    )
    preset: str = Field(
        "poet-swift-light",
        description="network to train: poet-swift-light, -medium or -large; poet-r18, poet-r50 or poet-dc5-r50 (the "
        "paper's)",
    )
    backbone: str | None = Field(
        None,
        description="torchvision model in place of a swift preset's backbone, such as mobilenet_v3_large; null: the "
        "preset's",
    )
    n_queries: int | None = Field(
        None, ge=1, description="most animals that the network can find in an image; null: chosen"
    )
    image_size: ImageSizeSettings = Field(
        default=ImageSizeSettings(), description="how large the network sees an image; smaller is faster and coarser"
    )
    training: TrainingConfig = Field(default=TrainingConfig(), description="how a network is trained")
    analysis: AnalysisSettings = Field(default=AnalysisSettings(), description="how videos are analyzed")
    tracking: TrackingSettings = Field(
        default=TrackingSettings(), description="how animals are told apart throughout a video"
    )

    @field_validator("preset")
    @classmethod
    def _is_preset(cls, value: str) -> str:
        if value not in PRESETS:
            raise ValueError(f"there is no such preset; there are {', '.join(PRESETS)}")
        return value


def load_config(path: Path) -> Config:
    """Read and validate a `config.yaml`.

    Raises:
        ConfigError: If it is no YAML, has an unknown or a repeated name, or a value that does not fit.
    """
    content = read_yaml(path, ConfigError)
    if not isinstance(content, dict) or "poetlab" not in content:
        raise ForeignConfigError(f"{path}: no poetlab config (it has no line 'poetlab: 1'); is it another tool's?")
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"{path}: {explain(error, Config)}") from error


def render_config(config: Config) -> str:
    """The text of a `config.yaml`, each setting with its comment."""
    return _HEADER + "".join(_render(config, indent=0))


def explain(error: ValidationError, settings: type[BaseModel]) -> str:
    """The first thing that is wrong with some settings, in words, naming the nearest known name."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] != "extra_forbidden":
        return f"{place}: {first['msg'].removeprefix('Value error, ')}, found {first.get('input')!r}"
    *groups, name = (str(part) for part in first["loc"])
    for group in groups:
        annotation = settings.model_fields[group].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            break
        settings = annotation
    known = list(settings.model_fields)
    nearest = difflib.get_close_matches(name, known, n=1)
    advice = f"did you mean '{nearest[0]}'?" if nearest else f"known are {', '.join(known)}"
    return f"unknown setting '{place}'; {advice}"


def changed(settings: AnySettings, changes: Mapping[str, Any]) -> AnySettings:
    """The settings with those changes that are not None, validated."""
    given = {name: value for name, value in changes.items() if value is not None}
    try:
        return type(settings).model_validate(settings.model_dump() | given)
    except ValidationError as error:
        raise ConfigError(explain(error, type(settings))) from error


def _render(settings: BaseModel, indent: int) -> list[str]:
    lines = []
    margin = "  " * indent
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        comment = f"  # {field.description}" if field.description else ""
        if isinstance(value, BaseModel):
            lines += [f"\n{margin}{name}:{comment}\n", *_render(value, indent + 1)]
        else:
            lines.append(f"{margin}{name}: {_scalar(value)}{comment}\n")
    return lines


def _scalar(value: Any) -> str:
    plain = list(value) if isinstance(value, tuple) else value
    if isinstance(plain, float):
        return f"{plain:g}" if "e" not in f"{plain:g}" else f"{plain:f}".rstrip("0")  # YAML reads 5e-05 as text
    return yaml.safe_dump(plain, default_flow_style=True, width=math.inf).removesuffix("...\n").strip()
