"""How strongly training images are changed at random."""

from pydantic import Field, field_validator

from poetlab.settings import Settings


class AugmentConfig(Settings):
    """Random changes of training images, as `config.yaml` has them: what is None is chosen when a run starts.

    Probabilities are those of applying each to an image. Where images are fitted into a letterbox, `zoom` and `shift`
    take the place of cropping, and colors change too.
    """

    rotation: float | None = Field(None, ge=0, le=180, description="largest angle in degrees, either way; null: chosen")
    rotation_probability: float | None = Field(None, ge=0, le=1, description="turn by a random angle; null: chosen")
    crop_probability: float = Field(0.5, ge=0, le=1, description="cut a random part of at least half of each side")
    flip_probability: float | None = Field(
        None, ge=0, le=1, description="mirror left and right, keypoints included; null: chosen"
    )
    dropout_probability: float | None = Field(
        None, ge=0, le=1, description="blank a few random patches (coarse dropout); null: chosen"
    )
    upright: float | None = Field(
        None,
        ge=0,
        le=1,
        description="last part of the epochs, in which images are neither turned nor mirrored; null: chosen",
    )
    zoom: tuple[float, float] = Field(
        (0.85, 1.2), description="with a letterbox: range of the scale, where 1 just fits; [1, 1]: none"
    )
    shift: float = Field(
        0.1, ge=0, le=0.5, description="with a letterbox: farthest that images move, in parts of its sides"
    )
    color_jitter: float = Field(
        0.1, ge=0, lt=1, description="with a letterbox: most that brightness, contrast, gamma and saturation change"
    )

    @field_validator("zoom")
    @classmethod
    def _is_range(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not 0.1 <= value[0] <= value[1] <= 10:
            raise ValueError("give two scales from 0.1 to 10, the smaller first")
        return value


class AugmentSettings(AugmentConfig):
    """Random changes of training images with nothing left to choose; the defaults are the paper's."""

    rotation: float = Field(25.0, ge=0, le=180)
    rotation_probability: float = Field(0.5, ge=0, le=1)
    flip_probability: float = Field(0.5, ge=0, le=1)
    dropout_probability: float = Field(0.5, ge=0, le=1)
    upright: float = Field(0.0, ge=0, le=1)
