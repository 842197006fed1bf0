"""The weights of the parts of the losses of both families."""

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


class SwiftLossSettings(Settings):
    """Weights of the swift family's loss; a part of weight 0 is not trained.

    The first parts are those of every decoder layer; distances are in sizes of the animal.
    """

    presence: float = Field(2.0, ge=0, description="focal loss of whether a query has an animal")
    keypoints: float = Field(4.0, ge=0, description="L1 distance of keypoints")
    oks: float = Field(2.0, ge=0, description="1 - OKS of the pose")
    centers: float = Field(0.5, ge=0, description="L1 distance of centers")
    visibility: float = Field(0.2, ge=0, description="cross-entropy of visibilities")
    expected_oks: float = Field(0.5, ge=0, description="cross-entropy of the OKS that a query expects of its pose")
    guided: float = Field(
        1.0, ge=0, description="factor on all these but presence, for queries started near true centers; 0: none"
    )
    center_map: float = Field(4.0, ge=0, description="focal loss of where centers are")
    keypoint_maps: float = Field(8.0, ge=0, description="focal loss of where keypoints are")
    shifts: float = Field(4.0, ge=0, description="L1 distance of the way to the nearest point, in cells")
    field: float = Field(4.0, ge=0, description="L1 distance of the way from everywhere on an animal to its keypoints")
