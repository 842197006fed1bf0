"""The weights of the parts of POET's loss and matching cost."""

from pydantic import Field

from poetlab.settings import Settings


class LossSettings(Settings):
    """Weights of the loss (paper equation 3 and "Implementation Details"); the class part has weight 1."""

    keypoints: float = Field(4.0, ge=0, description="lambda_abs: L1 distance of absolute keypoint positions")
    visibility: float = Field(0.2, ge=0, description="lambda_vis: squared difference of visibilities")
    centers: float = Field(0.5, ge=0, description="lambda_ctr: squared distance of centers")
    offsets: float = Field(0.5, ge=0, description="lambda_deltas: L1 distance of offsets from the center")
    offsets_with_center: bool = Field(
        default=False, description="add the L1 distance of centers to that of offsets (the paper's Table 3)"
    )
    no_object: float = Field(0.1, gt=0, description="weight of queries without an animal in the class part")
