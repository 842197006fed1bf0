"""Everything about a training run that a user may set."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from poetlab.data.augment_settings import AugmentConfig, AugmentSettings
from poetlab.model.loss_settings import LossSettings, SwiftLossSettings
from poetlab.settings import Settings

Schedule = Literal["drop", "cosine"]


class TrainingConfig(Settings):
    """How a network shall be trained, as `config.yaml` has it; what is None is chosen when a run starts (`recipe`)."""

    epochs: int | None = Field(
        None, ge=0, description="times that every image is shown; 0 only measures the start; null: chosen"
    )
    batch_size: int | None = Field(None, ge=1, description="images a step; null: chosen")
    learning_rate: float | None = Field(None, gt=0, description="of the transformer and the heads; null: chosen")
    backbone_learning_rate: float | None = Field(
        None,
        gt=0,
        description="null: a tenth of learning_rate if the backbone is pretrained (the paper's 5e-6), else the same",
    )
    schedule: Schedule | None = Field(
        None, description="drop: the rates drop once; cosine: they rise, then fall to 0 at the last epoch; null: chosen"
    )
    learning_rate_drop: float = Field(
        0.8,
        gt=0,
        le=1,
        description="if drop: part of the epochs after which the rates drop to a tenth; the paper's 200 of 250",
    )
    warm_up: float = Field(0.05, ge=0, lt=1, description="if cosine: part of the epochs in which the rates rise")
    averaging: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="decay of the moving average of the weights, which is what is measured and kept; 0: none; "
        "null: chosen",
    )
    patience: int | None = Field(
        None,
        ge=0,
        description="epochs without a better validation AP after which a run ends early; 0: never; null: chosen",
    )
    freeze: list[str] | None = Field(
        None,
        description="parts of the network that do not learn; null: of faithful presets the backbone's stem if it is "
        "pretrained; []: none",
    )
    rate_factors: dict[str, Annotated[float, Field(gt=0)]] = Field(
        default={}, description="parts of the network, each with a factor on its learning rate; the longest name counts"
    )
    weight_decay: float = Field(1e-4, ge=0)
    clip_norm: float | None = Field(None, gt=0, description="largest norm of the gradient; null: chosen")
    bfloat16: bool | None = Field(
        None, description="compute in 16 bits, except what needs 32; null: where the processor is made for it"
    )
    validate_every: int | None = Field(
        None, ge=1, description="epochs from one validation to the next; the last always has one; null: chosen"
    )
    also_evaluate: tuple[str, ...] = Field(
        (), description="label sets that are never trained on, only measured at each validation"
    )
    negatives: bool = Field(default=True, description="show images without animals too; the paper does not")
    split: str | None = Field(
        None,
        description="which images validate; null: as split at import; video, frame: drawn anew; or a CSV file",
    )
    val_fraction: float = Field(0.2, gt=0, lt=1, description="part of the images for validation, if split draws them")
    save_seconds: float = Field(60, ge=0, description="most seconds of work that a crash can cost")
    image_cache: int = Field(
        2000, ge=0, description="with a letterbox: most megabytes of memory for decoded images; others are read anew"
    )
    workers: int | None = Field(None, ge=0, description="processes that read images; null: as the machine allows")
    seed: int = Field(
        0, ge=0, lt=2**63, description="of everything random; the same seed on one CPU gives the same network"
    )
    loss: LossSettings = Field(
        default=LossSettings(), description="weights of the parts of the loss, for the faithful presets"
    )
    swift_loss: SwiftLossSettings = Field(
        default=SwiftLossSettings(), description="weights of the parts of the loss, for the swift presets"
    )
    augmentation: AugmentConfig = Field(default=AugmentConfig(), description="random changes of training images")

    @model_validator(mode="after")
    def _learns_positions(self) -> Self:
        if self.loss.keypoints == self.loss.offsets == 0:
            raise ValueError(
                "loss.keypoints and loss.offsets are both 0, so that nothing would teach where a keypoint lies; "
                "give one of them a weight"
            )
        if self.swift_loss.keypoints == self.swift_loss.oks == 0:
            raise ValueError(
                "swift_loss.keypoints and swift_loss.oks are both 0, so that nothing would teach where a keypoint "
                "lies; give one of them a weight"
            )
        return self


class TrainingSettings(TrainingConfig):
    """How a network is trained, with nothing left to choose.

    The defaults are the paper's, "Implementation Details", but for the batch size, which is 12 or 64 there.
    """

    epochs: int = Field(250, ge=0)
    batch_size: int = Field(8, ge=1)
    learning_rate: float = Field(5e-5, gt=0)
    schedule: Schedule = "drop"
    averaging: float = Field(0, ge=0, lt=1)
    patience: int = Field(0, ge=0)
    clip_norm: float = Field(0.1, gt=0)
    validate_every: int = Field(5, ge=1)
    augmentation: AugmentSettings = AugmentSettings()

    @property
    def first_upright_epoch(self) -> int:
        """The number, from 0, of the first epoch in which images are neither turned nor mirrored."""
        return self.epochs - round(self.augmentation.upright * self.epochs)

    def augmentation_in(self, epoch: int) -> AugmentSettings:
        """How the images of an epoch, counted from 0, are changed."""
        if epoch < self.first_upright_epoch:
            return self.augmentation
        return self.augmentation.model_copy(update={"rotation_probability": 0.0, "flip_probability": 0.0})
