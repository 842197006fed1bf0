"""The published weights that poetlab knows by name, and where it keeps them."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

import pooch
import torchvision
from torchvision.models import get_model_weights, list_models

from poetlab.errors import SnapshotError
from poetlab.model.presets import PRESETS, find_preset

DOWNLOADABLE = ("coco", "imagenet")
"""The names that `--pretrained` takes; of `imagenet` there is one file for each backbone."""

_IMAGENET = "imagenet-"


@dataclass(frozen=True)
class PublishedWeights:
    """One file of weights on the internet.

    Attributes:
        name: What poetlab calls it.
        content: What it is, in words.
        presets: Names of the model presets that it fits as they are.
        file_name: Its name, there and in the cache.
        url: Where it is; or, if `sha256_start` is None, the Zenodo record that says where, and its checksum.
        sha256_start: The first digits of its SHA-256, which PyTorch puts into the names of its files.
        n_bytes: Its size, about; None if only the record says it.
    """

    name: str
    content: str
    presets: tuple[str, ...]
    file_name: str
    url: str
    sha256_start: str | None = None
    n_bytes: int | None = None

    @property
    def path(self) -> Path:
        """Where it is on this machine once it was fetched or added; only whole, verified files get there."""
        return cache_folder() / self.file_name

    @property
    def md5_path(self) -> Path:
        """Where the checksum of its Zenodo record is kept, in the form that `md5sum` writes."""
        return cache_folder() / f"{self.file_name}.md5"

    @property
    def record_md5(self) -> str | None:
        """The checksum of its Zenodo record, if the record was ever read on this machine."""
        return read_md5(self.md5_path)


def read_md5(path: Path) -> str | None:
    """The first checksum in a file such as `md5sum` writes; None if there is no such file."""
    try:
        found = re.match(r"[0-9a-f]{32}\b", path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
    return found[0] if found else None


def cache_folder() -> Path:
    """The folder of all weights: the environment's POETLAB_CACHE, else the system's place for caches."""
    chosen = os.environ.get("POETLAB_CACHE")
    return Path(chosen).expanduser().absolute() if chosen else Path(pooch.os_cache("poetlab"))


def published_weights() -> tuple[PublishedWeights, ...]:
    """All weights that poetlab knows: POET's, and the backbones of its presets."""
    coco = PublishedWeights(
        name="coco",
        content="POET trained on COCO by its authors (Zenodo record 7972042)",
        presets=("poet-swift-medium", "poet-r50", "poet-dc5-r50"),
        file_name="poet_ckpt.pth",
        url="https://zenodo.org/api/records/7972042",
    )
    return coco, *(_imagenet(backbone) for backbone in _preset_backbones())


def other_backbones() -> tuple[PublishedWeights, ...]:
    """The weights of all other classification models of torchvision, which may take the place of a preset's backbone.

    Not all of them have the maps that a network needs.
    """
    others = [name for name in list_models(module=torchvision.models) if name not in _preset_backbones()]
    return tuple(_imagenet(backbone) for backbone in others)


def weights_named(name: str) -> tuple[PublishedWeights, ...]:
    """The weights of that name; `imagenet` names those of all presets' backbones.

    Raises:
        SnapshotError: If there are none.
    """
    known = published_weights()
    named = [weights for weights in known if name == weights.name or weights.name.startswith(f"{name}-")]
    named = named or [weights for weights in other_backbones() if name == weights.name]
    if not named:
        raise SnapshotError(
            f"no published weights '{name}'; there are {', '.join(each.name for each in known)}, and {_IMAGENET} with "
            "the name of any other torchvision model"
        )
    return tuple(named)


def weights_for_network(name: str, preset: str, backbone: str | None = None) -> PublishedWeights:
    """Those of the weights `coco` or `imagenet` that fit a network.

    Args:
        name: Which of the two.
        preset: Name of the network's sizes.
        backbone: The torchvision model in place of the preset's backbone, if there is one.

    Raises:
        SnapshotError: If none of them do.
        ConfigError: If there is no such preset.
    """
    find_preset(preset)
    if f"{name}-" == _IMAGENET and backbone is not None:
        return weights_named(_IMAGENET + backbone)[0]
    named = weights_named(name)
    fitting = [weights for weights in named if preset in weights.presets]
    if not fitting:
        presets = " or ".join(f"--preset {each}" for weights in named for each in weights.presets)
        raise SnapshotError(f"the '{name}' weights do not fit the preset {preset}; train with {presets}")
    return fitting[0]


def preset_that_fits(name: str, preset: str) -> str:
    """This model preset if one of the weights `coco` or `imagenet` fits it, else the first that one of them fits.

    Raises:
        SnapshotError: If there are no such weights.
    """
    fitting = [each for weights in weights_named(name) for each in weights.presets]
    return preset if preset in fitting else fitting[0]


def _preset_backbones() -> tuple[str, ...]:
    return tuple(dict.fromkeys(preset.backbone for preset in PRESETS.values()))


def _imagenet(backbone: str) -> PublishedWeights:
    """The first weights of a backbone that torchvision published; DETR and POET started from those of ResNet-50."""
    weights = next(iter(get_model_weights(backbone)))
    file_name = weights.url.rpartition("/")[2]  # such as resnet50-0676ba61.pth
    return PublishedWeights(
        name=_IMAGENET + backbone,
        content=f"{backbone} trained on ImageNet by torchvision",
        presets=tuple(name for name, settings in PRESETS.items() if settings.backbone == backbone),
        file_name=file_name,
        url=weights.url,
        sha256_start=Path(file_name).stem.rpartition("-")[2],
        n_bytes=round(weights.meta["_file_size"] * 2**20),
    )
