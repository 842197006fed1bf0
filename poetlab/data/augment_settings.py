"""How strongly training images are changed at random."""

from pydantic import Field

from poetlab.settings import Settings


class AugmentConfig(Settings):
    """Random changes of training images, as `config.yaml` has them: what is None is chosen when a run starts.

    Probabilities are those of applying each to an image.
    """

    rotation: float | None = Field(None, ge=0, le=180, description="largest angle in degrees, either way; null: chosen")
    rotation_probability: float | None = Field(None, ge=0, le=1, description="turn by a random angle; null: chosen")
    crop_probability: float = Field(0.5, ge=0, le=1, description="cut a random part of at least half of each side")
    flip_probability: float | None = Field(
        None, ge=0, le=1, description="mirror left and right, keypoints included; null: chosen"
    )
    dropout_probability: float = Field(0.5, ge=0, le=1, description="blank a few random patches (coarse dropout)")


class AugmentSettings(AugmentConfig):
    """Random changes of training images with nothing left to choose; the defaults are the paper's."""

    rotation: float = Field(25.0, ge=0, le=180)
    rotation_probability: float = Field(0.5, ge=0, le=1)
    flip_probability: float = Field(0.5, ge=0, le=1)
