"""How strongly training images are changed at random."""

from pydantic import Field

from poetlab.settings import Settings


class AugmentSettings(Settings):
    """Random changes of training images; probabilities are those of applying each to an image."""

    rotation: float = Field(25.0, ge=0, le=180, description="largest angle in degrees, either way")
    rotation_probability: float = Field(0.5, ge=0, le=1)
    crop_probability: float = Field(0.5, ge=0, le=1, description="cut a random part of at least half of each side")
    flip_probability: float = Field(0.5, ge=0, le=1, description="mirror left and right, keypoints included")
    dropout_probability: float = Field(0.5, ge=0, le=1, description="blank a few random patches (coarse dropout)")
